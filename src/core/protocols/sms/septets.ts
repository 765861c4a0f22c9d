/** Packing of septets into octets (3GPP TS 23.038 §6.1.2.1): septet i starts at bit 7·i, the lowest bit first. */

/** Octets that `septets` septets take after `fillBits` bits. */
export function packedLength(septets: number, fillBits = 0): number {
  return Math.ceil((fillBits + septets * 7) / 8)
}

/** Packs septets, one in each byte of `septets`, after `fillBits` zero bits (a header's padding, 3GPP TS 23.040 §9.2.3.24). */
export function packSeptets(septets: Uint8Array, fillBits = 0): Uint8Array {
  const octets = new Uint8Array(packedLength(septets.length, fillBits))
  for (const [index, septet] of septets.entries()) {
    if (septet > 0x7f) throw new RangeError(`${septet} is no septet`)
    const bit = fillBits + index * 7
    const at = bit >> 3
    const shifted = septet << (bit & 7)
    octets[at] = (octets[at] ?? 0) | (shifted & 0xff)
    if (shifted > 0xff) octets[at + 1] = shifted >> 8
  }
  return octets
}

/** Takes `count` septets out of `octets`. The count decides, not the octets: seven spare zero bits look like one more `@`. */
export function unpackSeptets(octets: Uint8Array, count: number, fillBits = 0): Uint8Array {
  if (octets.length < packedLength(count, fillBits))
    throw new RangeError(`${octets.length} octets hold no ${count} septets`)
  return Uint8Array.from({ length: count }, (_, index) => {
    const bit = fillBits + index * 7
    const both = (octets[bit >> 3] ?? 0) | ((octets[(bit >> 3) + 1] ?? 0) << 8)
    return (both >> (bit & 7)) & 0x7f
  })
}
