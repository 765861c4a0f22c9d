import { LinkError } from "../../body.ts"
import type { Phase } from "./fault-action.ts"
import { FtpSession } from "../../clients/ftp-session.ts"
import { type Mote, unlessLinkFails } from "./mote.ts"
import { type OtaOutcome, ended } from "./ota-outcome.ts"
import { type StrictStop, readStrictly } from "./read-notice.ts"
import { damageHeader } from "./received.ts"

/** WiFi PRO: ConnectOne Nano WiReach, as libraries/WIFI_PRO/WaspWIFI_PRO.cpp drives it with AT+i commands. */

/** While downloading, the library drops the serial link to this. */
const baud = 9600
const packetBytes = 490
/** The module gives up after ten seconds without data. */
const idleMs = 10_000

const stops: Readonly<Record<StrictStop, string>> = {
  "no-file-label": "ERROR_CODE_0023",
  "name-length": "ERROR_CODE_0022",
  "no-file": "ERROR_CODE_0024",
  "no-path": "ERROR_CODE_0025",
  "no-size": "ERROR_CODE_0026",
  "no-version": "ERROR_CODE_0027",
}

/** `WaspWIFI_PRO::requestOTA`: one session for both files. Success is 0; otherwise it returns 1 and `_errorCode` says why. */
export async function requestOtaWifiPro(mote: Mote): Promise<OtaOutcome> {
  if (!mote.sd.start("setup")) return ended("ERROR_CODE_0010")
  const { host, port, user } = mote.server
  if (mote.at("notice", "AT+iFOPN", `AT+iFOPN:${host},${port}:${user},***`) !== null) return ended("ERROR_CODE_0021")
  const session = await unlessLinkFails(openSession(mote))
  if (session === null) return ended("ERROR_CODE_0021")
  try {
    return await requestOta(mote, session)
  } finally {
    session.destroy()
  }
}

async function openSession(mote: Mote): Promise<FtpSession> {
  const session = await FtpSession.open(mote.body, mote.server, mote.patience(15_000))
  try {
    await session.must("TYPE", "I", mote.patience(15_000))
    return session
  } catch (error) {
    session.destroy()
    throw error
  }
}

async function requestOta(mote: Mote, session: FtpSession): Promise<OtaOutcome> {
  const { sd, eeprom } = mote
  if (!(await fetchToSd(mote, session, { phase: "notice", remote: "UPGRADE.TXT", local: "UPGRADE.TXT" }))) {
    return ended("ERROR_CODE_0021")
  }
  const held = { programId: await eeprom.programId("requestedId"), version: await eeprom.byte("version") }
  const text = await sd.cat("UPGRADE.TXT")
  const notice = await readStrictly(mote.fault.notice?.(text, held) ?? text, (name) => sd.remove(name))
  if (typeof notice === "string") return close(mote, session, stops[notice])
  const { name, path, version, sizeBytes } = notice
  mote.say(`UPGRADE.TXT: ${name}, ${sizeBytes} bytes, VERSION ${version}; stored: ${held.programId}, ${held.version}`)
  // No exception for 255 here.
  if (name === held.programId && held.version >= version) return close(mote, session, "ERROR_CODE_0028")
  const remote = path.endsWith("/") ? `${path}${name}` : `${path}/${name}`
  if (!(await fetchToSd(mote, session, { phase: "binary", remote, local: name }))) {
    return close(mote, session, "ERROR_CODE_0030")
  }
  await close(mote, session, "0")
  if ((await sd.size(name)) !== sizeBytes) return ended("ERROR_CODE_0029")
  return { code: "0", install: { name, version } }
}

/** AT+iFCLS, and the code that the mote ends with. */
async function close(mote: Mote, session: FtpSession, code: string): Promise<OtaOutcome> {
  mote.at("binary", "AT+iFCLS", "AT+iFCLS:000")
  await unlessLinkFails(session.quit(mote.patience(10_000)))
  return ended(code)
}

interface Fetch {
  readonly phase: Phase
  readonly remote: string
  readonly local: string
}

/** AT+iFSZ, then AT+iFRCV; once more when the module could not open its data connection (error 511). */
async function fetchToSd(mote: Mote, session: FtpSession, { phase, remote, local }: Fetch): Promise<boolean> {
  if (mote.at(phase, "AT+iFSZ", `AT+iFSZ:000,${remote}`) !== null) return false
  // A size that is not told is I/0: the module then waits for the end of the data.
  const size = await unlessLinkFails(session.size(remote, mote.patience(15_000)))
  mote.say(`  -> I/${size ?? 0}`)
  if (mote.at(phase, "AT+iFRCV", `AT+iFRCV:000,${remote}`) !== null) return false
  // Without an @ before the server's name the module lets the server open the data connection first.
  if (!(await begin(session, remote, "active", mote)) && !(await begin(session, remote, "passive", mote))) return false
  const { sd } = mote
  if (!(await sd.create(phase, local))) return false
  return receive(mote, session, { phase, remote, local })
}

async function begin(session: FtpSession, remote: string, mode: "active" | "passive", mote: Mote): Promise<boolean> {
  const begun = session.begin("RETR", remote, { mode, timeoutMs: mote.patience(15_000) }).then(() => true)
  return (await unlessLinkFails(begun)) ?? false
}

async function receive(mote: Mote, session: FtpSession, { phase, local }: Fetch): Promise<boolean> {
  try {
    for (let taken = 0; ; ) {
      mote.stopIfAborted()
      const packet = await session.read(packetBytes, mote.patience(idleMs))
      if (packet.length === 0) break
      await mote.serial(packet.length, baud)
      const block = taken === 0 && phase === "binary" ? damageHeader(mote, packet) : packet
      if (!(await mote.sd.append(phase, local, block))) return false
      taken += packet.length
    }
    return await session.finish(mote.patience(idleMs))
  } catch (error) {
    if (error instanceof LinkError) return false
    throw error
  }
}
