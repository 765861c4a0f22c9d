import { isSameAddress } from "../../../../core/protocols/ftp/address.ts"
import {
  type DataAddress,
  formatExtendedPassiveReply,
  formatPassiveReply,
  parseExtendedPort,
  parsePort,
} from "../../../../core/protocols/ftp/data-address.ts"
import type { CommandContext, CommandRow } from "./command-row.ts"

const smallestActivePort = 1024

/** Accepts where a client wants to be called only if that is the client itself, on no well-known port (RFC 2577 §3). */
function planActive(context: CommandContext, address: DataAddress): void {
  if (!isSameAddress(address.host, context.peer)) context.reply(504, "Data goes to your own address only")
  else if (address.port < smallestActivePort) context.reply(504, "Data goes to ports from 1024 on only")
  else {
    context.planActive(address)
    context.reply(200, "Data connection noted")
  }
}

function withPort(context: CommandContext, deed: (port: number) => void): void | Promise<void> {
  const take = (port: number | null): void => {
    if (port === null) context.reply(425, "No passive port is free")
    else deed(port)
  }
  const port = context.planPassive()
  return port instanceof Promise ? port.then(take) : take(port)
}

/** Network protocols of EPSV (RFC 2428 §2): 1 = IPv4, 2 = IPv6. */
function protocolOf(context: CommandContext): string {
  return context.peer.includes(":") ? "2" : "1"
}

/** How data connections come about (RFC 959 §4.1.2, RFC 2428). */
export const dataConnectionCommands: readonly CommandRow[] = [
  {
    name: "PASV",
    needsLogin: true,
    usage: "",
    run: (context) => {
      const host = context.passiveHost
      if (context.settings.extendedOnly) context.reply(503, "EPSV ALL was given")
      else if (host === null) context.reply(425, "Use EPSV")
      else return withPort(context, (port) => context.reply(227, formatPassiveReply({ host, port })))
      return undefined
    },
  },
  {
    name: "EPSV",
    needsLogin: true,
    usage: "[1 | 2 | ALL]",
    feature: () => "EPSV",
    run: (context, argument) => {
      const asked = argument.trim().toUpperCase()
      if (asked === "ALL") {
        context.settings.extendedOnly = true
        context.reply(200, "Only EPSV from now on")
      } else if (asked !== "" && asked !== protocolOf(context)) {
        if (/^\d+$/.test(asked)) context.reply(522, `Network protocol not supported, use (${protocolOf(context)})`)
        else context.reply(501)
      } else return withPort(context, (port) => context.reply(229, formatExtendedPassiveReply(port)))
      return undefined
    },
  },
  {
    name: "PORT",
    needsLogin: true,
    usage: "h1,h2,h3,h4,p1,p2",
    run: (context, argument) => {
      const address = parsePort(argument)
      if (context.settings.extendedOnly) context.reply(503, "EPSV ALL was given")
      else if (address === null) context.reply(501)
      else planActive(context, address)
    },
  },
  {
    name: "EPRT",
    needsLogin: true,
    usage: "|1|address|port|",
    feature: () => "EPRT",
    run: (context, argument) => {
      const parsed = parseExtendedPort(argument)
      if (context.settings.extendedOnly) context.reply(503, "EPSV ALL was given")
      else if (parsed.ok) planActive(context, parsed.address)
      else context.reply(parsed.fault === "protocol" ? 522 : 501)
    },
  },
]
