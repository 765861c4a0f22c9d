/**
 * What a module's error report says. The note names the causes (§3.2.3.1, §4.2.2.1, §5.2.2.1) and says that the message
 * contains "the error code", but gives no number: these are Waft's own. A number that is not here is kept as it is.
 */
export const resultCodes = {
  1: { name: "delta-corrupt", words: "The delta in the module is corrupt. The old firmware runs; offer it again." },
  2: {
    name: "delta-wrong-version",
    words: "The delta is for another firmware than the module runs. Publish one from exactly its version.",
  },
  3: {
    name: "delta-partial",
    words: "The download ended before the delta was whole. The old firmware runs; try again.",
  },
  4: { name: "delta-too-large", words: "The module has no room for the delta or for the firmware that it makes." },
  10: {
    name: "ftp-connect",
    words: "The module could not connect to the FTP server. Check its address and the SIM's APN.",
  },
  11: { name: "ftp-login", words: "The FTP server refused the module's login. A login works for one command." },
  12: { name: "ftp-file", words: "The FTP server has no such file for this login." },
  13: { name: "ftp-broken", words: "The FTP connection broke during the download. The old firmware runs; try again." },
  20: {
    name: "context",
    words: "The GPRS context could not be activated. Check APN, coverage and the SIM's data plan.",
  },
  21: { name: "csd-call", words: "The CSD call could not be set up." },
  22: { name: "class-cc", words: 'GPRS is ordered and AT+CGCLASS is "CC": the module may use circuits only.' },
  23: { name: "class-cg", words: 'CSD is ordered and AT+CGCLASS is "CG": the module may use packets only.' },
  24: { name: "not-provisioned", words: "The module was never told its APN or CSD number." },
  30: { name: "busy", words: "The module is in another update." },
  31: { name: "power-lost", words: "The module lost its power during the download. The old firmware runs; try again." },
  32: { name: "no-answer", words: "The server did not say what to do on the socket that the module opened." },
} as const satisfies Readonly<Record<number, { readonly name: string; readonly words: string }>>

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
  const known: Readonly<Record<number, { readonly words: string }>> = resultCodes
  return known[code]?.words ?? `The module reports error ${code}, a number of its own. The old firmware runs.`
}
