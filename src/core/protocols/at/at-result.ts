/** How a command ended, as the module says it. */
export interface AtFinal {
  readonly isOk: boolean
  /** The module's own line: `OK`, `+CME ERROR: 30`. */
  readonly line: string
  /** Present for `+CME ERROR: 30` and `+CMS ERROR: 500`; null when the module gives words instead of a number. */
  readonly error?: { readonly source: "CME" | "CMS"; readonly code: number | null; readonly words: string }
}

/** Final result codes in words (V.250 §5.7.1, table 1), and what Quectel modules add. */
const verbose: ReadonlyMap<string, boolean> = new Map([
  ["OK", true],
  ["ERROR", false],
  ["NO CARRIER", false],
  ["NO DIALTONE", false],
  ["BUSY", false],
  ["NO ANSWER", false],
  ["COMMAND NOT SUPPORT", false],
])

/** The same as digits, after `ATV0` (V.250 §5.7.1, table 1). 1, 2 and 5 are not final. */
const numeric: ReadonlyMap<string, boolean> = new Map([
  ["0", true],
  ["3", false],
  ["4", false],
  ["6", false],
  ["7", false],
  ["8", false],
])

/** The final result that a line is, or null. `numericToo`: digits count, which some answers could hold as well. */
export function parseFinal(line: string, numericToo: boolean): AtFinal | null {
  const text = line.trim()
  const isOk = verbose.get(text) ?? (numericToo ? numeric.get(text) : undefined)
  if (isOk !== undefined) return { isOk, line: text }
  // 3GPP TS 27.007 §9.2 and TS 27.005 §3.2.5: a number, or words after AT+CMEE=2.
  const match = /^\+(CME|CMS) ERROR: ?(.*)$/.exec(text)
  if (match === null) return null
  const words = (match[2] ?? "").trim()
  const source = match[1] === "CMS" ? "CMS" : "CME"
  const code = /^\d{1,9}$/.test(words) ? Number(words) : null
  return { isOk: false, line: text, error: { source, code, words } }
}
