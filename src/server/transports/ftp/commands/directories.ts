import { quotePath } from "../../../../core/protocols/ftp/path.ts"
import type { CommandContext, CommandRow } from "./command-row.ts"

function changeDirectory(context: CommandContext, argument: string): void {
  if (argument.trim() === "") {
    context.reply(501, "CWD needs a name")
    return
  }
  const found = context.find(argument, "directory")
  if (found === null) {
    context.reply(550, "No such directory")
    return
  }
  context.settings.directory = found.path
  context.reply(250, `Directory is ${quotePath(found.path)}`)
}

function tellDirectory(context: CommandContext): void {
  context.reply(257, `${quotePath(context.settings.directory)} is the working directory`)
}

/** RFC 959 §4.1.1 and §4.1.3, with the X names of RFC 775 that old clients still use. */
export const directoryCommands: readonly CommandRow[] = [
  { name: "CWD", needsLogin: true, usage: "<directory>", run: changeDirectory },
  { name: "XCWD", needsLogin: true, run: changeDirectory },
  { name: "CDUP", needsLogin: true, usage: "", run: (context) => changeDirectory(context, "..") },
  { name: "XCUP", needsLogin: true, run: (context) => changeDirectory(context, "..") },
  { name: "PWD", needsLogin: true, usage: "", run: tellDirectory },
  { name: "XPWD", needsLogin: true, run: tellDirectory },
]
