import { hex, fromHex } from "../../../kit/bytes.ts"
import { MalformedMessage } from "../../../kit/malformed-message.ts"
import { addressOf } from "../../../protocols/sms/address.ts"
import { encodeDataCoding } from "../../../protocols/sms/data-coding.ts"
import { encodeTpdu } from "../../../protocols/sms/tpdu.ts"
import { type ByteStream, LinkError } from "../../body.ts"
import { frameOf, PfmCutter, smsBytes, type SmsCoding } from "../codec/pfm-carriers.ts"
import { waftCodec } from "../codec/pfm-codec.ts"
import { isFromModule, type ModuleIdentity, type PfmFromModule, type PfmFromServer } from "../codec/pfm-table.ts"
import type { TelitModule } from "./module.ts"

/** A message of the module without what every one has. */
export type Saying = {
  readonly [Name in PfmFromModule["name"]]: Omit<Extract<PfmFromModule, { name: Name }>, "imei">
}[PfmFromModule["name"]]

const connectMs = 30_000
const answerMs = 60_000
/** The server should hear of a message within the hour; what comes later it has given up. */
const validityMinutes = 60
const mostAnswers = 8

/** What the module tells of itself (§3.2.1). */
export function identityOf(module: TelitModule): ModuleIdentity {
  const { ownNumber, bearer, ipBearer, variant } = module.memory.value
  const card = module.sim.ready
  return {
    number: (ownNumber === "" ? (card?.number ?? "") : ownNumber).replace(/^\+/, ""),
    imsi: card?.imsi ?? "",
    plmn: module.radio.network() ?? "",
    model: module.model.id,
    firmware: module.version.slice(0, 16),
    apn: ((variant === "sms" ? bearer : ipBearer)?.access ?? "").slice(0, 32),
    variant,
  }
}

/** What the module tells with every word about an update: its card and its firmware. */
export function standingOf(module: TelitModule): { readonly imsi: string; readonly firmware: string } {
  return { imsi: module.sim.ready?.imsi ?? "", firmware: module.version.slice(0, 16) }
}

/** Messages that answer nothing: the server does not ask for them again. */
const beginnings: ReadonlySet<PfmFromModule["name"]> = new Set(["remoteRegistration", "updateRequest"])

/** Octets of a message, kept as the answer to its transaction. */
async function octetsOf(module: TelitModule, saying: Saying): Promise<Uint8Array> {
  const octets = waftCodec.encode({ imei: module.imei, ...saying } as PfmFromModule, module.keys)
  if (beginnings.has(saying.name)) return octets
  const others = module.memory.value.answers.filter(({ transaction }) => transaction !== saying.transaction)
  const answer = { transaction: saying.transaction, octets: hex(octets) }
  await module.memory.save({ answers: [...others, answer].slice(-mostAnswers) })
  return octets
}

/** Sends a message by SMS; false = the network did not take it. */
export async function sendBySms(module: TelitModule, saying: Saying): Promise<boolean> {
  return submit(module, await octetsOf(module, saying))
}

/** Sends again what was last said of a transaction; false = nothing was. */
export async function repeatAnswer(module: TelitModule, transaction: number): Promise<boolean> {
  const answer = module.memory.value.answers.find((known) => known.transaction === transaction)
  const octets = answer === undefined ? null : fromHex(answer.octets)
  return octets !== null && submit(module, octets)
}

const dataCodings: Readonly<Record<SmsCoding, number>> = {
  "8-bit-class-0": encodeDataCoding("octets", 0),
  "7-bit-no-class": encodeDataCoding("gsm7", null),
}

async function submit(module: TelitModule, octets: Uint8Array): Promise<boolean> {
  const { serverNumber, smsCoding } = module.memory.value
  if (serverNumber === "") return false
  return module.radio.sendSms(
    encodeTpdu({
      kind: "submit",
      rejectDuplicates: false,
      statusReportWanted: false,
      hasReplyPath: false,
      reference: 0,
      to: addressOf(serverNumber),
      protocolId: 0,
      coding: dataCodings[smsCoding],
      validity: { format: "relative", minutes: validityMinutes },
      userData: { header: null, data: smsBytes(octets, smsCoding) },
    }),
  )
}

/** A socket to the server, on which both speak PFM. Every failure is a `LinkError`. */
export class ServerSocket {
  readonly #module: TelitModule
  readonly #stream: ByteStream
  readonly #cutter = new PfmCutter()
  readonly #messages: Uint8Array[] = []

  private constructor(module: TelitModule, stream: ByteStream) {
    this.#module = module
    this.#stream = stream
  }

  /** Opens it to the address of `#OTASNAPIP` or `#OTAIPCFG`. */
  static async open(module: TelitModule): Promise<ServerSocket> {
    const server = module.memory.value.ipServer
    if (server === null) throw new LinkError("refused", "the module knows no server")
    const stream = await module.body.net.connect({ ...server, timeoutMs: connectMs })
    module.hangUp = () => stream.destroy()
    return new ServerSocket(module, stream)
  }

  async send(saying: Saying): Promise<void> {
    await this.#stream.write(frameOf(await octetsOf(this.#module, saying)))
  }

  /** The server's next message; one that is forged, or none, ends the connection. */
  async receive(): Promise<PfmFromServer> {
    for (;;) {
      const octets = this.#messages.shift()
      if (octets !== undefined) return this.#read(octets)
      const packet = await this.#stream.read(1024, answerMs)
      if (packet.length === 0) throw new LinkError("reset", "the server has ended the connection")
      try {
        this.#messages.push(...this.#cutter.push(packet))
      } catch (error) {
        throw asLinkError(error)
      }
    }
  }

  #read(octets: Uint8Array): PfmFromServer {
    const { keys, imei } = this.#module
    try {
      const message = waftCodec.decode(octets, keys)
      if (message !== "forged" && message.imei === imei && !isFromModule(message)) return message
    } catch (error) {
      throw asLinkError(error)
    }
    throw new LinkError("reset", "the server's message is not for this module, or forged")
  }

  /** Says a last word. Resolves when the server has ended the connection: it has taken the word in then. */
  async sendLast(saying: Saying): Promise<void> {
    await this.send(saying)
    while ((await this.#stream.read(1024, answerMs)).length > 0);
    this.end()
  }

  end(): void {
    this.#stream.end()
    this.#module.hangUp = null
  }
}

/** Says something on a socket of its own (§4.2.2, §4.4); false = the server has not taken it in. */
export async function sendByIp(module: TelitModule, saying: Saying): Promise<boolean> {
  try {
    await (await ServerSocket.open(module)).sendLast(saying)
    return true
  } catch (error) {
    if (!(error instanceof LinkError) || module.signal.aborted) throw error
    module.hangUp?.()
    module.hangUp = null
    module.body.log(`the server has not heard ${saying.name}: ${error.message}`)
    return false
  }
}

function asLinkError(error: unknown): Error {
  if (error instanceof MalformedMessage) return new LinkError("reset", error.message)
  return error instanceof Error ? error : new Error(String(error))
}
