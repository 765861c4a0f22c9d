import { formatFacts, formatListLine, type ListingEntry, listingFacts } from "../../../../core/protocols/ftp/listing.ts"
import type { FtpNode } from "../ftp-host.ts"
import type { CommandContext, CommandRow } from "./command-row.ts"

function entryOf(node: FtpNode): ListingEntry {
  const sizeBytes = node.kind === "file" ? node.sizeBytes : 0
  // A name with a line end in it would be two lines.
  const name = node.name.replaceAll(/[\0-\x1f\x7f]/g, "?")
  return { kind: node.kind, name, sizeBytes, modifiedAt: node.modifiedAt }
}

function entriesOf(node: FtpNode): readonly ListingEntry[] {
  return node.kind === "file" ? [entryOf(node)] : node.children().map(entryOf)
}

/** The name in `LIST -la NAME`: clients and modems put options of Unix `ls` before it. */
function withoutOptions(argument: string): string {
  return argument.replace(/^ *(?:-[A-Za-z0-9]+(?: +|$))+/, "")
}

type Formatter = (context: CommandContext) => (entry: ListingEntry) => string

const asListLine: Formatter = (context) => {
  const now = context.now()
  return (entry) => formatListLine(entry, now)
}
const asName: Formatter = () => (entry) => entry.name
const asFacts: Formatter = (context) => (entry) => formatFacts(entry, context.settings.facts)

function list(context: CommandContext, argument: string, formatter: Formatter): void | Promise<void> {
  const found = context.find(argument)
  if (found === null) context.reply(550, "No such file or directory")
  else if (!context.hasDataPlan) context.reply(425, "PASV or PORT comes first")
  else return context.sendListing(found.path, entriesOf(found.node).map(formatter(context)))
  return undefined
}

/** Listings over a data connection, for one file too (RFC 959 §4.1.3, RFC 3659 §7). */
export const listingCommands: readonly CommandRow[] = [
  {
    name: "LIST",
    needsLogin: true,
    usage: "[<name>]",
    run: (context, argument) => list(context, withoutOptions(argument), asListLine),
  },
  {
    name: "NLST",
    needsLogin: true,
    usage: "[<name>]",
    run: (context, argument) => list(context, withoutOptions(argument), asName),
  },
  {
    name: "MLSD",
    needsLogin: true,
    usage: "[<directory>]",
    run: (context, argument) => {
      if (context.find(argument)?.node.kind === "file") context.reply(501, "MLSD lists directories")
      else return list(context, argument, asFacts)
      return undefined
    },
  },
  {
    name: "MLST",
    needsLogin: true,
    usage: "[<name>]",
    // `*` marks the facts that are switched on (RFC 3659 §7.8).
    feature: ({ settings }) =>
      `MLST ${listingFacts.map((fact) => `${fact}${settings.facts.includes(fact) ? "*" : ""};`).join("")}`,
    run: (context, argument) => {
      const found = context.find(argument)
      if (found === null) context.reply(550, "No such file or directory")
      else {
        const facts = formatFacts({ ...entryOf(found.node), name: found.path }, context.settings.facts)
        context.reply(250, "Listing", facts, "End")
      }
    },
  },
  {
    name: "STAT",
    needsLogin: true,
    usage: "[<name>]",
    run: (context, argument) => {
      const name = withoutOptions(argument)
      const found = name === "" ? null : context.find(name)
      if (name === "") context.reply(211, "Waft FTP server", ...context.describe(), "End")
      else if (found === null) context.reply(550, "No such file or directory")
      else {
        const lines = entriesOf(found.node).map(asListLine(context))
        context.reply(found.node.kind === "file" ? 213 : 212, `Status of ${found.path}`, ...lines, "End")
      }
    },
  },
]
