import { readFileSync } from "node:fs"
import { Command } from "commander"
import { printJson, printLines } from "./output.ts"

/** The program's version, from its package. */
export const version: string = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string }
).version

/** `waft version`: what is needed to report a fault. */
export function versionCommand(): Command {
  return new Command("version")
    .description("print the versions of waft and of what it runs on")
    .option("--json", "print JSON")
    .action(({ json }: { readonly json?: boolean }) => {
      const all = { waft: version, node: process.version, platform: `${process.platform} ${process.arch}` }
      if (json === true) return printJson(all)
      printLines(`waft ${all.waft}`, `node ${all.node}`, all.platform)
    })
}
