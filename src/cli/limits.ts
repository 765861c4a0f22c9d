import { Command } from "commander"
import { connect } from "./api-client.ts"
import { printJson, printTable } from "./output.ts"

/** `waft limits`: what others may cost the server at most, and how often somebody tried. */
export function limitsCommand(): Command {
  return new Command("limits")
    .description("what peers may cost the server, and how often each limit was met since it started")
    .option("--met", "only those that were met")
    .option("--data <DIR>", "data folder of the server")
    .option("--json", "print JSON")
    .action(async (options: { readonly met?: true; readonly data?: string; readonly json?: true }) => {
      const all = await (await connect(options)).call("limits", {})
      const rows = options.met === true ? all.filter(({ hits }) => hits > 0) : all
      if (options.json === true) printJson(rows)
      else
        printTable(
          rows,
          [
            { title: "LIMIT", text: ({ name }) => name },
            { title: "MOST", text: ({ most, unit }) => `${most} ${unit}` },
            { title: "MET", text: ({ hits }) => String(hits) },
            { title: "", text: ({ says }) => says },
          ],
          "No limit was met.",
        )
    })
}
