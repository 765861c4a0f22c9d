import { MalformedMessage } from "../../../kit/malformed-message.ts"
import { decodeDataCoding } from "../../../protocols/sms/data-coding.ts"
import { formatPduLine } from "../../../protocols/sms/pdu-line.ts"
import { type Deliver, decodeFromCentre } from "../../../protocols/sms/tpdu.ts"
import { octetsOfSms, type SmsCoding } from "../codec/pfm-carriers.ts"
import { waftCodec } from "../codec/pfm-codec.ts"
import { isFromModule, type PfmFromServer, type PfmNameFrom } from "../codec/pfm-table.ts"
import { codeOf } from "../result-codes.ts"
import type { TelitModule } from "./module.ts"
import { registerBySms, registerOverIp, registered } from "./registration.ts"
import { identityOf, repeatAnswer, sendByIp, sendBySms, standingOf } from "./sending.ts"
import { beginUpdate } from "./update.ts"

type Handlers = {
  readonly [Name in PfmNameFrom<"server">]: (
    module: TelitModule,
    message: Extract<PfmFromServer, { name: Name }>,
  ) => Promise<void>
}

/** What the module does with each message of the server that comes by SMS. */
const handlers: Handlers = {
  remoteRegistrationAck: (module, { transaction, fields }) => registered(module, transaction, fields.smsNumber),
  // Chapter 7, step 4: whatever the memory says. Its answer has its transaction, and the count goes on where the server is.
  forcedRegistration: async (module, { transaction, fields }) => {
    const { count, serverNumber } = module.memory.value
    if (fields.count > count) await module.memory.save({ count: fields.count })
    await (serverNumber === "" ? registerOverIp(module, transaction) : registerBySms(module, transaction))
  },
  provisioning: async (module, { transaction, fields }) => {
    await module.memory.save({ bearer: fields })
    await sendBySms(module, { name: "provisioningAck", transaction, fields: {} })
  },
  command: (module, message) => unlessBusy(module, message),
  commandOverIp: (module, message) => unlessBusy(module, message),
  test: (module, message) => unlessBusy(module, message),
  testOverIp: (module, message) => unlessBusy(module, message),
  // Both come on a socket; by SMS they have no meaning.
  commandProgressOverIp: async () => undefined,
  nothingOffered: async () => undefined,
  query: async (module, { transaction }) => {
    const notified = { name: "notified", transaction, fields: identityOf(module) } as const
    // §4.4: in the combined variant the module opens a connection for it.
    const isSms = module.memory.value.variant === "sms"
    const isTold = isSms ? await sendBySms(module, notified) : await sendByIp(module, notified)
    if (isTold) await module.tell("notified")
  },
}

type Order = Extract<PfmFromServer, { name: "command" | "commandOverIp" | "test" | "testOverIp" }>

async function unlessBusy(module: TelitModule, message: Order): Promise<void> {
  if (module.memory.value.update === null) return beginUpdate(module, message)
  const { transaction } = message
  const fields = { code: codeOf("busy"), ...standingOf(module) }
  await sendBySms(module, { name: "errorReport", transaction, fields })
}

/** Takes an SMS: one of the server's is handled and silently discarded (§3.1.2), any other is the host's. */
export async function takeSms(module: TelitModule, tpdu: Uint8Array): Promise<void> {
  const deliver = readDeliver(module, tpdu)
  if (deliver === null) return
  const smsCoding = codingOf(deliver)
  const octets = smsCoding === null ? null : octetsOfSms(deliver.userData.data)
  const isOwn = octets !== null && waftCodec.imeiOf(octets) === module.imei
  // What names another module is nothing to this one: its host may be a server that has it for a modem.
  if (smsCoding === null || !isOwn) return forHost(module, deliver, tpdu)
  const message = readMessage(module, octets)
  if (message === null) return
  await module.memory.save({ smsCoding })
  if (isIgnored(module, message.name) || (await isRepeated(module, message))) return
  await dispatch(module, message)
}

/** "Class 0, 8 bit or no class, 7 bit SMS" (§3.1.2); null = neither: no message of the server. */
function codingOf({ coding }: Deliver): SmsCoding | null {
  const { alphabet, messageClass } = decodeDataCoding(coding)
  if (alphabet === "octets" && messageClass === 0) return "8-bit-class-0"
  return alphabet === "gsm7" && messageClass === null ? "7-bit-no-class" : null
}

/** A message seen before gets the answer that it got then; while there is none yet, nothing. */
async function isRepeated(module: TelitModule, { name, transaction }: PfmFromServer): Promise<boolean> {
  if (name === "remoteRegistrationAck" || name === "forcedRegistration") return false
  return (await repeatAnswer(module, transaction)) || module.memory.value.update?.transaction === transaction
}

function dispatch<Name extends PfmNameFrom<"server">>(
  module: TelitModule,
  message: Extract<PfmFromServer, { name: Name }>,
): Promise<void> {
  const handle = handlers[message.name] as (
    module: TelitModule,
    message: Extract<PfmFromServer, { name: Name }>,
  ) => Promise<void>
  return handle(module, message)
}

function readDeliver(module: TelitModule, tpdu: Uint8Array): Deliver | null {
  try {
    const read = decodeFromCentre(tpdu)
    if (read.kind === "deliver") return read
    // What became of the host's own message (3GPP TS 27.005 §3.4.1); the server's client asks for no reports.
    module.say(`+CDS: ${tpdu.length}\r\n${formatPduLine({ centre: null, tpdu })}`)
    return null
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error
    module.body.log(`a malformed SMS: ${error.message}`)
    return null
  }
}

function readMessage(module: TelitModule, octets: Uint8Array): PfmFromServer | null {
  try {
    const message = waftCodec.decode(octets, module.keys)
    if (message !== "forged" && message.imei === module.imei && !isFromModule(message)) return message
    module.body.log("a PFM message that is forged, or for another module")
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error
    module.body.log(`a malformed PFM message: ${error.message}`)
  }
  return null
}

function isIgnored(module: TelitModule, name: PfmFromServer["name"]): boolean {
  const { ignores, ignoresOnce } = module.fault
  if (ignores === name) return true
  if (ignoresOnce !== name || module.ignoredOnce) return false
  module.ignoredOnce = true
  return true
}

/** Class 0 goes straight to the host, everything else onto the shelf (3GPP TS 27.005 §3.4.1). */
function forHost(module: TelitModule, deliver: Deliver, tpdu: Uint8Array): void {
  const pdu = formatPduLine({ centre: null, tpdu })
  if (decodeDataCoding(deliver.coding).messageClass === 0) return module.say(`+CMT: ,${tpdu.length}\r\n${pdu}`)
  const place = module.shelf.put(pdu)
  if (place !== null) module.say(`+CMTI: "SM",${place}`)
}
