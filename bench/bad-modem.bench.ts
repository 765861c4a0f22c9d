// `npm run bench bad-modem [-- --count 100000 --cut-seeds 12]`: seeded conversations with modems that misbehave in every way that
// has been reported, on a clock of their own; and of the first seeds of each kind the conversation broken behind each of its bytes,
// once and twice. Not one may end in a wrong version, a second order, a lost message or a wrong device. Every core takes its share
// of the seeds. Writes its section of docs/benchmarks.md; ends with 1 when there was a lie, each printed with its seed.
import { fork } from "node:child_process"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { type Conversation, type Cut, everyCut } from "../test/interop/bad-modem/cuts.ts"
import { gsmConversation } from "../test/interop/bad-modem/gsm.ts"
import { quectelConversation } from "../test/interop/bad-modem/quectel.ts"
import { smppConversation } from "../test/interop/bad-modem/smpp.ts"
import { telitConversation } from "../test/interop/bad-modem/telit.ts"
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
    // Of ten conversations four are an agent's at a Quectel module, three at a Telit module, two the server's at its GSM modem and
    // one its at a service centre.
    if (seed % 10 < 4) {
      const { end, lies: found } = await quectelConversation(seed)
      const isOpen = /not known|not heard/.test(end.sentence)
      note(`agent at a Quectel module: ${end.state}${isOpen ? ", and says what is not known" : ""}`)
      lies.push(...found.map((lie) => `quectel ${seed}: ${lie}`))
    } else if (seed % 10 < 7) {
      const { outcome, lies: found } = await telitConversation(seed)
      note(`agent at a Telit module: ${outcome}`)
      lies.push(...found.map((lie) => `telit ${seed}: ${lie}`))
    } else if (seed % 10 === 9) {
      const { lies: found } = await smppConversation(seed)
      note("server at a service centre: every message has one end that holds, and those of devices were taken")
      lies.push(...found.map((lie) => `smpp ${seed}: ${lie}`))
    } else {
      const { lies: found } = await gsmConversation(seed)
      note("server at a GSM modem: every message taken once and none sent twice")
      lies.push(...found.map((lie) => `gsm ${seed}: ${lie}`))
    }
  }
  return { ends, lies }
}

const subjects: Readonly<Record<string, (seed: number, cuts: readonly Cut[]) => Promise<Conversation>>> = {
  "agent at a Quectel module": quectelConversation,
  "agent at a Telit module": telitConversation,
  "server at a GSM modem": gsmConversation,
  "server at a service centre": smppConversation,
}

/** Every break of the conversations of the seeds up to `seeds`; of each the n-th of so many parts. */
async function breakOff(seeds: number, nth: number, parts: number): Promise<Outcome> {
  const ends: Record<string, number> = {}
  const lies: string[] = []
  for (const [name, converseWith] of Object.entries(subjects)) {
    for (let seed = 0; seed < seeds; seed++) {
      const { bytes } = await converseWith(seed, [])
      const mine = everyCut(bytes, 1).filter((_, index) => index % parts === nth)
      for (const cuts of mine) {
        const { lies: found } = await converseWith(seed, cuts)
        lies.push(...found.map((lie) => `${name} ${seed} ${JSON.stringify(cuts)}: ${lie}`))
        const what = `${name}: broken behind each byte, ${cuts.length === 1 ? "once" : "twice"}`
        ends[what] = (ends[what] ?? 0) + 1
      }
    }
  }
  return { ends, lies }
}

/** A part in a process of its own. */
function inAnotherProcess(part: readonly string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const process_ = fork(fileURLToPath(import.meta.url), [...part, "--part"])
    process_.once("message", (outcome) => resolve(outcome as Outcome))
    process_.once("exit", (code) => reject(new Error(`the part ${part.join(" ")} ended with ${code} and no outcome`)))
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
    "cut-seeds": { type: "string", default: "12" },
    nth: { type: "string" },
    parts: { type: "string" },
    part: { type: "boolean", default: false },
  },
})
const count = Number(values.count)
const from = Number(values.from)

const cutSeeds = Number(values["cut-seeds"])

if (values.part && values.nth !== undefined) {
  process.send?.(await breakOff(cutSeeds, Number(values.nth), Number(values.parts)))
} else if (values.part) {
  process.send?.(await converse(from, count))
} else {
  const cores = availableParallelism()
  const edges = Array.from({ length: cores + 1 }, (_, index) => from + Math.round((count * index) / cores))
  const seeded = edges
    .slice(1)
    .map((to, i) => inAnotherProcess(["--from", String(edges[i]), "--count", String(to - (edges[i] ?? from))]))
  const outcomes = await Promise.all(seeded)
  const broken = Array.from({ length: cores }, (_, nth) =>
    inAnotherProcess(["--nth", String(nth), "--parts", String(cores), "--cut-seeds", String(cutSeeds)]),
  )
  const { ends, lies } = sum([...outcomes, ...(await Promise.all(broken))])
  const rows = Object.entries(ends)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([what, times]) => `| ${what} | ${times} |`)
  const text = [
    "## Bad modems",
    "",
    `\`npm run bench bad-modem -- --count ${count} --cut-seeds ${cutSeeds}\`: ${count} seeded conversations, each with the faults and the cuts that its seed says, on a clock of its own; and the conversations of the first ${cutSeeds} seeds of each kind, broken behind each of their bytes (the rest comes late, or the port is gone) once, and once more soon after.`,
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
