import { predict8051 } from "./i8051.ts"
import { predictArm32 } from "./arm32.ts"
import { predictArm64 } from "./arm64.ts"
import { predictAvr } from "./avr.ts"
import { predictHexagon } from "./hexagon.ts"
import { predictMips32 } from "./mips32.ts"
import { predictPic18 } from "./pic18.ts"
import { predictPic24, predictPic24Data } from "./pic24.ts"
import { predictPointers } from "./pointers.ts"
import { predictRiscv } from "./riscv.ts"
import { predictTc32 } from "./tc32.ts"
import { predictThumb2 } from "./thumb2.ts"
import { predictVideocore4, predictVideocore4Near } from "./videocore4.ts"
import type { Predictor } from "./window.ts"
import { predictXtensa, predictXtensaBig } from "./xtensa.ts"

/** The instruction sets by their number in the container. */
export const architectures = [
  { code: 0, name: "none", predictors: [predictPointers] },
  { code: 1, name: "thumb2", predictors: [predictThumb2, predictPointers] },
  { code: 2, name: "avr", predictors: [predictAvr] },
  { code: 3, name: "mips32", predictors: [predictMips32, predictPointers] },
  { code: 4, name: "arm32", predictors: [predictArm32, predictPointers] },
  { code: 5, name: "arm64", predictors: [predictArm64, predictPointers] },
  { code: 6, name: "riscv", predictors: [predictRiscv, predictPointers] },
  { code: 7, name: "xtensa", predictors: [predictXtensa, predictPointers] },
  { code: 8, name: "pic18", predictors: [predictPic18] },
  { code: 9, name: "pic24", predictors: [predictPic24] },
  { code: 10, name: "tc32", predictors: [predictTc32, predictPointers] },
  { code: 11, name: "8051", predictors: [predict8051] },
  { code: 12, name: "videocore4", predictors: [predictVideocore4, predictPointers] },
  { code: 13, name: "videocore4-near", predictors: [predictVideocore4Near, predictPointers] },
  { code: 14, name: "pic24-data", predictors: [predictPic24Data] },
  { code: 15, name: "xtensa-be", predictors: [predictXtensaBig] },
  { code: 16, name: "hexagon", predictors: [predictHexagon, predictPointers] },
] as const satisfies readonly {
  readonly code: number
  readonly name: string
  readonly predictors: readonly Predictor[]
}[]

/** The first instruction set that decoders know from format version 4 on; those before have the numbers below. */
const firstOfVersion4 = 13

/** The first format version whose decoders know an instruction set. */
export function firstVersionOf(name: ArchitectureName): number {
  return architectures.some((row) => row.name === name && row.code >= firstOfVersion4) ? 4 : 1
}

/** The instruction sets that a patch of a format version may name. */
export function architecturesOf(version: number): readonly (typeof architectures)[number][] {
  return architectures.filter(({ code }) => code < firstOfVersion4 || version > 3)
}

export type ArchitectureName = (typeof architectures)[number]["name"]
