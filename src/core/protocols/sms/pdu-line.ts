import { ByteReader } from "../../kit/byte-reader.ts"
import { ByteWriter } from "../../kit/byte-writer.ts"
import { fromHex, hex } from "../../kit/bytes.ts"
import { MalformedMessage } from "../../kit/malformed-message.ts"
import { centreAddress, type SmsAddress } from "./address.ts"
import { maxReceivedOctets } from "./tpdu.ts"

/** A transfer unit as modems speak it in PDU mode (3GPP TS 27.005 §3.1): the centre's address before it, all in hex. */
export interface PduLine {
  /** null = the centre that the SIM names. */
  readonly centre: SmsAddress | null
  readonly tpdu: Uint8Array
}

const maxCentreOctets = 12

/** Reads the hex of one message. Throws `MalformedMessage`. */
export function parsePduLine(text: string): PduLine {
  const octets = text.length > (maxReceivedOctets + maxCentreOctets) * 2 ? null : fromHex(text)
  if (octets === null) throw new MalformedMessage("a message that is no hex of a transfer unit")
  const reader = new ByteReader(octets)
  const centre = centreAddress.read(reader)
  return { centre, tpdu: reader.octets(reader.left).slice() }
}

/** The hex of one message, in capitals. `AT+CMGS` counts only the octets of the transfer unit. */
export function formatPduLine({ centre, tpdu }: PduLine): string {
  const writer = new ByteWriter()
  centreAddress.write(writer, centre)
  return hex(writer.octets(tpdu).finish()).toUpperCase()
}
