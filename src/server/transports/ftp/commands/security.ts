import type { CommandRow } from "./command-row.ts"

/** RFC 2228 and RFC 4217: explicit TLS. Without a certificate the commands are there, and say no. */
export const securityCommands: readonly CommandRow[] = [
  {
    name: "AUTH",
    needsLogin: false,
    usage: "TLS",
    feature: (context) => (context.mayUseTls ? "AUTH TLS" : null),
    run: (context, argument) => {
      const mechanism = argument.trim().toUpperCase()
      if (!context.mayUseTls) context.reply(502, "TLS is not configured here")
      else if (context.isSecure) context.reply(503, "TLS is on already")
      else if (mechanism !== "TLS" && mechanism !== "TLS-C") context.reply(504, "Only AUTH TLS")
      else {
        context.reply(234)
        return context.startTls()
      }
      return undefined
    },
  },
  {
    name: "PBSZ",
    needsLogin: false,
    usage: "0",
    feature: (context) => (context.mayUseTls ? "PBSZ" : null),
    run: (context, argument) => {
      if (!context.isSecure) context.reply(503, "AUTH comes first")
      else if (!/^\d{1,10}$/.test(argument.trim())) context.reply(501)
      else {
        // RFC 4217 §8: TLS needs no buffer, so the size is always 0.
        context.settings.hasBufferSize = true
        context.reply(200, "PBSZ=0")
      }
    },
  },
  {
    name: "PROT",
    needsLogin: false,
    usage: "C | P",
    feature: (context) => (context.mayUseTls ? "PROT" : null),
    run: (context, argument) => {
      const level = argument.trim().toUpperCase()
      if (!context.settings.hasBufferSize) context.reply(503, "PBSZ comes first")
      else if (level === "C" || level === "P") {
        context.settings.protection = level
        context.reply(200, level === "P" ? "Data connections are protected" : "Data connections are clear")
      } else context.reply(level === "S" || level === "E" ? 536 : 504)
    },
  },
  {
    name: "CCC",
    needsLogin: false,
    run: (context) => context.reply(534, "The control connection stays protected"),
  },
]
