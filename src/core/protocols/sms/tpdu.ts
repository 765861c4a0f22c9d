import { ByteReader } from "../../kit/byte-reader.ts"
import { ByteWriter } from "../../kit/byte-writer.ts"
import { type Layout, readLayout, uint8, type ValuesOf, writeLayout } from "../../kit/layout.ts"
import { MalformedMessage } from "../../kit/malformed-message.ts"
import { transferAddress } from "./address.ts"
import { decodeDataCoding } from "./data-coding.ts"
import { timeStamp, type Validity, validityFields, validityFormats } from "./time.ts"
import { readUserData, type UserData, writeUserData } from "./user-data.ts"

/**
 * The transfer units of 3GPP TS 23.040 §9.2.2 as a table: message type, the bits of the first octet, the fields before the
 * user data. What depends on another field (validity, user data) is read after them.
 */
const tpduTable = {
  /** §9.2.2.1, from the service centre to the mobile station. */
  deliver: {
    messageType: 0x00,
    flags: { noMoreMessages: 0x04, loopPrevention: 0x08, statusReportWanted: 0x20, hasReplyPath: 0x80 },
    fields: { from: transferAddress, protocolId: uint8, coding: uint8, sentAt: timeStamp },
  },
  /** §9.2.2.2, from the mobile station to the service centre. */
  submit: {
    messageType: 0x01,
    flags: { rejectDuplicates: 0x04, statusReportWanted: 0x20, hasReplyPath: 0x80 },
    fields: { reference: uint8, to: transferAddress, protocolId: uint8, coding: uint8 },
  },
  /** §9.2.2.3, from the service centre to the mobile station. */
  statusReport: {
    messageType: 0x02,
    flags: { noMoreMessages: 0x04, loopPrevention: 0x08, isAboutCommand: 0x20 },
    fields: { reference: uint8, to: transferAddress, sentAt: timeStamp, dischargedAt: timeStamp, status: uint8 },
  },
} as const satisfies Readonly<Record<string, TpduRow>>

interface TpduRow {
  /** TP-MTI, bits 1 and 0. */
  readonly messageType: number
  readonly flags: Readonly<Record<string, number>>
  readonly fields: Layout
}

type Table = typeof tpduTable
type Row<Kind extends keyof Table> = { readonly kind: Kind } & {
  readonly [Flag in keyof Table[Kind]["flags"]]: boolean
} & ValuesOf<Table[Kind]["fields"]>

/** A message on its way to a mobile station. */
export type Deliver = Row<"deliver"> & { readonly userData: UserData }
/** A message on its way to a service centre. */
export type Submit = Row<"submit"> & { readonly validity: Validity; readonly userData: UserData }
/** What became of a submitted message. Optional parameters after the status (TP-PI) are not kept. */
export type StatusReport = Row<"statusReport">

export type Tpdu = Deliver | Submit | StatusReport

/** Bit 6 of the first octet: the user data begins with a header (§9.2.3.23). */
const headerFlag = 0x40
const validityShift = 3

/** The longest unit there is: SMS-SUBMIT with every field at its longest. */
export const maxTpduOctets = 164

/** What is read at most: centres put octets behind the text, and their length is one octet. */
export const maxReceivedOctets = 255

/**
 * Reads what a service centre sends: SMS-DELIVER or SMS-STATUS-REPORT. The text ends where TP-UDL says (§9.2.3.16); octets
 * behind it are left alone. Throws `MalformedMessage`.
 */
export function decodeFromCentre(octets: Uint8Array): Deliver | StatusReport {
  const { first, reader } = begin(octets)
  const messageType = first & 0x03
  if (messageType === tpduTable.statusReport.messageType) {
    return { kind: "statusReport", ...readRow("statusReport", first, reader) }
  }
  if (messageType !== tpduTable.deliver.messageType)
    throw new MalformedMessage(`message type ${messageType} from a centre`)
  const row = readRow("deliver", first, reader)
  const { alphabet } = decodeDataCoding(row.coding)
  return { kind: "deliver", ...row, userData: readUserData(reader, alphabet, (first & headerFlag) !== 0) }
}

/** Reads what a mobile station sends: SMS-SUBMIT. Throws `MalformedMessage`. */
export function decodeFromMobile(octets: Uint8Array): Submit {
  const { first, reader } = begin(octets)
  if ((first & 0x03) !== tpduTable.submit.messageType)
    throw new MalformedMessage(`message type ${first & 0x03} from a mobile`)
  const row = readRow("submit", first, reader)
  const validity = validityFields[(first >> validityShift) & 0x03]?.read(reader) ?? { format: "none" }
  const { alphabet } = decodeDataCoding(row.coding)
  const userData = readUserData(reader, alphabet, (first & headerFlag) !== 0)
  reader.expectEnd()
  return { kind: "submit", ...row, validity, userData }
}

/** Writes any of the three. Throws `RangeError` when a field is too long. */
export function encodeTpdu(tpdu: Tpdu): Uint8Array {
  const { messageType, flags, fields } = tpduTable[tpdu.kind] as TpduRow
  const values = tpdu as unknown as Readonly<Record<string, unknown>>
  let first = messageType
  for (const [name, bit] of Object.entries(flags)) if (values[name] === true) first |= bit
  if (tpdu.kind !== "statusReport" && tpdu.userData.header !== null) first |= headerFlag
  const format = tpdu.kind === "submit" ? validityFormats.indexOf(tpdu.validity.format) : 0
  const writer = new ByteWriter().uint8(first | (format << validityShift))
  writeLayout(fields, writer, values)
  if (tpdu.kind === "submit") validityFields[format]?.write(writer, tpdu.validity)
  if (tpdu.kind !== "statusReport") writeUserData(writer, tpdu.userData, decodeDataCoding(tpdu.coding).alphabet)
  return writer.finish()
}

function begin(octets: Uint8Array): { readonly first: number; readonly reader: ByteReader } {
  if (octets.length > maxReceivedOctets) throw new MalformedMessage(`a transfer unit of ${octets.length} octets`)
  const reader = new ByteReader(octets)
  return { first: reader.uint8(), reader }
}

function readRow<Kind extends keyof Table>(kind: Kind, first: number, reader: ByteReader): Omit<Row<Kind>, "kind"> {
  const { flags, fields }: TpduRow = tpduTable[kind]
  const bits = Object.entries(flags).map(([name, bit]) => [name, (first & bit) !== 0])
  return { ...Object.fromEntries(bits), ...readLayout(fields, reader) } as Omit<Row<Kind>, "kind">
}
