import type { CommandRow } from "./command-row.ts"

/** RFC 959 §4.1.3 and RFC 2389: what the server is and knows. */
export const informationCommands: readonly CommandRow[] = [
  { name: "NOOP", needsLogin: false, usage: "", run: (context) => context.reply(200) },
  { name: "SYST", needsLogin: false, usage: "", run: (context) => context.reply(215) },
  {
    name: "FEAT",
    needsLogin: false,
    usage: "",
    run: (context) => {
      const features = [...context.commands.values()].flatMap((row) => row.feature?.(context) ?? [])
      context.reply(211, "Features", ...features, "End")
    },
  },
  {
    name: "HELP",
    needsLogin: false,
    usage: "[<command>]",
    run: (context, argument) => {
      const name = argument.trim().toUpperCase()
      const row = context.commands.get(name)
      if (name === "") {
        const shown = [...context.commands.values()].filter((row) => row.usage !== undefined).map((row) => row.name)
        context.reply(214, "These commands are known", shown.join(" "), "End")
      } else if (row === undefined) context.reply(501, "No such command")
      else context.reply(214, `Syntax: ${`${row.name} ${row.usage ?? ""}`.trim()}`)
    },
  },
]
