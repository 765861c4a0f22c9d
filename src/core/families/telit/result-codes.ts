interface ResultRow {
  readonly name: string
  readonly words: string
  readonly retry: Retry
}

/**
 * `transient`: another try may end otherwise. `permanent`: not before somebody changes something at the module.
 * `wrong-package`: every module of that model and version would fail alike.
 */
export type Retry = "transient" | "permanent" | "wrong-package"

/**
 * What a module's error report says. The note names the causes (§3.2.3.1, §4.2.2.1, §5.2.2.1) and says that the message
 * contains "the error code", but gives no number: these are Waft's own. A number that is not here is kept as it is.
 */
export const resultCodes = {
  1: {
    name: "delta-corrupt",
    retry: "transient",
    words: "The delta in the module is corrupt. The old firmware runs; offer it again.",
  },
  2: {
    name: "delta-wrong-version",
    retry: "wrong-package",
    words: "The delta is for another firmware than the module runs. Publish one from exactly its version.",
  },
  3: {
    name: "delta-partial",
    retry: "transient",
    words: "The download ended before the delta was whole. The old firmware runs; try again.",
  },
  4: {
    name: "delta-too-large",
    retry: "permanent",
    words: "The module has no room for the delta or for the firmware that it makes.",
  },
  10: {
    name: "ftp-connect",
    retry: "transient",
    words: "The module could not connect to the FTP server. Check its address and the SIM's APN.",
  },
  11: {
    name: "ftp-login",
    retry: "transient",
    words: "The FTP server refused the module's login. A login works for one command.",
  },
  12: { name: "ftp-file", retry: "transient", words: "The FTP server has no such file for this login." },
  13: {
    name: "ftp-broken",
    retry: "transient",
    words: "The FTP connection broke during the download. The old firmware runs; try again.",
  },
  20: {
    name: "context",
    retry: "transient",
    words: "The GPRS context could not be activated. Check APN, coverage and the SIM's data plan.",
  },
  21: { name: "csd-call", retry: "transient", words: "The CSD call could not be set up." },
  22: {
    name: "class-cc",
    retry: "permanent",
    words: 'GPRS is ordered and AT+CGCLASS is "CC": the module may use circuits only.',
  },
  23: {
    name: "class-cg",
    retry: "permanent",
    words: 'CSD is ordered and AT+CGCLASS is "CG": the module may use packets only.',
  },
  24: { name: "not-provisioned", retry: "transient", words: "The module was never told its APN or CSD number." },
  30: { name: "busy", retry: "transient", words: "The module is in another update." },
  31: {
    name: "power-lost",
    retry: "transient",
    words: "The module lost its power during the download. The old firmware runs; try again.",
  },
  32: {
    name: "no-answer",
    retry: "transient",
    words: "The server did not say what to do on the socket that the module opened.",
  },
} as const satisfies Readonly<Record<number, ResultRow>>

export type ResultCode = keyof typeof resultCodes
export type ResultName = (typeof resultCodes)[ResultCode]["name"]

/** The number of a cause. */
export function codeOf(name: ResultName): ResultCode {
  const found = Object.entries(resultCodes).find(([, row]) => row.name === name)
  if (found === undefined) throw new RangeError(`no result is called ${name}`)
  return Number(found[0]) as ResultCode
}

/** Words for an operator. */
export function wordsOf(code: number): string {
  return rowOf(code)?.words ?? `The module reports error ${code}, a number of its own. The old firmware runs.`
}

/** Whether another try can help; a number that is not known here is tried again like a bad line. */
export function retryOf(code: number): Retry {
  return rowOf(code)?.retry ?? "transient"
}

function rowOf(code: number): ResultRow | undefined {
  const known: Readonly<Record<number, ResultRow>> = resultCodes
  return known[code]
}
