import { type ListingFact, listingFacts } from "../../../../core/protocols/ftp/listing.ts"
import type { CommandContext, CommandRow } from "./command-row.ts"

const types: Readonly<Record<string, "A" | "I">> = { A: "A", "A N": "A", I: "I", "L 8": "I" }

const options: Readonly<Record<string, (context: CommandContext, value: string) => void>> = {
  UTF8: (context, value) => {
    if (value === "" || value.toUpperCase() === "ON") context.reply(200, "Names are UTF-8")
    else context.reply(504, "Names are always UTF-8")
  },
  MLST: (context, value) => {
    const asked = value.toLowerCase().split(";")
    context.settings.facts = listingFacts.filter((fact: ListingFact) => asked.includes(fact))
    const chosen = context.settings.facts.map((fact) => `${fact};`).join("")
    context.reply(200, `MLST OPTS ${chosen}`.trim())
  },
}

/** RFC 959 §4.1.2: transfer parameters; RFC 2389: OPTS. */
export const parameterCommands: readonly CommandRow[] = [
  {
    name: "TYPE",
    needsLogin: true,
    usage: "A | I",
    run: (context, argument) => {
      const type = types[argument.trim().toUpperCase()]
      if (type === undefined) {
        context.reply(argument.trim() === "" ? 501 : 504)
        return
      }
      context.settings.type = type
      context.reply(200, type === "A" ? "Type A; bytes are sent as they are" : "Type I")
    },
  },
  {
    name: "MODE",
    needsLogin: true,
    usage: "S",
    run: (context, argument) => {
      if (argument.trim().toUpperCase() === "S") context.reply(200, "Mode S")
      else context.reply(argument.trim() === "" ? 501 : 504)
    },
  },
  {
    name: "STRU",
    needsLogin: true,
    usage: "F",
    run: (context, argument) => {
      if (argument.trim().toUpperCase() === "F") context.reply(200, "Structure F")
      else context.reply(argument.trim() === "" ? 501 : 504)
    },
  },
  {
    name: "OPTS",
    needsLogin: false,
    usage: "UTF8 ON | MLST <facts>",
    feature: () => "UTF8",
    run: (context, argument) => {
      const [name = "", value = ""] = argument.trim().split(/ +(.*)/s)
      const option = Object.hasOwn(options, name.toUpperCase()) ? options[name.toUpperCase()] : undefined
      if (option === undefined) context.reply(501, "OPTS knows UTF8 and MLST")
      else option(context, value)
    },
  },
  {
    name: "REST",
    needsLogin: true,
    usage: "<offset>",
    feature: () => "REST STREAM",
    run: (context, argument) => {
      if (!/^\d{1,15}$/.test(argument.trim())) {
        context.reply(501, "REST needs an offset in bytes")
        return
      }
      context.settings.restOffset = Number(argument.trim())
      context.reply(350, `The next transfer starts at ${context.settings.restOffset}`)
    },
  },
  {
    name: "ALLO",
    needsLogin: true,
    usage: "<bytes>",
    run: (context) => context.reply(202, "No space is needed"),
  },
]
