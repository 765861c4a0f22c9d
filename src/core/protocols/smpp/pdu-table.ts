import { type Layout, uint16, uint8, type ValuesOf } from "../../kit/layout.ts"
import { cString, responseText, restOctets, restText, shortMessage, smppAddress } from "./fields.ts"

/** The PDUs of SMPP 3.4 that Waft speaks (§4): command id and mandatory fields in their order. */

const bind = {
  systemId: cString(16),
  password: cString(9),
  systemType: cString(13),
  interfaceVersion: uint8,
  typeOfNumber: uint8,
  plan: uint8,
  addressRange: cString(41),
} as const

const bindResponse = { systemId: responseText(16) } as const

/** §4.4.1 and §4.6.1: submit_sm and deliver_sm have the same fields. */
const message = {
  serviceType: cString(6),
  source: smppAddress,
  destination: smppAddress,
  esmClass: uint8,
  protocolId: uint8,
  priority: uint8,
  scheduledAt: cString(17),
  validity: cString(17),
  registeredDelivery: uint8,
  replaceIfPresent: uint8,
  dataCoding: uint8,
  defaultMessageId: uint8,
  shortMessage,
} as const

/** §4.7.1: a message whose text is in message_payload. */
const dataMessage = {
  serviceType: cString(6),
  source: smppAddress,
  destination: smppAddress,
  esmClass: uint8,
  registeredDelivery: uint8,
  dataCoding: uint8,
} as const

const messageResponse = { messageId: responseText(65) } as const
const nothing = {} as const

interface PduRow {
  readonly id: number
  readonly fields: Layout
  /** The row that answers this one; absent for responses. */
  readonly response?: string
}

export const pduTable = {
  genericNack: { id: 0x80000000, fields: nothing },
  bindReceiver: { id: 0x00000001, fields: bind, response: "bindReceiverResponse" },
  bindReceiverResponse: { id: 0x80000001, fields: bindResponse },
  bindTransmitter: { id: 0x00000002, fields: bind, response: "bindTransmitterResponse" },
  bindTransmitterResponse: { id: 0x80000002, fields: bindResponse },
  submitSm: { id: 0x00000004, fields: message, response: "submitSmResponse" },
  submitSmResponse: { id: 0x80000004, fields: messageResponse },
  deliverSm: { id: 0x00000005, fields: message, response: "deliverSmResponse" },
  deliverSmResponse: { id: 0x80000005, fields: messageResponse },
  unbind: { id: 0x00000006, fields: nothing, response: "unbindResponse" },
  unbindResponse: { id: 0x80000006, fields: nothing },
  bindTransceiver: { id: 0x00000009, fields: bind, response: "bindTransceiverResponse" },
  bindTransceiverResponse: { id: 0x80000009, fields: bindResponse },
  dataSm: { id: 0x00000103, fields: dataMessage, response: "dataSmResponse" },
  dataSmResponse: { id: 0x80000103, fields: messageResponse },
  enquireLink: { id: 0x00000015, fields: nothing, response: "enquireLinkResponse" },
  enquireLinkResponse: { id: 0x80000015, fields: nothing },
} as const satisfies Readonly<Record<string, PduRow>>

/** Optional parameters (§5.3.2) that Waft reads or writes; others are skipped. */
export const tlvTable = {
  sourcePort: { tag: 0x020a, field: uint16 },
  destinationPort: { tag: 0x020b, field: uint16 },
  segmentReference: { tag: 0x020c, field: uint16 },
  segmentTotal: { tag: 0x020e, field: uint8 },
  segmentSequence: { tag: 0x020f, field: uint8 },
  interfaceVersion: { tag: 0x0210, field: uint8 },
  receiptedMessageId: { tag: 0x001e, field: restText },
  networkErrorCode: { tag: 0x0423, field: restOctets },
  messagePayload: { tag: 0x0424, field: restOctets },
  messageState: { tag: 0x0427, field: uint8 },
} as const

type Table = typeof pduTable
type TlvTable = typeof tlvTable

export type Command = keyof Table
export type RequestCommand = { [Name in Command]: Table[Name] extends { response: string } ? Name : never }[Command]

export type Tlvs = {
  readonly [Name in keyof TlvTable]?: TlvTable[Name]["field"] extends { read(reader: never): infer T } ? T : never
}

/** One PDU by its command. */
export type PduOf<Name extends Command> = {
  readonly command: Name
  /** `command_status`: 0 in requests and in responses that succeeded. */
  readonly status: number
  readonly sequence: number
  readonly fields: ValuesOf<Table[Name]["fields"]>
  readonly tlvs: Tlvs
}

export type Pdu = { [Name in Command]: PduOf<Name> }[Command]

const names = new Map<number, Command>(Object.entries(pduTable).map(([name, row]) => [row.id, name as Command]))

/** The command of an id, or null when Waft does not speak it. */
export function commandOfId(id: number): Command | null {
  return names.get(id) ?? null
}

/** The response to a request; null for responses. */
export function responseTo(command: Command): Command | null {
  const row: PduRow = pduTable[command]
  return row.response === undefined ? null : (row.response as Command)
}
