// `npm run bench NAME [arguments]`: runs bench/NAME.ts. Benchmarks print ratios and write docs/benchmarks.md; no test waits for them.
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { root, run } from "./run.js"

const names = readdirSync(join(root, "bench"))
  .filter((name) => name.endsWith(".bench.ts"))
  .map((name) => name.slice(0, -".bench.ts".length))
const [name, ...args] = process.argv.slice(2)
if (name === undefined || !names.includes(name)) {
  process.stderr.write(`usage: npm run bench NAME, where NAME is one of: ${names.join(", ")}\n`)
  process.exit(2)
}
if ((await run("tsc", ["-p", "tsconfig.build.json"])) !== 0) process.exit(1)
process.exit(await run("tsx", [join("bench", `${name}.bench.ts`), ...args]))
