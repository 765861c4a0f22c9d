import { ByteReader } from "../../kit/byte-reader.ts"
import { ByteWriter } from "../../kit/byte-writer.ts"
import { type Layout, readLayout, writeLayout } from "../../kit/layout.ts"
import { MalformedMessage } from "../../kit/malformed-message.ts"
import { type Command, commandOfId, type Pdu, type PduOf, pduTable, tlvTable, type Tlvs } from "./pdu-table.ts"

/** What stands at the front of every PDU (§3.2). */
export interface PduHeader {
  readonly length: number
  readonly id: number
  readonly status: number
  readonly sequence: number
}

export const headerOctets = 16
/** Tag and length (§3.2.4.1). */
const tlvHeaderOctets = 4
/** A message_payload of 64 KiB and all fields around it. */
export const maxPduOctets = 70_000

const tlvNames = new Map<number, keyof typeof tlvTable>(
  Object.entries(tlvTable).map(([name, { tag }]) => [tag, name as keyof typeof tlvTable]),
)

/** Reads the header of a whole PDU, which `PduCutter` gave. */
export function readHeader(octets: Uint8Array): PduHeader {
  const reader = new ByteReader(octets)
  return { length: reader.uint32(), id: reader.uint32(), status: reader.uint32(), sequence: reader.uint32() }
}

/**
 * Reads a whole PDU; null when its command is none that Waft speaks. Throws `MalformedMessage` when its body breaks its
 * layout. Optional parameters that are not known or whose value has the wrong length are left out, as §3.3 asks; so is what
 * stands behind the fields and is none.
 */
export function decodePdu(octets: Uint8Array): Pdu | null {
  const { length, id, status, sequence } = readHeader(octets)
  if (length !== octets.length) throw new MalformedMessage(`a PDU of ${octets.length} octets says ${length}`)
  const command = commandOfId(id)
  if (command === null) return null
  const reader = new ByteReader(octets.subarray(headerOctets))
  const fields = readLayout(pduTable[command].fields as Layout, reader)
  return { command, status, sequence, fields, tlvs: readTlvs(reader) } as unknown as Pdu
}

function readTlvs(reader: ByteReader): Tlvs {
  const found: Record<string, unknown> = {}
  while (reader.left > 0) {
    if (reader.left < tlvHeaderOctets) break
    const name = tlvNames.get(reader.uint16())
    const length = reader.uint16()
    if (length > reader.left) break
    const value = new ByteReader(reader.octets(length))
    if (name === undefined) continue
    try {
      const read = tlvTable[name].field.read(value)
      if (value.left === 0) found[name] = read
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
    }
  }
  return found
}

/** Writes a PDU. Throws `RangeError` when a field is too long for its place. */
export function encodePdu<Name extends Command>(pdu: PduOf<Name>): Uint8Array {
  const body = new ByteWriter()
  writeLayout(pduTable[pdu.command].fields as Layout, body, pdu.fields)
  for (const [name, value] of Object.entries(pdu.tlvs)) {
    const row = tlvTable[name as keyof typeof tlvTable]
    const octets = new ByteWriter()
    row.field.write(octets, value as never)
    const written = octets.finish()
    body.uint16(row.tag).uint16(written.length).octets(written)
  }
  const octets = body.finish()
  const { id } = pduTable[pdu.command]
  return new ByteWriter()
    .uint32(headerOctets + octets.length)
    .uint32(id)
    .uint32(pdu.status)
    .uint32(pdu.sequence)
    .octets(octets)
    .finish()
}
