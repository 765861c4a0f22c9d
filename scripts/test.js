// `npm test`: everything. What the tests need from Debian is installed when this process may, and named when it may not.
import { mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { installMissing, testTools } from "./debian-tools.js"
import { buildSteps, run, runSteps } from "./run.js"

const missing = installMissing(testTools)
if (missing.length > 0) {
  const packages = [...new Set(missing.map((tool) => tool.package))].join(" ")
  const programs = missing.map((tool) => tool.program).join(", ")
  process.stderr.write(`the tests need ${programs}, which this machine lacks; as root: apt-get install ${packages}\n`)
  process.exit(1)
}
const report = join(mkdtempSync(join(tmpdir(), "waft-tests-")), "report.json")
await runSteps(buildSteps)
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`]
const code = await run("vitest", ["run", ...reporters, ...process.argv.slice(2)])
const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, "utf8"))
const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : ""
process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed${skipped}\n`)
process.exit(code ?? 1)
