import { LinkError } from "../../body.ts"
import type { Phase } from "./fault-action.ts"
import { FtpSession } from "../../clients/ftp-session.ts"
import { type Mote, unlessLinkFails } from "./mote.ts"
import { type OtaOutcome, ended } from "./ota-outcome.ts"
import { type BlindStop, readBlindly, toUnsignedByte } from "./read-notice.ts"
import { damageHeader } from "./received.ts"

/** 3G: SIMCom SIM5218, as libraries/_3G/Wasp3G.cpp drives it. */

const baud = 115_200
/** From the modem's memory to the SD card the file goes by XMODEM. */
const xmodemBlockBytes = 128
const tries = 3
/** The base timeout of a fetch, milliseconds; a size from LIST makes it longer. */
const baseTimeoutMs = 30_000

const settings: readonly (readonly [step: string, code: number, cme: number])[] = [
  ["AT+CFTPSERV", -3, -13],
  ["AT+CFTPPORT", -4, -14],
  ["AT+CFTPMODE", -5, -15],
  ["AT+CFTPTYPE", -6, -16],
  ["AT+CFTPUN", -7, -17],
  ["AT+CFTPPW", -8, -18],
]

const stops: Readonly<Record<BlindStop, number>> = { "no-file-label": -23, "no-path": -24, "no-version": -25 }

/** What the two fetches return: got no answer, refused with an FTP error, not copied to the SD card. */
const fetchCodes: Readonly<Record<"notice" | "binary", { silence: number; refused: number; copy: number }>> = {
  notice: { silence: -19, refused: -21, copy: -22 },
  binary: { silence: -28, refused: -31, copy: -32 },
}

/** `Wasp3G::requestOTA`. Every fetch is an FTP session of its own, which the modem opens. */
export async function requestOta3g(mote: Mote): Promise<OtaOutcome> {
  const { sd, eeprom } = mote
  const setup = setUp(mote)
  if (setup !== null) return ended(setup)
  const noticeFault = await fetchToSd(mote, { phase: "notice", path: "/UPGRADE.TXT", local: "UPGRADE.TXT" })
  if (noticeFault !== null) return ended(noticeFault)
  const held = { programId: await eeprom.programId("requestedId"), version: await eeprom.byte("version") }
  const text = await sd.cat("UPGRADE.TXT")
  const notice = readBlindly(mote.fault.notice?.(text, held) ?? text, 60)
  if (typeof notice === "string") return ended(stops[notice])
  const { name } = notice
  await sd.remove(name)
  if (name === "NO_FILE") return ended(-26)
  const version = toUnsignedByte(notice.version)
  mote.say(`UPGRADE.TXT: ${name}, VERSION ${version}; stored: ${held.programId}, ${held.version}`)
  if (name === held.programId && version <= held.version) return ended(-27)
  await mote.pause(10_000)
  // PATH and FILE are joined without a slash: the library has it commented out.
  const binaryFault = await fetchToSd(mote, { phase: "binary", path: `${notice.path}${name}`, local: name })
  if (binaryFault !== null) return ended(binaryFault)
  return { code: "1", install: { name, version } }
}

/** Connection and FTP parameters; a return code, or null when all were taken. */
function setUp(mote: Mote): number | null {
  const { host, port, user } = mote.server
  if (mote.at("setup", "AT+CGSOCKCONT", `AT+CGSOCKCONT=1,"IP","apn"`) !== null) return -2
  const values: Readonly<Record<string, string>> = {
    "AT+CFTPSERV": `"${host}"`,
    "AT+CFTPPORT": String(port),
    "AT+CFTPMODE": "1",
    "AT+CFTPTYPE": "I",
    "AT+CFTPUN": `"${user}"`,
    "AT+CFTPPW": `"***"`,
  }
  for (const [step, code, cme] of settings) {
    const answer = mote.at("setup", step, `${step}=${values[step] ?? ""}`)
    if (answer !== null) return answer === "CME" ? cme : code
  }
  return null
}

interface Fetch {
  readonly phase: "notice" | "binary"
  readonly path: string
  readonly local: string
}

/** LIST for the size, then up to three tries of AT+CFTPGETFILE, then XMODEM to the SD card. A return code or null. */
async function fetchToSd(mote: Mote, { phase, path, local }: Fetch): Promise<number | null> {
  const codes = fetchCodes[phase]
  const sizeBytes = await listedSize(mote, phase, path)
  // A desirable size: without one the base timeout has to do (waspmote dialogue, 3G).
  const timeoutMs = baseTimeoutMs + (sizeBytes ?? 0)
  let got: Uint8Array | "refused" | "silence" = "silence"
  for (let attempt = 0; attempt < tries; attempt++) {
    await mote.pause(10_000)
    got = await getFile(mote, phase, pathOnTheWire(path), timeoutMs)
    if (typeof got !== "string") break
  }
  if (typeof got === "string") return codes[got]
  return (await copyToSd(mote, { phase, local, content: got })) ? null : codes.copy
}

/**
 * The modem's library drops the first character of a path that has exactly one slash or none: `/PROG001` becomes `PROG001`,
 * and `PROG001` becomes `ROG001`, which is not there.
 */
export function pathOnTheWire(path: string): string {
  return path.split("/").length <= 2 ? path.slice(1) : path
}

/** AT+CFTPLIST with the path as it is: the fifth blank-separated token of the reply is the size. */
async function listedSize(mote: Mote, phase: Phase, path: string): Promise<number | null> {
  if (mote.at(phase, "AT+CFTPLIST", `AT+CFTPLIST="${path}"`) !== null) return null
  const timeoutMs = mote.patience(baseTimeoutMs)
  const session = await unlessLinkFails(openSession(mote, timeoutMs))
  if (session === null) return null
  try {
    const text = await unlessLinkFails(session.list(path, timeoutMs))
    const token = text?.trim().split(/[ \r\n]+/)[4]
    if (text !== null) await unlessLinkFails(session.quit(timeoutMs))
    return token !== undefined && /^\d{1,9}$/.test(token) ? Number(token) : null
  } finally {
    session.destroy()
  }
}

async function openSession(mote: Mote, timeoutMs: number): Promise<FtpSession> {
  const session = await FtpSession.open(mote.body, mote.server, timeoutMs)
  try {
    await session.must("TYPE", "I", timeoutMs)
    return session
  } catch (error) {
    session.destroy()
    throw error
  }
}

/** AT+CFTPGETFILE: into the modem's own memory. */
async function getFile(
  mote: Mote,
  phase: Phase,
  path: string,
  timeoutMs: number,
): Promise<Uint8Array | "refused" | "silence"> {
  const answer = mote.at(phase, "AT+CFTPGETFILE", `AT+CFTPGETFILE="${path}",0`)
  if (answer !== null) return answer === "CME" ? "refused" : "silence"
  try {
    return await download(mote, path, mote.patience(timeoutMs))
  } catch (error) {
    if (!(error instanceof LinkError)) throw error
    mote.say(`  -> +CFTPGETFILE: ${error.message}`)
    return error.kind === "refused" ? "refused" : "silence"
  }
}

/** The modem's file area holds more than any program; what does not end there is given up. */
const longestFileBytes = 1_000_000

async function download(mote: Mote, path: string, timeoutMs: number): Promise<Uint8Array> {
  const session = await openSession(mote, timeoutMs)
  try {
    await session.begin("RETR", path, { mode: "passive", timeoutMs })
    let content = new Uint8Array(16_384)
    let length = 0
    for (;;) {
      const bytes = await session.read(1460, timeoutMs)
      if (bytes.length === 0) break
      if (length + bytes.length > longestFileBytes) throw new LinkError("refused", "the file does not end")
      if (length + bytes.length > content.length) {
        const larger = new Uint8Array(content.length * 2)
        larger.set(content)
        content = larger
      }
      content.set(bytes, length)
      length += bytes.length
    }
    if (!(await session.finish(timeoutMs))) throw new LinkError("reset", "the transfer was cut")
    await unlessLinkFails(session.quit(timeoutMs))
    return content.subarray(0, length)
  } finally {
    session.destroy()
  }
}

interface Copy {
  readonly phase: Phase
  readonly local: string
  readonly content: Uint8Array
}

/** From the modem to the SD card, block by block. */
async function copyToSd(mote: Mote, { phase, local, content }: Copy): Promise<boolean> {
  const { sd } = mote
  if (mote.at(phase, "AT+CFTRANTX", `AT+CFTRANTX="${local}"`) !== null) return false
  if (!sd.start(phase) || !(await sd.create(phase, local)) || !(await sd.open(phase, local))) return false
  for (let at = 0; at < content.length; at += xmodemBlockBytes) {
    const block = content.slice(at, at + xmodemBlockBytes)
    await mote.serial(block.length, baud)
    const stored = at === 0 && phase === "binary" ? damageHeader(mote, block) : block
    if (!(await sd.append(phase, local, stored))) return false
  }
  return true
}
