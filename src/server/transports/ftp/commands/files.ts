import { formatTime } from "../../../../core/protocols/ftp/listing.ts"
import type { CommandRow } from "./command-row.ts"

/** What devices come for: a file, its size, its time (RFC 959 §4.1.3, RFC 3659). */
export const fileCommands: readonly CommandRow[] = [
  {
    name: "SIZE",
    needsLogin: true,
    usage: "<file>",
    feature: () => "SIZE",
    run: (context, argument) => {
      const node = context.find(argument, "file")?.node
      if (node?.kind === "file") context.reply(213, String(node.sizeBytes))
      else context.reply(550, "No such file")
    },
  },
  {
    name: "MDTM",
    needsLogin: true,
    usage: "<file>",
    feature: () => "MDTM",
    run: (context, argument) => {
      const node = context.find(argument)?.node
      if (node === undefined) context.reply(550, "No such file")
      else context.reply(213, formatTime(node.modifiedAt))
    },
  },
  {
    name: "RETR",
    needsLogin: true,
    usage: "<file>",
    run: (context, argument) => {
      const from = context.settings.restOffset
      context.settings.restOffset = 0
      const node = context.find(argument, "file")?.node
      if (node?.kind !== "file") context.reply(550, "No such file")
      else if (from > node.sizeBytes) context.reply(554)
      else if (!context.hasDataPlan) context.reply(425, "PASV or PORT comes first")
      else return context.sendFile(node, from)
      return undefined
    },
  },
  {
    name: "ABOR",
    needsLogin: true,
    usage: "",
    // A transfer under way was called off when the line came in; its 426 stands before this reply (RFC 959 §4.1.3).
    run: (context) => {
      context.dropData()
      context.reply(226, "No transfer is under way now")
    },
  },
]
