import { MalformedMessage } from "../../../kit/malformed-message.ts"
import type { JsonObject } from "../../../kit/json.ts"
import type {
  ConversationInput,
  ConversationMessage,
  ConversationOffer,
  ConversationSituation,
  ConversationStep,
} from "../../conversation.ts"
import { enter } from "./enter.ts"
import { type ModuleMemory, readMemory } from "./memory.ts"
import { frameOf, octetsOfFrame, octetsOfSms, type SmsCoding, smsBytes } from "../codec/pfm-carriers.ts"
import { waftCodec } from "../codec/pfm-codec.ts"
import { pfmKeys } from "../codec/pfm-keys.ts"
import type { ModuleIdentity, PfmFromModule, PfmMessage } from "../codec/pfm-table.ts"
import { conversation } from "./conversation.ts"

export const imeiA = "357464030012345"
export const imeiB = "357464030067890"
export const simA = { number: "393330000001", imsi: "222010000000001" }
export const simB = { number: "393330000002", imsi: "222010000000002" }

/** A small server around the conversation: it saves what a step says, as the fleet does, and lists what was sent. */
export class Bench {
  readonly devices = new Map<string, BenchDevice>()
  readonly sms: {
    readonly device: string
    readonly reference: string
    readonly to: string
    readonly message: PfmMessage
    readonly validitySeconds: number
    readonly coding: SmsCoding
  }[] = []
  readonly notes: { readonly kind: string; readonly sentence: string }[] = []
  readonly evidence: string[] = []
  readonly sentences: string[] = []
  /** Steps in which nothing was to be saved. */
  quiet = 0
  now = Date.UTC(2026, 10, 21)
  #random = 1000
  /** The input of that number is taken twice: the server was killed after it had saved, and before the network knew. */
  repeatAt = -1
  #inputs = 0

  add(id: string, options: Readonly<Record<string, string>> = {}, device: Partial<BenchDevice> = {}): BenchDevice {
    const entered = enter({ ...options, id })
    if ("fault" in entered) throw new Error(entered.fault)
    const made: BenchDevice = {
      id,
      model: "GE910",
      state: entered.familyState,
      running: null,
      isReported: false,
      offered: null,
      serial: 1,
      wake: null,
      ...device,
    }
    this.devices.set(id, made)
    return made
  }

  get inputs(): number {
    return this.#inputs
  }

  /** Takes one input; gives what went back on the socket. */
  take(id: string, input: ConversationInput): readonly (PfmMessage | "hung-up")[] {
    const isRepeated = this.#inputs++ === this.repeatAt
    const answers = this.#take(id, input)
    return isRepeated ? this.#take(id, input) : answers
  }

  #take(id: string, input: ConversationInput): readonly (PfmMessage | "hung-up")[] {
    const device = this.device(id)
    const situation = this.situation(device)
    const step = conversation.step(situation, input)
    // Pure: the same situation and input give the same step.
    const again = conversation.step(situation, input)
    if (JSON.stringify(plain(step)) !== JSON.stringify(plain(again))) throw new Error("a step is not pure")
    return this.#save(device, step)
  }

  #save(device: BenchDevice, step: ConversationStep): readonly (PfmMessage | "hung-up")[] {
    if (step.familyState === device.state) this.quiet++
    device.state = JSON.parse(JSON.stringify(step.familyState)) as JsonObject
    if (step.ticket !== undefined && device.offered !== null) {
      device.serial++
      device.offered = { ...device.offered, ticket: step.ticket }
    }
    if (step.running !== undefined) Object.assign(device, { running: step.running, isReported: true })
    if (step.wakeInMs !== "unchanged") device.wake = step.wakeInMs
    for (const { id, familyState } of step.others) this.device(id).state = familyState
    for (const { kind, sentence } of step.evidence) {
      this.evidence.push(kind)
      this.sentences.push(sentence)
    }
    this.notes.push(...step.notes)
    return step.send.flatMap((message) => this.#send(device.id, message))
  }

  #send(device: string, message: ConversationMessage): readonly (PfmMessage | "hung-up")[] {
    if (message.via === "tcp") {
      return [message.bytes.length === 0 ? "hung-up" : this.#read(device, octetsOfFrame(message.bytes))]
    }
    const { reference, to, validitySeconds, coding } = message
    if (this.sms.some((sent) => sent.reference === reference)) throw new Error(`${reference} is sent twice`)
    const octets = octetsOfSms(message.bytes)
    if (octets === null) throw new Error("an SMS that carries nothing")
    this.sms.push({ device, reference, to, validitySeconds, coding, message: this.#read(device, octets) })
    return []
  }

  #read(device: string, octets: Uint8Array): PfmMessage {
    const message = waftCodec.decode(octets, keysOf(device))
    if (message === "forged") throw new MalformedMessage("the server's own message is forged")
    return message
  }

  situation(device: BenchDevice): ConversationSituation {
    return {
      device: {
        id: device.id,
        model: device.model,
        familyState: device.state,
        runningVersion: device.running,
        isReported: device.isReported,
        secret: secretOf(device.id),
      },
      now: this.now,
      offered: device.offered,
      newTicket: () => ({ user: `ticket-new-${device.serial}`, secret: "secret000002" }),
      ftp: { host: "ota.example.com", port: 2121 },
      tcp: { host: "ota.example.com", port: 9000 },
      smsNumber: "+393399990000",
      random: this.#random++,
      claimants: (claim) =>
        [...this.devices.values()].flatMap(({ id, state }) =>
          id !== device.id && conversation.claims(state).includes(claim) ? [{ id, familyState: state }] : [],
        ),
    }
  }

  device(id: string): BenchDevice {
    const device = this.devices.get(id)
    if (device === undefined) throw new Error(`there is no ${id}`)
    return device
  }

  memory(id: string): ModuleMemory {
    return readMemory(this.device(id).state)
  }

  talk(id: string): string {
    return this.memory(id).talk.state
  }

  /** Makes an offer stand, and tells the conversation. */
  offer(id: string, offered: Partial<BenchOffer> = {}): void {
    const {
      from = "13.00.003",
      to = "13.00.004",
      target = to,
      variant = "sms",
      mode = "manual",
      user = "ticket000001",
      isHeld = false,
    } = offered
    this.device(id).offered = {
      offer: { from, to, hops: 1, variant, mode },
      target,
      sizeBytes: 137_216,
      ticket: { user, secret: "secret000001" },
      isHeld,
    }
    this.take(id, { kind: "offered" })
  }

  withdraw(id: string): void {
    this.device(id).offered = null
    this.take(id, { kind: "withdrawn" })
  }

  /** The wake that stands comes. */
  pass(id: string): void {
    if (this.device(id).wake === null) throw new Error("no wake stands")
    this.take(id, { kind: "time-passed" })
  }

  ask(id: string, request: string): void {
    this.take(id, { kind: "asked", request })
  }

  fromSms(id: string, message: ModuleSays, sender = `+${simA.number}`): void {
    const bytes = smsBytes(encoded(id, message), "8-bit-class-0")
    this.take(id, { kind: "message", via: "sms", from: sender, bytes })
  }

  fromTcp(id: string, message: ModuleSays): readonly (PfmMessage | "hung-up")[] {
    return this.take(id, { kind: "message", via: "tcp", from: "10.0.0.7", bytes: frameOf(encoded(id, message)) })
  }

  /** The last SMS to a device. */
  last(id: string): Bench["sms"][number] {
    const sent = this.sms.findLast(({ device }) => device === id)
    if (sent === undefined) throw new Error(`nothing was sent to ${id}`)
    return sent
  }

  sent(id: string): readonly string[] {
    return this.sms.filter(({ device }) => device === id).map(({ message }) => message.name)
  }
}

export interface BenchDevice {
  readonly id: string
  readonly model: string
  state: JsonObject
  running: string | null
  isReported: boolean
  offered: ConversationOffer | null
  /** Of the next renewed ticket. */
  serial: number
  wake: number | null
}

interface BenchOffer {
  readonly from: string
  readonly to: string
  readonly target: string
  readonly variant: string
  readonly mode: string
  readonly user: string
  readonly isHeld: boolean
}

type Said<Message> = Message extends PfmFromModule ? Omit<Message, "imei"> : never
export type ModuleSays = Said<PfmFromModule>

export function secretOf(id: string): string {
  return `secret-of-module-${id}`
}

export function keysOf(id: string) {
  return pfmKeys(secretOf(id), id)
}

export function encoded(id: string, message: ModuleSays): Uint8Array {
  return waftCodec.encode({ ...message, imei: id }, keysOf(id))
}

export function identity(part: Partial<ModuleIdentity> = {}): ModuleIdentity {
  return { ...simA, plmn: "22201", model: "GE910", firmware: "13.00.003", apn: "ibox.tim.it", variant: "sms", ...part }
}

export function registration(transaction: number, part: Partial<ModuleIdentity> = {}): ModuleSays {
  return { name: "remoteRegistration", transaction, fields: identity(part) }
}

export function ack(
  transaction: number,
  answer: "accepted" | "refused" | "delayed" | "no-answer" = "accepted",
  part: { readonly imsi?: string; readonly firmware?: string } = {},
): ModuleSays {
  return { name: "commandAck", transaction, fields: { answer, imsi: simA.imsi, firmware: "13.00.003", ...part } }
}

export function final(
  transaction: number,
  firmware = "13.00.004",
  result: "updated" | "tested" = "updated",
): ModuleSays {
  return { name: "commandFinal", transaction, fields: { result, imsi: simA.imsi, firmware } }
}

export function failure(transaction: number, code: number): ModuleSays {
  return { name: "errorReport", transaction, fields: { code, imsi: simA.imsi, firmware: "13.00.003" } }
}

/** Messages as text, for comparison. */
function plain(step: ConversationStep): unknown {
  return { ...step, send: step.send.map((message) => ({ ...message, bytes: [...message.bytes] })) }
}
