/** Constant tables of the coder. Every decoder has the same numbers; nothing here is computed with floats. */

/** 65536 / (1 + e^-x) for x = -11 … 11 in steps of 1/4, held within 4 … 65532. */
export const squashSteps = Uint16Array.of(
  4,
  4,
  4,
  4,
  4,
  4,
  5,
  6,
  8,
  10,
  13,
  17,
  22,
  28,
  36,
  47,
  60,
  77,
  98,
  126,
  162,
  208,
  267,
  342,
  439,
  562,
  720,
  922,
  1179,
  1506,
  1921,
  2446,
  3108,
  3938,
  4971,
  6249,
  7812,
  9702,
  11955,
  14595,
  17625,
  21025,
  24743,
  28693,
  32768,
  36843,
  40793,
  44511,
  47911,
  50941,
  53581,
  55834,
  57724,
  59287,
  60565,
  61598,
  62428,
  63090,
  63615,
  64030,
  64357,
  64614,
  64816,
  64974,
  65097,
  65194,
  65269,
  65328,
  65374,
  65410,
  65438,
  65459,
  65476,
  65489,
  65500,
  65508,
  65514,
  65519,
  65523,
  65526,
  65528,
  65530,
  65531,
  65532,
  65532,
  65532,
  65532,
  65532,
  65532,
)

/** 256 ln(1 + (i + 1/2) / 64) for i = 0 … 63. */
const lnMantissa = Uint8Array.of(
  2,
  6,
  10,
  14,
  17,
  21,
  25,
  28,
  32,
  35,
  39,
  42,
  46,
  49,
  52,
  56,
  59,
  62,
  65,
  68,
  71,
  74,
  77,
  80,
  83,
  86,
  89,
  92,
  94,
  97,
  100,
  102,
  105,
  108,
  110,
  113,
  116,
  118,
  121,
  123,
  126,
  128,
  130,
  133,
  135,
  137,
  140,
  142,
  144,
  147,
  149,
  151,
  153,
  156,
  158,
  160,
  162,
  164,
  166,
  168,
  170,
  172,
  174,
  176,
)

/** 256 ln(x) for x = 1 … 8191. */
function ln256(x: number): number {
  const exponent = 31 - Math.clz32(x)
  return ((exponent * 45426) >> 8) + (lnMantissa[((x << (12 - exponent)) - 4096) >> 6] as number)
}

/** 256 ln(p / (1 - p)) for a probability p = (i + 1/2) / 4096. */
export const stretchTable: Int16Array = Int16Array.from(
  { length: 4096 },
  (_, i) => ln256(2 * i + 1) - ln256(8191 - 2 * i),
)

/** 65536 / (n + 3/2): how far a probability that was seen n times moves towards the next bit. */
export const rateTable: Uint16Array = Uint16Array.from({ length: 256 }, (_, n) => Math.floor(131072 / (2 * n + 3)))

/** The confidence class (0 … 15) of a count (0 … 255). */
export const confidenceOf: Uint8Array = Uint8Array.from({ length: 256 }, (_, n) => {
  if (n < 8) return n
  const exponent = 31 - Math.clz32(n)
  return Math.min(15, 2 * exponent + 2 + ((n >> (exponent - 1)) & 1))
})

/** The probability of 1, of 65536, for a logit in 1/256 within -2816 … 2816. */
export function squash(logit: number): number {
  const x = logit > 2815 ? 2815 : logit < -2816 ? -2816 : logit
  const at = (x + 2816) >> 6
  const low = squashSteps[at] as number
  const high = squashSteps[at + 1] as number
  return low + (((high - low) * ((x + 2816) & 63)) >> 6)
}
