import { Command } from "commander"
import { readConfig, readSettings, shownSettings } from "../server/config.ts"
import { printJson, printTable } from "./output.ts"
import { addSettings, flagsOf } from "./serve.ts"

/** `waft config`: what `waft serve` would go by, and where each setting comes from. */
export function configCommand(): Command {
  return addSettings(
    new Command("config").description(
      "print every setting of the server, checked as `waft serve` would, and where it comes from",
    ),
  )
    .option("--json", "print JSON")
    .action((options: Record<string, string | boolean>) => {
      const given = [flagsOf(options), process.env, options["config"] as string | undefined] as const
      readConfig(...given)
      const settings = shownSettings(readSettings(...given))
      if (options["json"] === true) return printJson(settings)
      printTable(
        settings,
        [
          { title: "SETTING", text: ({ flag }) => flag },
          { title: "VALUE", text: ({ value }) => (value === "" ? "-" : value) },
          { title: "SOURCE", text: ({ source }) => source },
          { title: "FROM", text: ({ from }) => (from === "" ? "-" : from) },
        ],
        "No setting.",
      )
    })
}
