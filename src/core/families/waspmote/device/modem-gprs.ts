import { LinkError } from "../../body.ts"
import { gprsBinaryOffset } from "../result-codes.ts"
import { FtpSession } from "../../clients/ftp-session.ts"
import { type Mote, unlessLinkFails } from "./mote.ts"
import { type OtaOutcome, ended } from "./ota-outcome.ts"
import { type BlindStop, readBlindly, toSignedByte } from "./read-notice.ts"
import { damageHeader } from "./received.ts"

/** GPRS_Pro and GPRS+GPS: SIMCom SIM900 and SIM908, as waspmote-api/WaspGPRS_Pro_core.cpp drives them. */

const baud = 57_600
const packetBytes = 490
const tries = 3
/** The library gives up a download after this. */
const longestDownloadMs = 300_000

type Phase = "notice" | "binary"

const stops: Readonly<Record<BlindStop, number>> = { "no-file-label": -66, "no-path": -67, "no-version": -68 }

/** A step of the modem that failed: its return code while fetching UPGRADE.TXT. */
class StepFailed extends Error {
  override readonly name = "StepFailed"
  readonly code: number

  constructor(code: number) {
    super(`step failed with ${code}`)
    this.code = code
  }
}

/** Steps with the code for ERROR and the code for a CME error, while fetching UPGRADE.TXT. */
export const gprsStepCodes: Readonly<Record<string, readonly [error: number, cme: number]>> = {
  "AT+SAPBR=1,1": [-9, -9],
  "AT+SAPBR=2,1": [-11, -11],
  "AT+FTPCID": [-12, -50],
  "AT+FTPMODE": [-13, -51],
  "AT+FTPTYPE": [-14, -52],
  "AT+FTPSERV": [-15, -53],
  "AT+FTPPORT": [-16, -54],
  "AT+FTPUN": [-17, -55],
  "AT+FTPPW": [-18, -56],
  "AT+FTPGETNAME for AT+FTPSIZE": [-30, -62],
  "AT+FTPGETPATH for AT+FTPSIZE": [-31, -63],
  "AT+FTPSIZE": [-32, -64],
  "AT+FTPGETNAME": [-21, -57],
  "AT+FTPGETPATH": [-22, -58],
  "AT+FTPGET=1": [-23, -59],
  "AT+FTPGET=2": [-26, -60],
  "AT+FTPGET=2 again": [-28, -61],
}

const connectSteps: readonly (readonly [step: string, value: string, code: number])[] = [
  ['AT+SAPBR=3,1,"CONTYPE"', ',"GPRS"', -4],
  ['AT+SAPBR=3,1,"APN"', ',"apn"', -5],
  ['AT+SAPBR=3,1,"USER"', ',"login"', -6],
  ['AT+SAPBR=3,1,"PWD"', ',"***"', -7],
  ["AT+SAPBR=5,1", "", -8],
]

/** `WaspGPRS_Pro::requestOTA`. Every AT+FTPSIZE and AT+FTPGET is an FTP session of its own, which the modem opens. */
export async function requestOtaGprs(mote: Mote): Promise<OtaOutcome> {
  const { sd, eeprom } = mote
  if (mote.at("setup", "AT", "AT") !== null) return ended(-2)
  for (const [step, value, code] of connectSteps) {
    if (mote.at("setup", step, `${step}${value}`) !== null) return ended(code)
  }
  const noticeFault = await fetchToSd(mote, { phase: "notice", remote: ".gprs/UPGRADE.TXT", local: "UPGRADE.TXT" })
  if (noticeFault !== null) return ended(noticeFault)
  const held = { programId: await eeprom.programId("requestedId"), version: await eeprom.byte("version") }
  const text = await sd.cat("UPGRADE.TXT")
  const notice = readBlindly(mote.fault.notice?.(text, held) ?? text, 64)
  if (typeof notice === "string") return ended(stops[notice])
  const { name } = notice
  await sd.remove(name)
  if (name === "NO_FILE") return ended(-69)
  // VERSION lives in an int8_t: 128 to 255 are negative.
  const version = toSignedByte(notice.version)
  mote.say(`UPGRADE.TXT: ${name}, VERSION ${version}; stored: ${held.programId}, ${toSignedByte(held.version)}`)
  if (name === held.programId && version <= toSignedByte(held.version)) return ended(-70)
  const binaryFault = await fetchToSd(mote, { phase: "binary", remote: remoteOf(notice.path, name), local: name })
  if (binaryFault !== null) return ended(binaryFault)
  return { code: "1", install: { name, version: version & 0xff } }
}

/** Directory and name are joined with a slash, whatever PATH ends in: `PATH:/` gives `.gprs//PROG001`. */
export function remoteOf(path: string, name: string): string {
  return `.gprs${path}/${name}`
}

/** Splits at the last slash: the name keeps it, the directory loses it. */
export function splitRemote(remote: string): { readonly path: string; readonly name: string } {
  const slash = remote.lastIndexOf("/")
  return { path: remote.slice(0, slash), name: remote.slice(slash) }
}

interface Fetch {
  readonly phase: Phase
  readonly remote: string
  readonly local: string
}

/** One file to the SD card, up to three tries until the sizes agree; a return code, or null. */
async function fetchToSd(mote: Mote, fetch: Fetch): Promise<number | null> {
  const offset = fetch.phase === "notice" ? 0 : gprsBinaryOffset
  try {
    setUp(mote, fetch.phase)
    const startedAt = mote.body.clock.now()
    for (let attempt = 0; attempt < tries; attempt++) {
      if (await download(mote, fetch)) return null
      if (mote.body.clock.now() - startedAt > longestDownloadMs) break
    }
    return -10 + offset
  } catch (error) {
    if (error instanceof StepFailed) return error.code + offset
    throw error
  }
}

/** Sends a step's command; a fault's answer ends the fetch with the step's code. */
function step(mote: Mote, phase: Phase, key: string, command: string): void {
  const answer = mote.at(phase, key, command)
  if (answer === null) return
  if (answer === "busy") throw new StepFailed(-65)
  throw stepFailed(key, answer === "CME")
}

function stepFailed(key: string, isCme: boolean): StepFailed {
  const [error, cme] = gprsStepCodes[key] ?? [-2, -2]
  return new StepFailed(isCme ? cme : error)
}

function setUp(mote: Mote, phase: Phase): void {
  const { host, port, user } = mote.server
  step(mote, phase, "AT+SAPBR=1,1", "AT+SAPBR=1,1")
  step(mote, phase, "AT+SAPBR=2,1", "AT+SAPBR=2,1")
  step(mote, phase, "AT+FTPCID", "AT+FTPCID=1")
  step(mote, phase, "AT+FTPMODE", "AT+FTPMODE=1")
  step(mote, phase, "AT+FTPTYPE", 'AT+FTPTYPE="I"')
  step(mote, phase, "AT+FTPSERV", `AT+FTPSERV="${host}"`)
  step(mote, phase, "AT+FTPPORT", `AT+FTPPORT="${port}"`)
  step(mote, phase, "AT+FTPUN", `AT+FTPUN="${user}"`)
  step(mote, phase, "AT+FTPPW", 'AT+FTPPW="***"')
}

/** One try: the size, asked twice, then the data. False: what is stored is not as long as the server's file. */
async function download(mote: Mote, { phase, remote, local }: Fetch): Promise<boolean> {
  const { sd } = mote
  const { path, name } = splitRemote(remote)
  step(mote, phase, "AT+FTPGETNAME for AT+FTPSIZE", `AT+FTPGETNAME="${name}"`)
  step(mote, phase, "AT+FTPGETPATH for AT+FTPSIZE", `AT+FTPGETPATH="${path}"`)
  let sizeBytes = 0
  for (let asked = 0; asked < 2; asked++) sizeBytes = await fileSize(mote, phase, path, name)
  step(mote, phase, "AT+FTPGETNAME", `AT+FTPGETNAME="${name}"`)
  step(mote, phase, "AT+FTPGETPATH", `AT+FTPGETPATH="${path}"`)
  if (!sd.start(phase)) throw new StepFailed(-24)
  if (!(await sd.create(phase, local))) throw new StepFailed(-25)
  step(mote, phase, "AT+FTPGET=1", "AT+FTPGET=1")
  const session = await openAt(mote, path)
  if (session === null) throw stepFailed("AT+FTPGET=1", false)
  try {
    const timeoutMs = mote.patience(60_000)
    const options = { mode: "passive", timeoutMs } as const
    const begun = session.begin("RETR", onTheWire(mote, path, name), options).then(() => true)
    if ((await unlessLinkFails(begun)) === null) throw stepFailed("AT+FTPGET=1", true)
    await receive(mote, session, { phase, remote, local })
    await unlessLinkFails(session.finish(timeoutMs))
    await unlessLinkFails(session.quit(timeoutMs))
  } finally {
    session.destroy()
  }
  return (await sd.size(local)) === sizeBytes
}

/** AT+FTPGET=2 until the modem has no more. */
async function receive(mote: Mote, session: FtpSession, { phase, local }: Fetch): Promise<void> {
  for (let taken = 0; ; ) {
    mote.stopIfAborted()
    const key = taken === 0 ? "AT+FTPGET=2" : "AT+FTPGET=2 again"
    if (mote.fault.answer?.step === key) step(mote, phase, key, `AT+FTPGET=2,${packetBytes}`)
    const packet = await readPacket(mote, session, key)
    if (packet.length === 0) return
    await mote.serial(packet.length, baud)
    const block = taken === 0 && phase === "binary" ? damageHeader(mote, packet) : packet
    if (!(await mote.sd.append(phase, local, block))) throw new StepFailed(-27)
    taken += packet.length
  }
}

async function readPacket(mote: Mote, session: FtpSession, key: string): Promise<Uint8Array> {
  try {
    return await session.read(packetBytes, mote.patience(60_000))
  } catch (error) {
    if (error instanceof LinkError) throw stepFailed(key, false)
    throw error
  }
}

/** AT+FTPSIZE: a session of its own. */
async function fileSize(mote: Mote, phase: Phase, path: string, name: string): Promise<number> {
  step(mote, phase, "AT+FTPSIZE", "AT+FTPSIZE")
  const session = await openAt(mote, path)
  if (session === null) throw stepFailed("AT+FTPSIZE", false)
  try {
    const timeoutMs = mote.patience(60_000)
    const size = await unlessLinkFails(session.size(onTheWire(mote, path, name), timeoutMs))
    if (size === null) throw stepFailed("AT+FTPSIZE", true)
    await unlessLinkFails(session.quit(timeoutMs))
    return size
  } finally {
    session.destroy()
  }
}

/**
 * What the modem puts on the wire is its firmware and was not found. The two modems here take the two ways a server must
 * accept: the SIM900 changes into the directory and names the file with its slash, the SIM908 sends one joined path.
 */
function onTheWire(mote: Mote, path: string, name: string): string {
  return mote.model === "gprs-pro" ? name : `${path}${name}`
}

async function openAt(mote: Mote, path: string): Promise<FtpSession | null> {
  const timeoutMs = mote.patience(60_000)
  const session = await unlessLinkFails(FtpSession.open(mote.body, mote.server, timeoutMs))
  if (session === null) return null
  const ready = async (): Promise<true> => {
    await session.must("TYPE", "I", timeoutMs)
    if (mote.model === "gprs-pro") await session.must("CWD", path, timeoutMs)
    return true
  }
  if ((await unlessLinkFails(ready())) === true) return session
  session.destroy()
  return null
}
