import { concat } from "../../kit/bytes.ts"
import { MalformedMessage } from "../../kit/malformed-message.ts"
import { headerOctets, maxPduOctets, readHeader } from "./pdu.ts"

/** Cuts the bytes of a connection into PDUs, however the packets were cut. */
export class PduCutter {
  readonly #maxOctets: number
  #pending: Uint8Array[] = []
  #pendingOctets = 0

  /** `maxOctets`: the longest PDU that is let through. */
  constructor(maxOctets = maxPduOctets) {
    this.#maxOctets = maxOctets
  }

  /**
   * Takes in one packet; gives the PDUs that it completed, in order. Throws `MalformedMessage` when a PDU says a length
   * that none has: nobody can tell where the next one begins, the connection is lost.
   */
  push(packet: Uint8Array): readonly Uint8Array[] {
    if (packet.length > 0) this.#pending.push(packet.slice())
    this.#pendingOctets += packet.length
    if (this.#pendingOctets < this.#wanted()) return []
    const bytes = concat(this.#pending)
    const pdus: Uint8Array[] = []
    let at = 0
    while (bytes.length - at >= headerOctets) {
      const length = this.#checkedLength(bytes.subarray(at))
      if (bytes.length - at < length) break
      pdus.push(bytes.subarray(at, at + length))
      at += length
    }
    this.#pending = at === bytes.length ? [] : [bytes.slice(at)]
    this.#pendingOctets = bytes.length - at
    return pdus
  }

  /** Octets without which no PDU can be whole; spares joining a long one anew at every packet. */
  #wanted(): number {
    const [first] = this.#pending
    return first === undefined || first.length < headerOctets ? headerOctets : this.#checkedLength(first)
  }

  #checkedLength(bytes: Uint8Array): number {
    const { length } = readHeader(bytes)
    if (length < headerOctets || length > this.#maxOctets) {
      throw new MalformedMessage(`a PDU that says it has ${length} octets`)
    }
    return length
  }
}
