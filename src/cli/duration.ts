import { Failure } from "./failure.ts"

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `500ms`, `30s`, `5m`, `2h`, `7d` as milliseconds; a bare number means seconds. Throws a `Failure` that names the flag. */
export function parseDuration(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text)
  if (match === null) {
    throw new Failure(`${flag} takes a time such as 30s, 5m, 2h or 7d, not "${text}".`, { exitCode: 2, title: "usage" })
  }
  return Math.round(Number(match[1]) * (unitMs[match[2] ?? "s"] ?? 1000))
}
