import type { RunningServer } from "../server/main.ts"

export async function runDemo(
  _server: RunningServer,
  _options: { readonly data: string; readonly signal: AbortSignal },
): Promise<void> {
  await Promise.resolve()
}
