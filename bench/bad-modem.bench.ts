// `npm run bench bad-modem [-- --count 100000]`: seeded conversations with modems that misbehave in every way that has been reported,
// on a clock of their own. Not one may end in a wrong version, a second order, a lost message or a wrong device. Writes its
// section of docs/benchmarks.md; ends with 1 at the first lie, which it prints with its seed.
import { parseArgs } from "node:util"
import { gsmConversation } from "../test/interop/bad-modem/gsm.ts"
import { quectelConversation } from "../test/interop/bad-modem/quectel.ts"
import { writeSection } from "./write-section.ts"

const { values } = parseArgs({
  options: { count: { type: "string", default: "100000" }, from: { type: "string", default: "0" } },
})
const count = Number(values.count)
const from = Number(values.from)

const ends = new Map<string, number>()
const lies: string[] = []
const note = (what: string): void => void ends.set(what, (ends.get(what) ?? 0) + 1)

for (let seed = from; seed < from + count; seed++) {
  // Of ten conversations six are an agent's at a module, four the server's at its GSM modem.
  if (seed % 10 < 6) {
    const { end, lies: found } = await quectelConversation(seed)
    note(
      `agent at a Quectel module: ${end.state}${/not known|not heard/.test(end.sentence) ? ", and says what is not known" : ""}`,
    )
    lies.push(...found.map((lie) => `quectel ${seed}: ${lie}`))
  } else {
    const { lies: found } = await gsmConversation(seed)
    note("server at a GSM modem: every message taken once and none sent twice")
    lies.push(...found.map((lie) => `gsm ${seed}: ${lie}`))
  }
  if (seed % 5000 === 4999) process.stdout.write(`${seed + 1 - from} of ${count}, ${lies.length} lies\n`)
}

const rows = [...ends].sort(([a], [b]) => a.localeCompare(b)).map(([what, times]) => `| ${what} | ${times} |`)
const text = [
  "## Bad modems",
  "",
  `\`npm run bench bad-modem -- --count ${count}\`: ${count} seeded conversations, each at every cut and with every fault that its seed says, on a clock of its own.`,
  "",
  "| how it ended | conversations |",
  "|---|---|",
  ...rows,
  `| **lies** (wrong version, second order, lost message, wrong device) | **${lies.length}** |`,
].join("\n")
process.stdout.write(`${text}\n${lies.slice(0, 50).join("\n")}\n`)
if (process.env["CI"] === undefined) writeSection("bad-modem", text)
if (lies.length > 0) process.exitCode = 1
