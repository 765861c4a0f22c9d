import { readConfig } from "../src/server/config.ts"
import { type RunningServer, startServer } from "../src/server/main.ts"
import { quiet } from "./serving.ts"

/** A server in this process, for tests that need nothing of a process of its own; `more` are settings beside the usual. */
export function startHere(data: string, more: Readonly<Record<string, string>> = {}): Promise<RunningServer> {
  return startServer(readConfig({ data, ...quiet, ...more }, {}), "test")
}
