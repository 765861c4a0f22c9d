import { describe, expect, it } from "vitest"
import { AddressMap } from "../match/address-map.ts"
import { type ArchitectureName, architectures } from "./architectures.ts"
import { readerOf } from "./detect.ts"
import { type Region, Translation } from "./translate.ts"
import { Window } from "./window.ts"

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.split(" "), (digits) => Number.parseInt(digits, 16))
const hexOf = (values: Uint8Array): string =>
  Array.from(values, (value) => value.toString(16).padStart(2, "0")).join(" ")

interface Call {
  readonly name: ArchitectureName
  readonly instruction: string
  readonly before: string
  readonly after: string
  readonly base?: number
}

/**
 * A call at 0x110 of what stands at 0x200, encoded by hand from the vendor's instruction set. In the new image all from
 * 0x180 on stands 8 bytes further.
 */
const calls: readonly Call[] = [
  { name: "thumb2", instruction: "BL (DDI 0403, A7.7.18)", before: "00 f0 76 f8", after: "00 f0 7a f8" },
  { name: "thumb2", instruction: "LDR literal (A7.7.43)", before: "3b 48", after: "3d 48" },
  { name: "arm32", instruction: "BL (DDI 0406, A8.8.25)", before: "3a 00 00 eb", after: "3c 00 00 eb" },
  { name: "arm64", instruction: "BL (DDI 0487, C6.2)", before: "3c 00 00 94", after: "3e 00 00 94" },
  { name: "avr", instruction: "CALL (DS40002198, 6.36)", before: "0e 94 00 01", after: "0e 94 04 01" },
  { name: "avr", instruction: "RCALL (DS40002198, 6.87)", before: "77 d0", after: "7b d0" },
  { name: "mips32", instruction: "JAL (MD00086)", before: "80 00 00 0c", after: "82 00 00 0c", base: 0x80000000 },
  { name: "riscv", instruction: "JAL (unprivileged ISA, 2.5)", before: "ef 00 00 0f", after: "ef 00 80 0f" },
  { name: "xtensa", instruction: "CALL0 (Xtensa ISA, 6)", before: "c5 0e 00", after: "45 0f 00" },
  { name: "pic18", instruction: "CALL (DS39500)", before: "00 ec 01 f0", after: "04 ec 01 f0" },
  { name: "pic24", instruction: "CALL (DS70157)", before: "00 01 02 00 00 00 00 00", after: "04 01 02 00 00 00 00 00" },
  { name: "tc32", instruction: "TJL", before: "00 90 76 98", after: "00 90 7a 98" },
  { name: "8051", instruction: "LCALL", before: "12 02 00", after: "12 02 08" },
  { name: "videocore4", instruction: "BL", before: "80 90 78 00", after: "80 90 7c 00" },
  { name: "videocore4-near", instruction: "BL", before: "80 90 78 00", after: "80 90 7c 00" },
  {
    name: "pic24-data",
    instruction: "CALL (DS70157)",
    before: "00 01 02 00 00 00 00 00",
    after: "04 01 02 00 00 00 00 00",
  },
  { name: "xtensa-be", instruction: "CALL0 (Xtensa ISA, 6)", before: "50 00 3b", after: "50 00 3d" },
  { name: "hexagon", instruction: "call (80-N2040, J2_call)", before: "78 c0 00 5a", after: "7c c0 00 5a" },
  { name: "none", instruction: "a pointer", before: "00 02 00 08", after: "08 02 00 08", base: 0x08000000 },
]

describe("a predictor", () => {
  const map = new AddressMap([
    { oldStart: 0, shift: 0 },
    { oldStart: 0x180, shift: 8 },
  ])

  it.each(calls)("of $name moves $instruction with its target", ({ name, before, after, base }) => {
    const oldBytes = new Uint8Array(0x400)
    const instruction = bytes(before)
    oldBytes.set(instruction, 0x110)
    const region: Region = {
      oldOffset: 0,
      oldLength: 0x400,
      oldAddress: base ?? 0,
      newOffset: 0,
      newAddress: base ?? 0,
    }
    const translation = new Translation(map, base === undefined ? [] : [region], [])
    const window = new Window()
    window.load(readerOf(oldBytes), { oldStart: 0x110, length: 32, shift: 0, clip: null })
    for (const predict of architectures.find((row) => row.name === name)?.predictors ?? []) predict(window, translation)
    expect(hexOf(window.predicted.subarray(0, instruction.length))).toBe(after)
    expect(hexOf(window.raw.subarray(0, instruction.length))).toBe(before)
  })

  it.each(architectures.map(({ name }) => name))("of %s predicts the same bytes wherever nothing has moved", (name) => {
    const still = new Translation(new AddressMap([{ oldStart: 0, shift: 0 }]), [], [])
    const oldBytes = Uint8Array.from({ length: 0x400 }, (_, i) => Math.imul(i, 2654435761) >>> 24)
    const window = new Window()
    for (let at = 0x40; at < 0x3c0; at += 32) {
      window.load(readerOf(oldBytes), { oldStart: at, length: 32, shift: 0, clip: null })
      for (const predict of architectures.find((row) => row.name === name)?.predictors ?? []) predict(window, still)
      expect(hexOf(window.predicted)).toBe(hexOf(window.raw))
    }
  })
})
