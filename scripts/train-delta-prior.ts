// Trains the coder's starting tables on pairs of a corpus: `npx tsx scripts/train-delta-prior.ts CORPUS [--odd|--even] [--dry]`.
// Writes src/core/delta/code/prior-table.ts and the table in device/c/waft_delta.c. `--odd` and `--even` train on every
// other pair, so that the rest can tell how far the tables hold for firmware they have not seen.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { BinaryCoder } from "../src/core/delta/code/binary-coder.ts"
import type { Prior } from "../src/core/delta/code/model.ts"
import { emptySlot } from "../src/core/delta/code/model.ts"
import { priorCounts, priorLogitStep, priorWeightStep, slotOf } from "../src/core/delta/code/prior.ts"
import { hashedSlots } from "../src/core/delta/code/session.ts"
import { slotLayout, weightLayout } from "../src/core/delta/code/slot-layout.ts"
import { TargetCoder } from "../src/core/delta/code/target-coder.ts"
import { newestVersion } from "../src/core/delta/container.ts"
import { AddressMap } from "../src/core/delta/match/address-map.ts"
import type { Analysis } from "../src/core/delta/match/analyse.ts"
import { fitRelation } from "../src/core/delta/match/fit-relation.ts"
import { Study } from "../src/core/delta/match/study.ts"
import { architectures } from "../src/core/delta/predict/architectures.ts"
import { readerOf } from "../src/core/delta/predict/detect.ts"
import { Translation } from "../src/core/delta/predict/translate.ts"
import { type Profile, profiles } from "../src/core/delta/profiles.ts"

/** The families whose pairs teach; encrypted images and the one that takes minutes do not. */
const families = [
  "avr",
  "cm-app",
  "cm-radio",
  "esp32",
  "esp8266",
  "i8051",
  "mips",
  "modem",
  "pic",
  "riscv",
  "tc32",
  "wifi",
]
const groupSize = 4096
const groupsPerPair = 128

const root = fileURLToPath(new URL("..", import.meta.url))
const args = process.argv.slice(2)
const corpus = args.find((arg) => !arg.startsWith("--"))
if (corpus === undefined) throw new Error("which corpus?")

const pairs = families
  .flatMap((family) => readdirSync(join(corpus, family)).map((name) => join(corpus, family, name)))
  .filter((folder) => statSync(folder).isDirectory())
  .filter((_, i) => !(args.includes("--odd") && i % 2 === 0) && !(args.includes("--even") && i % 2 === 1))
const analyses = pairs.map((folder): Analysis => {
  const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)))
  const study = new Study(read("old.bin"), read("new.bin"))
  return study.varied(study.plain("auto"), "short")
})

interface Lesson {
  readonly zeros: Float64Array
  readonly ones: Float64Array
}

/** Encodes groups of one pair, each from the starting tables; learns weights in place, returns what slots saw. */
function teach(analysis: Analysis, profile: Profile, prior: Prior): Lesson {
  const relation = fitRelation(analysis, profile)
  const coder = BinaryCoder.encoder()
  const target = new TargetCoder({
    coder,
    readOld: readerOf(analysis.oldBytes),
    translation: new Translation(new AddressMap(relation.entries), relation.regions, relation.values),
    predictors: architectures.find((row) => row.name === analysis.architecture)?.predictors ?? [],
    clip: null,
    isSmall: profile.isSmall,
    hasSecond: !profile.isSmall,
    isSparing: true,
    hashedSlots: hashedSlots(profile, newestVersion),
    prior,
  })
  const lesson = { zeros: new Float64Array(prior.slots.length), ones: new Float64Array(prior.slots.length) }
  target.model.observer = (slot, bit) => {
    const row = bit === 1 ? lesson.ones : lesson.zeros
    row[slot] = (row[slot] ?? 0) + 1
  }
  let current = 0
  const wish = (at: number): number => {
    while (analysis.segments[current + 1] !== undefined && (analysis.segments[current + 1]?.newStart ?? 0) <= at)
      current++
    return analysis.segments[current]?.shift ?? 0
  }
  const image = analysis.newBytes.subarray(analysis.phase.new)
  const groups = Math.ceil(image.length / groupSize)
  const every = Math.max(1, Math.floor(groups / groupsPerPair))
  for (let group = 0; group < groups; group += every) {
    const from = group * groupSize
    target.reset()
    target.seek(from + analysis.phase.new)
    target.group(image.slice(from, from + groupSize), from + analysis.phase.new, wish)
    // A slow average: the weights that a group ends with pull at those that the next begins with.
    for (let i = 0; i < prior.weights.length; i++) {
      const now = prior.weights[i] as number
      prior.weights[i] = Math.round(now + ((target.model.weights[i] as number) - now) * 0.12)
    }
  }
  return lesson
}

/** The byte of a slot's starting value: the mean over pairs, believed as far as the pairs agree. */
function slotByte(lessons: readonly Lesson[], slot: number): number {
  let weight = 0
  let mean = 0
  let square = 0
  for (const { zeros, ones } of lessons) {
    const seen = (zeros[slot] ?? 0) + (ones[slot] ?? 0)
    if (seen === 0) continue
    const chance = ((ones[slot] ?? 0) + 0.4) / (seen + 0.8)
    const trust = seen / (seen + 8)
    weight += trust
    mean += trust * chance
    square += trust * chance * chance
  }
  if (weight < 0.3) return 0
  mean /= weight
  const variance = Math.max(1e-6, square / weight - mean * mean)
  const believed = weight < 1.5 ? 1 : Math.min(12, Math.max(1, (mean * (1 - mean)) / variance - 1))
  let code = 1
  for (const [i, count] of priorCounts.entries()) if (count > 0 && count <= believed + 0.01) code = i
  const logit =
    256 * Math.log(Math.min(0.9999, Math.max(0.0001, mean)) / (1 - Math.min(0.9999, Math.max(0.0001, mean))))
  return (code << 5) | Math.min(31, Math.max(0, Math.round((logit + 2170) / priorLogitStep)))
}

const quantize = (weights: Int16Array): Int8Array =>
  Int8Array.from(weights, (weight) => Math.max(-128, Math.min(127, Math.round(weight / priorWeightStep))))

function train(profile: Profile): { readonly slots: Uint8Array; readonly weights: Int8Array } {
  const direct = slotLayout({ isSmall: profile.isSmall, isSparing: true }).end
  const prior = {
    slots: new Uint16Array(direct).fill(emptySlot),
    weights: new Int16Array(weightLayout(profile.isSmall).end).fill(3500),
  }
  let slots = new Uint8Array(direct)
  for (let round = 0; round < 3; round++) {
    const lessons = analyses.map((analysis) => teach(analysis, profile, prior))
    slots = Uint8Array.from({ length: direct }, (_, slot) => slotByte(lessons, slot))
    prior.slots.set(Uint16Array.from(slots, slotOf))
  }
  return { slots, weights: quantize(prior.weights) }
}

const large = train(profiles.mcu)
const small = train(profiles.tiny)
const base64 = (bytes: Uint8Array | Int8Array): string => Buffer.from(bytes.buffer).toString("base64")
const table = `// Written by scripts/train-delta-prior.ts from ${pairs.length} pairs of firmware. Part of the format: never edited.
export const slotPrior =
  "${base64(large.slots)}"
export const weightPrior =
  "${base64(large.weights)}"
export const smallSlotPrior =
  "${base64(small.slots)}"
export const smallWeightPrior =
  "${base64(small.weights)}"
`
writeFileSync(join(root, "src/core/delta/code/prior-table.ts"), table)

const rows = (values: ArrayLike<number>): string => {
  const numbers = Array.from(values)
  const lines: string[] = []
  for (let i = 0; i < numbers.length; i += 24) lines.push(`    ${numbers.slice(i, i + 24).join(", ")},`)
  return lines.join("\n")
}
const source = join(root, "device/c/waft_delta.c")
const code = readFileSync(source, "utf8")
const begin = "/* prior: written by scripts/train-delta-prior.ts */\n"
const end = "/* end of prior */\n"
const inC = `#if WAFT_PROFILE > 0
static const uint8_t slot_prior[${large.slots.length}] = {\n${rows(large.slots)}\n};
static const int8_t weight_prior[${large.weights.length}] = {\n${rows(large.weights)}\n};
#endif
static const uint8_t small_slot_prior[${small.slots.length}] = {\n${rows(small.slots)}\n};
static const int8_t small_weight_prior[${small.weights.length}] = {\n${rows(small.weights)}\n};
`
writeFileSync(source, code.slice(0, code.indexOf(begin) + begin.length) + inC + code.slice(code.indexOf(end)))
process.stdout.write(`trained on ${pairs.length} pairs\n`)
