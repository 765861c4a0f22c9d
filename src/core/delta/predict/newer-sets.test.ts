import { describe, expect, it } from "vitest"
import { firmwarePair, numbers } from "../firmware.testing.ts"
import { makePatch } from "../make-patch.ts"
import { Study } from "../match/study.ts"
import type { ArchitectureName } from "./architectures.ts"

/** How a program calls, and what stands between its calls: `unit` bytes at a time. */
interface Machine {
  readonly name: ArchitectureName
  readonly unit: number
  readonly call: (at: number, target: number) => readonly number[]
  readonly other: (next: () => number) => readonly number[]
  /** Loads a variable at an address, where data addresses are translated. */
  readonly load?: (variable: number) => readonly number[]
}

const little = (size: number, value: number): number[] =>
  Array.from({ length: size }, (_, i) => (value >>> (8 * i)) & 255)
const big = (size: number, value: number): number[] => little(size, value).reverse()

const machines: readonly Machine[] = [
  {
    name: "pic18",
    unit: 2,
    // CALL, addresses in words, of a program that begins at 0x1000.
    call: (_, target) => {
      const k = (target + 0x1000) >> 1
      return [...little(2, 0xec00 | (k & 0xff)), ...little(2, 0xf000 | (k >> 8))]
    },
    other: (next) => little(2, 0x0e00 | (next() & 0xff) | ((next() & 3) << 9)),
  },
  {
    name: "pic24-data",
    unit: 4,
    call: (_, target) => [...little(4, 0x020000 | ((target >> 1) & 0xfffe)), ...little(4, (target >> 17) & 0x7f)],
    other: (next) => little(4, 0x400000 | (next() & 0x7ffff)),
    load: (variable) => little(4, 0x800000 | ((variable >> 1) << 4)),
  },
  {
    name: "xtensa-be",
    unit: 3,
    call: (at, target) => big(3, 0x500000 | (((target - (at & ~3) - 4) >> 2) & 0x3ffff)),
    other: (next) => big(3, 0x200000 | (next() & 0xffff)),
  },
  {
    name: "hexagon",
    unit: 4,
    call: (at, target) => {
      const words = (target - at) >> 2
      return little(4, (0x5a00c000 | (((words >> 13) & 0x1ff) << 16) | ((words & 0x1fff) << 1)) >>> 0)
    },
    other: (next) => little(4, (0xb000c000 | (next() & 0x3fff)) >>> 0),
  },
]

/** By how many units every eighth function has grown in the later version. */
const growth = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4]

/** A program of functions that call each other; where some have grown, every address behind them has moved by something else. */
function program(machine: Machine, isLater: boolean): Uint8Array {
  const functions = 160
  const step = machine.unit === 3 ? 12 : machine.unit
  const lengths = Array.from({ length: functions }, (_, i) => {
    const next = numbers(Math.imul(i + 7, 0x9e3779b1))
    return (20 + (next() % 20)) * step + (isLater && i % 8 === 3 ? (growth[i >> 3] ?? 1) * step : 0)
  })
  const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 0))
  const bytes: number[] = []
  for (const [i, length] of lengths.entries()) {
    const next = numbers(Math.imul(i + 5, 0x85ebca6b))
    const end = (starts[i] as number) + length
    while (bytes.length < end) {
      const dice = (next() >>> 16) % 4
      const target = starts[(next() >>> 12) % functions] as number
      const variable = 0x800 + 2 * ((next() >>> 12) % 300)
      const call = machine.call(bytes.length, target)
      if (dice === 0 && bytes.length + call.length <= end) bytes.push(...call)
      else if (dice === 1 && machine.load !== undefined)
        bytes.push(...machine.load(variable + (isLater ? 2 * Math.floor((variable - 0x800) / 100) : 0)))
      else bytes.push(...machine.other(next))
    }
    bytes.length = end
  }
  return Uint8Array.from(bytes)
}

describe.each(machines)("the instruction set $name", (machine) => {
  const [before, after] = [program(machine, false), program(machine, true)]

  it("is found, and spares much of what a program costs whose functions have moved", () => {
    const study = new Study(before, after)
    const with_ = makePatch(before, after, { profile: "mcu", study })
    const without = makePatch(before, after, { profile: "mcu", architecture: "none" })
    expect(with_.header.architecture).toBe(machine.name)
    expect(with_.header.payloadSize).toBeLessThan(0.7 * without.header.payloadSize)
  })
})

describe("a program for Cortex-M", () => {
  it("is no larger for the instruction sets that came later", () => {
    const { oldBytes, newBytes } = firmwarePair(60, 4)
    const [earlier, now] = ([3, 4] as const).map((version) => makePatch(oldBytes, newBytes, { version }).header)
    expect(now?.architecture).toBe("thumb2")
    expect(now?.payloadSize).toBe(earlier?.payloadSize)
  })
})
