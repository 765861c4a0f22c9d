import type { Fault } from "../../family.ts"

/** Vectors of four bytes each that the compiler lays at address 0 of an ATmega1281 (avr-libc, `_VECTORS_SIZE` 204). */
const vectors = 51

/**
 * Whether the bytes can be a program of the mote's ATmega1281: each of its 51 vectors is a `jmp` or `rjmp` to an even
 * address behind the table and inside the program. A file for another chip fails this, and would leave a mote dead.
 */
export function vectorTableFault(program: Uint8Array): Fault | null {
  const reset = vectorTarget(program, 0)
  if (reset === null) {
    return {
      rule: "no-reset-vector",
      sentence:
        "The program does not begin with a jmp or rjmp instruction, as every AVR program does; this is not the raw flash image of a Waspmote program.",
    }
  }
  for (let vector = 0; vector < vectors; vector++) {
    const target = vectorTarget(program, vector)
    if (target === null || target < vectors * 4 || target >= program.length) {
      return {
        rule: "vectors-of-another-chip",
        sentence: `Interrupt vector ${vector} does not jump into the program behind the ${vectors} vectors of an ATmega1281; the program was built for another chip or is cut short.`,
      }
    }
  }
  return null
}

/** Byte address to which a vector jumps; null when it is no jump. */
function vectorTarget(program: Uint8Array, vector: number): number | null {
  const at = vector * 4
  const [b0, b1, b2, b3] = program.subarray(at, at + 4)
  if (b0 === undefined || b1 === undefined || b2 === undefined || b3 === undefined) return null
  const word = b0 | (b1 << 8)
  // jmp: 1001 010k kkkk 110k, then 16 low bits of the word address. 128 KiB need one of the six high bits.
  if ((word & 0xfe0e) === 0x940c) {
    const high = ((word >> 3) & 0x3e) | (word & 1)
    return (high * 0x10000 + (b2 | (b3 << 8))) * 2
  }
  // rjmp: 1100 kkkk kkkk kkkk, signed words from the next instruction.
  if ((word & 0xf000) === 0xc000) {
    const offset = ((word & 0xfff) << 20) >> 20
    return at + 2 + offset * 2
  }
  return null
}
