/** A line that the module sent on its own account. */
export interface AtUrc {
  readonly line: string
  /** The line that belongs to it, for those that have one: the PDU of `+CMT`. Absent where it did not come. */
  readonly body?: string
}

/** URCs that have no prefix which would tell them from the answer of a command: 3GPP TS 27.007, 27.005 and Quectel's. */
const bareUrcs: ReadonlySet<string> = new Set([
  "RDY",
  "RING",
  "NO CARRIER",
  "POWERED DOWN",
  "NORMAL POWER DOWN",
  "Call Ready",
  "SMS Ready",
  "PB DONE",
  "^SYSSTART",
])

/** The name of an extended command, `+CGMR` of `AT+CGMR` and `AT+CGMR=?`; null for `ATI`. */
export function commandName(command: string): string | null {
  return /^AT([+#^$%*&][A-Z0-9]+)/i.exec(command)?.[1]?.toUpperCase() ?? null
}

/**
 * Whether a line that came while `command` ran (null: none runs) is none of its answer. A line `+NAME: …` belongs to the
 * command of that name (V.250 §5.7.1 has answers begin with the command's own name); every other name is a URC.
 */
export function isUrc(line: string, command: string | null): boolean {
  if (command === null || bareUrcs.has(line.trim())) return true
  const name = /^([+#^$%*&][A-Z0-9]+):/i.exec(line)?.[1]?.toUpperCase()
  if (name === undefined) return false
  return name !== commandName(command)
}

/** Whether a URC's second line follows: a message, a report or a broadcast handed to the host (TS 27.005 §3.4.1). */
export function hasBody(line: string): boolean {
  return /^\+(CMT|CDS|CBM):/.test(line)
}

/** In PDU mode a head ends with the length of its body, which is hex; in text mode with anything else, and any line is the body. */
export function isBodyOf(head: string, line: string): boolean {
  const isPduMode = /^\+(?:CMT|CDS|CBM): *(?:"?[^",]*"? *, *)?\d{1,3} *$/.test(head)
  return !isPduMode || /^(?:[0-9A-F]{2})+$/i.test(line.trim())
}
