import { withoutBlanks } from "../../../../core/protocols/ftp/command.ts"
import type { CommandRow } from "./command-row.ts"

/** RFC 959 §4.1.1: who is there. */
export const loginCommands: readonly CommandRow[] = [
  {
    name: "USER",
    needsLogin: false,
    usage: "<user>",
    run: (context, argument) => {
      // No login has a blank in it, so blanks around it are one too many.
      const user = withoutBlanks(argument)
      if (user === "") {
        context.reply(501, "USER needs a name")
        return
      }
      // Unknown names are asked for a password too: nobody learns here who exists.
      context.logOut()
      context.settings.user = user
      context.reply(331)
    },
  },
  {
    name: "PASS",
    needsLogin: false,
    usage: "<password>",
    run: (context, argument) => {
      if (context.isLoggedIn) {
        context.reply(202, "Logged in already")
        return undefined
      }
      if (context.settings.user === null) {
        context.reply(503, "USER comes first")
        return undefined
      }
      return context.logIn(withoutBlanks(argument))
    },
  },
  {
    name: "ACCT",
    needsLogin: true,
    usage: "<account>",
    run: (context) => context.reply(202, "No account is needed"),
  },
  {
    name: "QUIT",
    needsLogin: false,
    usage: "",
    run: (context) => {
      context.reply(221)
      context.quit()
    },
  },
]
