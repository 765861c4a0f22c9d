// `npm run bench bad-modem [-- --count 100000]`: seeded conversations with modems that misbehave in every way that has been reported,
// on a clock of their own. Not one may end in a wrong version, a second order, a lost message or a wrong device. Every core takes
// its share of the seeds. Writes its section of docs/benchmarks.md; ends with 1 when there was a lie, each printed with its seed.
import { fork } from "node:child_process"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { gsmConversation } from "../test/interop/bad-modem/gsm.ts"
import { quectelConversation } from "../test/interop/bad-modem/quectel.ts"
import { writeSection } from "./write-section.ts"

/** What the conversations of some seeds came to. */
interface Outcome {
  /** How many ended in each way. */
  readonly ends: Readonly<Record<string, number>>
  readonly lies: readonly string[]
}

/** The seeds from `from` on, as many as `count`. */
async function converse(from: number, count: number): Promise<Outcome> {
  const ends: Record<string, number> = {}
  const lies: string[] = []
  const note = (what: string): void => void (ends[what] = (ends[what] ?? 0) + 1)
  for (let seed = from; seed < from + count; seed++) {
    // Of ten conversations six are an agent's at a module, four the server's at its GSM modem.
    if (seed % 10 < 6) {
      const { end, lies: found } = await quectelConversation(seed)
      const isOpen = /not known|not heard/.test(end.sentence)
      note(`agent at a Quectel module: ${end.state}${isOpen ? ", and says what is not known" : ""}`)
      lies.push(...found.map((lie) => `quectel ${seed}: ${lie}`))
    } else {
      const { lies: found } = await gsmConversation(seed)
      note("server at a GSM modem: every message taken once and none sent twice")
      lies.push(...found.map((lie) => `gsm ${seed}: ${lie}`))
    }
  }
  return { ends, lies }
}

/** The same in a process of its own. */
function converseElsewhere(from: number, count: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const part = fork(fileURLToPath(import.meta.url), ["--from", String(from), "--count", String(count), "--part"])
    part.once("message", (outcome) => resolve(outcome as Outcome))
    part.once("exit", (code) => reject(new Error(`the part from seed ${from} ended with ${code} and no outcome`)))
  })
}

/** Adds up. */
function sum(parts: readonly Outcome[]): Outcome {
  const ends: Record<string, number> = {}
  for (const part of parts) {
    for (const [what, times] of Object.entries(part.ends)) ends[what] = (ends[what] ?? 0) + times
  }
  return { ends, lies: parts.flatMap(({ lies }) => lies) }
}

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "100000" },
    from: { type: "string", default: "0" },
    part: { type: "boolean", default: false },
  },
})
const count = Number(values.count)
const from = Number(values.from)

if (values.part) {
  process.send?.(await converse(from, count))
} else {
  const cores = availableParallelism()
  const edges = Array.from({ length: cores + 1 }, (_, index) => from + Math.round((count * index) / cores))
  const shares = edges.slice(1).map((to, index) => converseElsewhere(edges[index] ?? from, to - (edges[index] ?? from)))
  const { ends, lies } = sum(await Promise.all(shares))
  const rows = Object.entries(ends)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([what, times]) => `| ${what} | ${times} |`)
  const text = [
    "## Bad modems",
    "",
    `\`npm run bench bad-modem -- --count ${count}\`: ${count} seeded conversations, each with the faults and the cuts that its seed says, on a clock of its own.`,
    "",
    "| how it ended | conversations |",
    "|---|---|",
    ...rows,
    `| **lies** (wrong version, second order, lost message, wrong device) | **${lies.length}** |`,
  ].join("\n")
  process.stdout.write(`${text}\n${lies.slice(0, 50).join("\n")}\n`)
  if (process.env["CI"] === undefined) writeSection("bad-modem", text)
  if (lies.length > 0) process.exitCode = 1
}
