import type { Transcript, WireLine } from "./transcript.ts"

/** A fault that a transcript shows. */
export interface Finding {
  /** Names the rule: stable, in kebab-case. */
  readonly rule: string
  /** What is wrong, in one sentence. */
  readonly says: string
  /** What to do about it, in one sentence. */
  readonly cure: string
  /** The line that shows it, counted from 0. */
  readonly line: number
}

interface Rule {
  readonly rule: string
  /** Why a device does not get through, and where that is written. */
  readonly says: string
  readonly cure: string
  /** The first line that shows the fault; -1 = none does. */
  readonly find: (transcript: Transcript) => number
}

const said =
  (from: WireLine["from"], pattern: RegExp) =>
  ({ lines }: Transcript): number =>
    lines.findIndex((line) => line.from === from && pattern.test(line.text))

/** `10,0,0,5,117,48` of a 227 or PORT: the four first numbers. */
function addressOf(text: string): string | null {
  const found = /\b(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),\d{1,3},\d{1,3}\b/.exec(text)
  return found === null ? null : found.slice(1, 5).join(".")
}

/** Addresses that no router on the Internet forwards to: RFC 1918, RFC 6598 (carriers' NAT), RFC 3927, loopback. */
export function isPrivateAddress(address: string): boolean {
  return /^(10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|::1$|f[cd]|fe80:)/i.test(
    address.replace(/^::ffff:/i, ""),
  )
}

const findPrivateAnswer = ({ lines, peer }: Transcript): number =>
  isPrivateAddress(peer)
    ? -1
    : lines.findIndex(
        ({ from, text }) => from === "server" && text.startsWith("227 ") && isPrivateAddress(addressOf(text) ?? ""),
      )

const findForeignPort = ({ lines, peer }: Transcript): number =>
  lines.findIndex(({ from, text }) => {
    if (from !== "device" || !/^PORT /i.test(text)) return false
    const address = addressOf(text)
    return address !== null && address !== peer.replace(/^::ffff:/i, "")
  })

/** A file that is read in the type that turns every LF into CR LF. */
function findAscii({ lines }: Transcript): number {
  let type = "A"
  let hasSaid = false
  return lines.findIndex(({ from, text }) => {
    const told = from === "device" ? /^TYPE\s+([A-Z])/i.exec(text)?.[1] : undefined
    if (told !== undefined) {
      type = told.toUpperCase()
      hasSaid = true
    }
    return hasSaid && type === "A" && from === "device" && /^RETR /i.test(text)
  })
}

const longestPath = 50
const findLongPath = ({ lines }: Transcript): number =>
  lines.findIndex(({ from, text }) => {
    const path = from === "device" ? /^(?:RETR|SIZE|CWD|MDTM)\s+(.*)$/i.exec(text)?.[1] : undefined
    return path !== undefined && new TextEncoder().encode(path).length > longestPath
  })

/** The second transfer that ended within a hundredth of where another one did. */
function findSameBreak({ lines }: Transcript): number {
  const ends: number[] = []
  return lines.findIndex(({ from, text }) => {
    const end = from === "note" ? Number(/broke off after at least (\d+) of/.exec(text)?.[1] ?? "0") : 0
    if (end === 0) return false
    const isSame = ends.some((other) => Math.abs(other - end) <= Math.max(other, end) / 100)
    ends.push(end)
    return isSame
  })
}

/** Passive mode was agreed, and nobody came for the data. */
function findNoData({ lines }: Transcript): number {
  const passive = lines.findIndex(({ from, text }) => from === "server" && /^(227|229) /.test(text))
  const refused = lines.findIndex(({ from, text }) => from === "server" && text.startsWith("425 Can't open data"))
  return passive >= 0 && refused > passive ? refused : -1
}

/** Known faults of the field, the most telling first. */
export const doctorRules: readonly Rule[] = [
  {
    rule: "private-pasv-address",
    says: "The server told the device to come for its data to a private address, which nobody reaches from outside (RFC 1918, RFC 6598).",
    cure: "Start the server with --ftp-advertise ADDRESS, the public address that devices reach it by.",
    find: findPrivateAnswer,
  },
  {
    rule: "data-from-another-address",
    says: "The device's data connection came from another address than its control connection, as behind some carriers' NATs and load balancers.",
    cure: "Start the server with --ftp-data-peer any-of-prefix, or any; docs/protocols/ftp.md says what that costs.",
    find: said("note", /data connection came from/),
  },
  {
    rule: "no-data-connection",
    says: "Passive mode was agreed and the device's data connection never arrived: a firewall on the way lets the control port through and not the data ports.",
    cure: "Open the ports of --ftp-passive-ports in the firewall, and forward them where the server is behind a NAT.",
    find: findNoData,
  },
  {
    rule: "port-to-another-address",
    says: "The device asked for its data at an address that is not the one it comes from (active mode behind a NAT); that is refused (RFC 2577 §3).",
    cure: "Set the modem to passive mode, or have the NAT's FTP helper translate PORT.",
    find: findForeignPort,
  },
  {
    rule: "ascii-transfer",
    says: "The device reads a file in ASCII type, in which lines end with CR LF on the wire (RFC 959 §3.1.1.1): a notice's values get a CR at their end, and a program is damaged.",
    cure: "Have it send TYPE I before RETR: set the modem's transfer type to binary.",
    find: findAscii,
  },
  {
    rule: "cr-in-a-name",
    says: "A name that the device sends ends with a carriage return or a literal \\r: it has read a file whose lines end with CR LF.",
    cure: "Write UPGRADE.TXT with LF alone, and let the device read it as TYPE I; `waft lint UPGRADE.TXT` finds such lines.",
    find: said("device", /^(?:RETR|SIZE|CWD) .*(?:\r|%0D|\\r)\s*$/i),
  },
  {
    rule: "path-too-long",
    says: `The device asks for a path of more than ${longestPath} bytes, beyond what its modems hold (Waspmote OTA guide: 50 with the 3G and GPRS modules).`,
    cure: "Use a shorter directory and name: a FILE of seven characters in the root of the login.",
    find: findLongPath,
  },
  {
    rule: "wrong-apn",
    says: "The network refused the module's data connection: its access point name, or the user or password for it, is wrong, or the SIM's plan has no data (TS 24.008 cause 27 to 33, TS 27.007 §9.2).",
    cure: "Set the access point that the SIM's operator names (`--apn` of the agent, the bearer of the device), and look that the plan includes data.",
    find: said(
      "device",
      /\+CME ERROR: *(?:13[23]|149|553|PDP)|missing or unknown APN|\bAPN\b.*(?:wrong|fail|unknown|reject)|PDP (?:context )?(?:activation|authentication) fail/i,
    ),
  },
  {
    rule: "proxy-in-between",
    says: "A proxy passed the request on (Via, Forwarded or X-Forwarded-For): it may answer from its own memory, cut ranges off and hold bytes back.",
    cure: "Have the carrier take the server's address out of its proxy, use another port than 80, or TLS where the device can.",
    find: said("device", /^(via|forwarded|x-forwarded-for|x-bluecoat-via|x-proxy-id): /i),
  },
  {
    rule: "breaks-at-the-same-byte",
    says: "The transfer broke off at the same place more than once: something on the way or in the device has a limit there.",
    cure: "Compare that number with the device's free space and the carrier's limits; a patch (`waft delta`) may stay below it.",
    find: findSameBreak,
  },
  {
    rule: "wrong-password",
    says: "The login is known and its password was refused.",
    cure: "Put in what `waft device access ID` shows; upper and lower case count.",
    find: said("note", /its password was refused/),
  },
  {
    rule: "probe",
    says: "Whoever came is no device of this kind: a person, a scanner or a monitor with the device's credentials.",
    cure: "It is answered and nothing is concluded from it; if it was none of yours, give the device new credentials (`waft device replace ID`).",
    find: (transcript) => {
      const noted = said("note", /is no device of its family/)(transcript)
      return noted >= 0
        ? noted
        : said(
            "device",
            /^user-agent: .*(nmap|masscan|zgrab|nikto|sqlmap|curl|wget|python|go-http-client|mozilla)/i,
          )(transcript)
    },
  },
  {
    rule: "message-not-delivered",
    says: "A short message did not reach the module.",
    cure: "Look whether the SIM is active and may receive messages, and whether the number in `waft device show ID` is its own.",
    find: said("note", /^message .* failed: /),
  },
]

/** What is wrong in a transcript, each rule at most once; empty = nothing that is known. */
export function diagnose(transcript: Transcript): readonly Finding[] {
  return doctorRules.flatMap(({ rule, says, cure, find }) => {
    const line = find(transcript)
    return line < 0 ? [] : [{ rule, says, cure, line }]
  })
}
