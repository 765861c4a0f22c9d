// `npm test`: everything. What the tests need from Debian is installed when this process may, and named when it may not.
import { installMissing, testTools } from "./debian-tools.js"
import { runSteps } from "./run.js"

const missing = installMissing(testTools)
if (missing.length > 0) {
  const packages = [...new Set(missing.map((tool) => tool.package))].join(" ")
  const programs = missing.map((tool) => tool.program).join(", ")
  process.stderr.write(`the tests need ${programs}, which this machine lacks; as root: apt-get install ${packages}\n`)
  process.exit(1)
}
await runSteps([
  ["build", "tsc", ["-p", "tsconfig.build.json"]],
  ["tests", "vitest", ["run", ...process.argv.slice(2)]],
])
