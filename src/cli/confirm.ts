import { createInterface } from "node:readline/promises"
import type { Command } from "commander"
import { Failure } from "./failure.ts"

export interface Confirmable {
  readonly yes?: boolean
}

/** For commands that take something away: `--yes` does without the question. */
export function confirmable(command: Command): Command {
  return command.option("--yes", "do not ask; where nobody sits at a terminal nothing is asked")
}

/**
 * Asks a person at a terminal before something is taken away: says what it touches and wants `answer` typed. Nothing is
 * asked with `--yes`, with `--json`, or where input or output is no terminal: scripts go on as before.
 */
export async function confirm(
  { yes, json }: Confirmable & { readonly json?: boolean },
  { says, answer }: { readonly says: string; readonly answer: string },
): Promise<void> {
  if (yes === true || json === true || !process.stdin.isTTY || !process.stderr.isTTY) return
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const typed = await asking.question(`${says}\nType ${answer} to go on: `)
    if (typed.trim() !== answer) throw new Failure("Nothing was done.", { title: "not-confirmed" })
  } finally {
    asking.close()
  }
}
