import { LinkError } from "../../body.ts"
import type { ModemAnswer, Phase } from "./fault-action.ts"
import { damageHeader } from "./received.ts"
import { FtpSession } from "../../clients/ftp-session.ts"
import { type Mote, unlessLinkFails } from "./mote.ts"
import { type OtaOutcome, ended } from "./ota-outcome.ts"
import { type StrictStop, readStrictly } from "./read-notice.ts"

/** 4G: Telit LE910, as libraries/Wasp4G/Wasp4G.cpp drives it. */

const baud = 115_200
/** The library asks for at most this many bytes at a time. */
const packetBytes = 490
const emptyReadsAllowed = 5

const stops: Readonly<Record<StrictStop, number>> = {
  "no-file-label": 5,
  "name-length": 4,
  "no-file": 6,
  "no-path": 7,
  "no-size": 8,
  "no-version": 9,
}

/** `Wasp4G::requestOTA`: two FTP sessions, one for UPGRADE.TXT and one for the program ("to fix v2 module behaviour"). */
export async function requestOta4g(mote: Mote): Promise<OtaOutcome> {
  const modem = new Le910(mote)
  try {
    return await requestOta(mote, modem)
  } finally {
    modem.destroy()
  }
}

async function requestOta(mote: Mote, modem: Le910): Promise<OtaOutcome> {
  const { sd, eeprom } = mote
  if (!sd.start("setup")) return ended(1)
  if (!(await modem.open("notice"))) return ended(3)
  if ((await download(mote, modem, { phase: "notice", remote: "UPGRADE.TXT", local: "UPGRADE.TXT" })) !== 0) {
    return ended(2)
  }
  const held = { programId: await eeprom.programId("requestedId"), version: await eeprom.byte("version") }
  const text = await sd.cat("UPGRADE.TXT")
  const notice = await readStrictly(mote.fault.notice?.(text, held) ?? text, (name) => sd.remove(name))
  if (typeof notice === "string") return ended(stops[notice])
  const { name, version, sizeBytes } = notice
  mote.say(`UPGRADE.TXT: ${name}, ${sizeBytes} bytes, VERSION ${version}; stored: ${held.programId}, ${held.version}`)
  // LE910_CHECK_VERSION: erased EEPROM takes everything.
  if (name === held.programId && held.version !== 255 && held.version >= version) return ended(10)
  if (!(await modem.close())) return ended(25)
  if (!(await modem.open("binary"))) return ended(26)
  // PATH is parsed and never used: the file is asked for by its bare name.
  const failure = await download(mote, modem, { phase: "binary", remote: name, local: name })
  if (failure !== 0) return ended(failure + 11)
  await modem.close()
  if ((await sd.size(name)) !== sizeBytes) return ended(11)
  return { code: "0", install: { name, version } }
}

interface Transfer {
  readonly phase: Phase
  readonly remote: string
  readonly local: string
}

/** `Wasp4G::ftpDownload`: 0, or where it stopped, 1 to 13. */
async function download(mote: Mote, modem: Le910, { phase, remote, local }: Transfer): Promise<number> {
  const { sd } = mote
  const announced = await modem.fileSize(phase, remote)
  if (announced === null) return 2
  if (announced === 0) return 1
  if (!sd.start(phase)) return 3
  if (!(await sd.create(phase, local))) return 4
  if (!(await sd.open(phase, local))) return 5
  if (!sd.seek(phase)) return 6
  if (!(await modem.get(phase, remote))) return 7
  let taken = 0
  let emptyReads = 0
  while (taken < announced) {
    const wanted = Math.min(packetBytes, announced - taken)
    const packet = await modem.receive(phase, wanted)
    if (packet === "ERROR") return 8
    if (packet === "unreadable") return 9
    if (packet === "mismatch") return 10
    if (packet.length === 0) {
      emptyReads += 1
      if (emptyReads >= emptyReadsAllowed) return 12
      await mote.pause(1000)
      continue
    }
    const block = taken === 0 && phase === "binary" ? damageHeader(mote, packet) : packet
    if (!(await sd.append(phase, local, block))) return 11
    taken += packet.length
  }
  await modem.endTransfer()
  return (await sd.size(local)) === announced ? 0 : 13
}

type Packet = Uint8Array | "ERROR" | "unreadable" | "mismatch"

const receiveFaults: Readonly<Partial<Record<ModemAnswer, Packet>>> = {
  ERROR: "ERROR",
  garbled: "unreadable",
  short: "mismatch",
  empty: new Uint8Array(0),
}

/** The modem and its commands; each method is one AT command with its timeout. */
class Le910 {
  readonly #mote: Mote
  #session: FtpSession | null = null

  constructor(mote: Mote) {
    this.#mote = mote
  }

  /** AT#FTPOPEN, 15 s, then AT#FTPTYPE=0 between two pauses of 2 s. */
  async open(phase: Phase): Promise<boolean> {
    const mote = this.#mote
    const { host, port, user, password } = mote.server
    const command = `AT#FTPOPEN="${host}:${port}","${user}","${password}",1`
    if (mote.at(phase, "AT#FTPOPEN", command.replace(`"${password}"`, '"***"')) !== null) return false
    // The library formats the command into 100 bytes.
    if (command.length >= 100) {
      mote.say("  -> host, user and password do not fit into the command")
      return false
    }
    this.#session = await unlessLinkFails(FtpSession.open(mote.body, mote.server, mote.patience(15_000)))
    if (this.#session === null) return false
    await mote.pause(2000)
    if (mote.at(phase, "AT#FTPTYPE", "AT#FTPTYPE=0") !== null) return false
    const typed = await unlessLinkFails(this.#session.must("TYPE", "I", mote.patience(15_000)))
    await mote.pause(2000)
    return typed !== null
  }

  /** AT#FTPFSIZE, 15 s; null when the server does not say. */
  async fileSize(phase: Phase, remote: string): Promise<number | null> {
    const mote = this.#mote
    const answer = mote.at(phase, "AT#FTPFSIZE", `AT#FTPFSIZE="${remote}"`)
    if (answer === "zero") return 0
    if (answer !== null || this.#session === null) return null
    return unlessLinkFails(this.#session.size(remote, mote.patience(15_000)))
  }

  /** AT#FTPGETPKT, 60 s. */
  async get(phase: Phase, remote: string): Promise<boolean> {
    const mote = this.#mote
    if (mote.at(phase, "AT#FTPGETPKT", `AT#FTPGETPKT="${remote}"`) !== null || this.#session === null) return false
    const timeoutMs = mote.patience(60_000)
    const begun = this.#session.begin("RETR", remote, { mode: "passive", timeoutMs }).then(() => true)
    return (await unlessLinkFails(begun)) ?? false
  }

  /** AT#FTPRECV, 2 s: up to `wanted` bytes of what the modem has by then. */
  async receive(phase: Phase, wanted: number): Promise<Packet> {
    const mote = this.#mote
    mote.stopIfAborted()
    const fault = mote.fault.answer
    if (fault !== undefined && fault.phase === phase && fault.step === "AT#FTPRECV") {
      mote.at(phase, "AT#FTPRECV", `AT#FTPRECV=${wanted}`)
      return receiveFaults[fault.with] ?? "ERROR"
    }
    const session = this.#session
    if (session === null) return "ERROR"
    try {
      const packet = await session.read(wanted, mote.patience(2000))
      await mote.serial(packet.length, baud)
      return packet
    } catch (error) {
      if (!(error instanceof LinkError)) throw error
      return error.kind === "timeout" ? new Uint8Array(0) : "ERROR"
    }
  }

  /** The modem notices the end of the data by itself. */
  async endTransfer(): Promise<void> {
    if (this.#session !== null) await unlessLinkFails(this.#session.finish(this.#mote.patience(10_000)))
  }

  /** AT#FTPCLOSE, 10 s. */
  async close(): Promise<boolean> {
    const session = this.#session
    if (this.#mote.at("binary", "AT#FTPCLOSE", "AT#FTPCLOSE") !== null || session === null) return false
    await unlessLinkFails(session.quit(this.#mote.patience(10_000)))
    this.#session = null
    return true
  }

  destroy(): void {
    this.#session?.destroy()
  }
}
