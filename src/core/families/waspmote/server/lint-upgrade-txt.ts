import { fromLatin1 } from "../../../kit/bytes.ts"
import type { Fault, Linter } from "../../family.ts"
import { headerBytes, largestProgramBytes } from "../codec/ota-binary.ts"
import { noFile, programNameFault } from "../codec/program-name.ts"
import { longestUpgradeTxtBytes } from "../codec/upgrade-txt.ts"

/** Names what is wrong with an UPGRADE.TXT, by rule, with what each modem would do. */
export const upgradeTxtLinter: Linter = {
  title: "UPGRADE.TXT of a Waspmote",
  matches: (fileName, bytes) =>
    /(^|[/\\])upgrade[^/\\]*\.txt$/i.test(fileName) || /^(\xef\xbb\xbf)?FILE *:/i.test(fromLatin1(bytes, 0, 16)),
  lint: (_fileName, bytes) => lintUpgradeTxt(bytes),
}

/** Every fault of the notice, in the order in which a mote meets them; empty when all five modems read it as meant. */
export function lintUpgradeTxt(bytes: Uint8Array): readonly Fault[] {
  if (bytes.length === 0) {
    return [
      {
        rule: "empty-file",
        sentence: "The file is empty: every modem takes a size of zero for a failed download (4G returns 2).",
      },
    ]
  }
  const text = fromLatin1(bytes.subarray(0, 4096))
  const wholeFile = rules.wholeFile.flatMap((rule) => rule(text, bytes.length))
  const fields = readFields(text)
  return [...wholeFile, ...rules.labels.flatMap((rule) => rule(text)), ...fieldFaults(fields)]
}

const labels = ["FILE", "PATH", "SIZE", "VERSION"] as const
type Label = (typeof labels)[number]
type Fields = Partial<Record<Label, string>>

function readFields(text: string): Fields {
  const fields: Fields = {}
  for (const label of labels) {
    const value = new RegExp(`(?:^|\\n)(?:\\xef\\xbb\\xbf)?${label}:([^\\n]*)`).exec(text)?.[1]
    if (value !== undefined) fields[label] = value.replace(/\r$/, "")
  }
  return fields
}

type TextRule = (text: string) => readonly Fault[]

const rules: {
  readonly wholeFile: readonly ((text: string, sizeBytes: number) => readonly Fault[])[]
  readonly labels: readonly TextRule[]
} = {
  wholeFile: [tooLong, byteOrderMark, carriageReturn, loneCarriageReturn, writtenLineEnds, finalLineEnd, notAscii],
  labels: [colonBeforeFile, missingLabels, labelOrder, repeatedLabels, strangeLines],
}

function tooLong(_text: string, sizeBytes: number): readonly Fault[] {
  if (sizeBytes <= longestUpgradeTxtBytes) return []
  return one(
    "longer-than-254-bytes",
    `The file has ${sizeBytes} bytes, but a mote reads it through a buffer of 256: from 255 bytes on the tail is lost, and with it the labels that stand there.`,
  )
}

function byteOrderMark(text: string): readonly Fault[] {
  if (!text.startsWith("\xef\xbb\xbf")) return []
  return one("byte-order-mark", "The file begins with a UTF-8 byte order mark; save it as plain ASCII without one.")
}

/** A file of old Macs, whose lines end in CR alone: to a modem it is one line without an end. */
function loneCarriageReturn(text: string): readonly Fault[] {
  if (!/\r(?!\n)/.test(text)) return []
  return one(
    "lone-carriage-return",
    "There are lines that end in CR alone, which no modem takes for a line end: the value before it swallows what follows; end every line with LF alone.",
  )
}

/** What an editor or `echo` without -e makes of the line ends that the vendor's guide prints. */
function writtenLineEnds(text: string): readonly Fault[] {
  if (!/\\[nr]/.test(text)) return []
  return one(
    "written-line-end",
    "The file has a backslash and a letter where a line should end, most likely because \\n was written as two characters (echo without -e, or quotes too many); a line ends with the byte 0A.",
  )
}

function lineEnds(text: string): string {
  const ends = "The lines end in CR LF"
  return strictStop(text) === "name-length" && (valueBehind(text, "FILE:") ?? "").endsWith("\r")
    ? `${ends}: 4G counts the CR as a character of the name and returns 4, WiFi PRO ends with ERROR_CODE_0022`
    : `${ends}: the CR becomes part of each value on every modem`
}

function carriageReturn(text: string): readonly Fault[] {
  if (!text.includes("\r\n")) return []
  return one(
    "carriage-return",
    `${lineEnds(text)}, and 3G and GPRS overrun the buffer of a three-digit VERSION; end every line with LF alone.`,
  )
}

function finalLineEnd(text: string): readonly Fault[] {
  if (text.endsWith("\n")) return []
  return one(
    "no-final-line-end",
    "The last line does not end in LF: every modem looks for it, computes a negative length without it and overwrites the mote's memory.",
  )
}

function notAscii(text: string): readonly Fault[] {
  // A byte order mark has its own rule.
  const body = text.startsWith("\xef\xbb\xbf") ? text.slice(3) : text
  if (/^[\t\n\r\x20-\x7e]*$/.test(body)) return []
  return one("not-ascii", "The file has bytes that are not ASCII; names, paths and numbers must be plain ASCII.")
}

function colonBeforeFile(text: string): readonly Fault[] {
  const label = text.indexOf("FILE:")
  if (label <= 0 || !text.slice(0, label).includes(":")) return []
  return one(
    "colon-before-file",
    "There is a colon before FILE: and 3G and GPRS take the program name after the first colon of the whole file; FILE must be the first line.",
  )
}

function missingLabels(text: string): readonly Fault[] {
  // With NO_FILE nobody gets as far as SIZE, and 3G and GPRS look for the others before they look at the name.
  const isNothing = strictStop(text) === "no-file"
  return labels.flatMap((label) => {
    if (text.includes(`${label}:`)) return []
    if (isNothing && label === "SIZE") return []
    const spelled = new RegExp(`^${label} *:`, "im").exec(text)?.[0]
    const hint = spelled === undefined ? "" : ` (the file has ${JSON.stringify(spelled)}; case and blanks matter)`
    const cost = missingLabelCost(text, label)
    return one(`no-${label.toLowerCase()}-label`, `There is no label ${label}:${hint}: ${cost}.`)
  })
}

function labelOrder(text: string): readonly Fault[] {
  const order = labels.filter((label) => text.includes(`${label}:`))
  const sorted = [...order].sort((a, b) => text.indexOf(`${a}:`) - text.indexOf(`${b}:`))
  if (order.join() === sorted.join()) return []
  return one(
    "label-order",
    `The labels stand in the order ${sorted.join(", ")}; the modems' libraries are only sure to read FILE, PATH, SIZE, VERSION, with FILE first.`,
  )
}

function repeatedLabels(text: string): readonly Fault[] {
  return labels.flatMap((label) => {
    if (text.split(`${label}:`).length <= 2) return []
    return one(
      `repeated-${label.toLowerCase()}`,
      `The label ${label}: stands more than once; every modem takes the first and ignores the others.`,
    )
  })
}

function strangeLines(text: string): readonly Fault[] {
  const strange = text
    .split("\n")
    .slice(0, -1)
    .map((line) => line.replace(/^\xef\xbb\xbf/, "").replace(/\r$/, ""))
    .filter((line) => !labels.some((label) => line.startsWith(`${label}:`)))
  if (strange.length === 0) return []
  return one(
    "strange-line",
    `The line ${JSON.stringify(strange[0]?.slice(0, 60))} is none of the four; a mote has no use for it, and labels inside it would be taken for real ones.`,
  )
}

/** Where the two strict modems stop, as the vendor's library looks: one label after the other (guide 3.2.1). */
type Stop = "no-FILE" | "name-length" | "no-file" | "no-PATH" | "no-SIZE" | "no-VERSION"

function strictStop(text: string): Stop | null {
  const name = valueBehind(text, "FILE:")
  if (name === null) return "no-FILE"
  if (name.length !== noFile.length) return "name-length"
  if (name === noFile) return "no-file"
  const label = (["PATH", "SIZE", "VERSION"] as const).find((one) => !text.includes(`${one}:`))
  return label === undefined ? null : `no-${label}`
}

/** Where 3G and GPRS stop, which look for the words without their colons, and for no SIZE. */
function blindStop(text: string): Stop | null {
  const label = (["FILE", "PATH", "VERSION"] as const).find((one) => !text.includes(one))
  return label === undefined ? null : `no-${label}`
}

function valueBehind(text: string, label: string): string | null {
  const at = text.indexOf(label)
  return at < 0 ? null : (text.slice(at + label.length).split("\n")[0] ?? "")
}

const strictCodes: Readonly<Record<Stop, readonly [fourG: number, wifiPro: string]>> = {
  "no-FILE": [5, "0023"],
  "name-length": [4, "0022"],
  "no-file": [6, "0024"],
  "no-PATH": [7, "0025"],
  "no-SIZE": [8, "0026"],
  "no-VERSION": [9, "0027"],
}

const blindCodes: Partial<Readonly<Record<Stop, readonly [thirdGeneration: number, gprs: number]>>> = {
  "no-FILE": [-23, -66],
  "no-PATH": [-24, -67],
  "no-VERSION": [-25, -68],
}

/** What the modems do for want of a label: each stops at the first thing that it misses. */
function missingLabelCost(text: string, label: Label): string {
  const strict = strictStop(text)
  const blind = blindStop(text)
  const [fourG, wifiPro] = strict === null ? [0, ""] : strictCodes[strict]
  const [thirdGeneration, gprs] = (blind === null ? undefined : blindCodes[blind]) ?? [0, 0]
  const parts: string[] = []
  const strictEnd = `4G returns ${fourG} and WiFi PRO ends with ERROR_CODE_${wifiPro}`
  if (strict === "no-file") parts.push(`${strictEnd}, as for nothing to fetch`)
  else if (strict === `no-${label}`) parts.push(strictEnd)
  else parts.push("4G and WiFi PRO do not get as far as this")
  const blindEnd = `3G returns ${thirdGeneration} and GPRS ${gprs}`
  if (label === "SIZE") parts.push("3G and GPRS do not read SIZE")
  else if (blind === `no-${label}`) parts.push(blindEnd)
  else if (blind === null) parts.push("3G and GPRS are content with the word alone")
  else parts.push("3G and GPRS do not get as far as this")
  return parts.join("; ")
}

function fieldFaults(fields: Fields): readonly Fault[] {
  if (fields.FILE === noFile) return []
  return labels.flatMap((label) => {
    const value = fields[label]
    if (value === undefined) return []
    const blank =
      value === value.trim()
        ? []
        : one(
            `blank-in-${label.toLowerCase()}`,
            `There is a blank around the value of ${label}; no modem trims it, so it becomes part of the value.`,
          )
    return [...blank, ...valueRules[label](value)]
  })
}

const valueRules: Readonly<Record<Label, TextRule>> = {
  FILE: fileValue,
  PATH: pathValue,
  SIZE: sizeValue,
  VERSION: versionValue,
}

function fileValue(value: string): readonly Fault[] {
  const fault = programNameFault(value)
  if (fault === null) return []
  if (value.length === 7) return one("file-name-characters", `The name in FILE ${fault}.`)
  return one(
    "file-name-length",
    `The name in FILE ${fault}: 4G and WiFi PRO refuse it (4, ERROR_CODE_0022), and 3G and GPRS take seven characters from there whatever they are.`,
  )
}

function pathValue(value: string): readonly Fault[] {
  if (value === "/") return []
  const faults: Fault[] = []
  if (value === "") {
    faults.push(
      ...one(
        "path-empty",
        "PATH is empty: 3G drops the first character of the name then and asks for a file that is not there (-28 or -31); write PATH:/.",
      ),
    )
  } else if (value.startsWith("/")) {
    faults.push(
      ...one(
        "sub-folder-path",
        "PATH names a sub-folder, which the modems read differently: 4G ignores it and asks the login directory, 3G joins path and name without a slash unless the path ends in one, and GPRS puts .gprs before it; only PATH:/ works for all.",
      ),
    )
  } else {
    faults.push(
      ...one(
        "path-not-absolute",
        "PATH does not begin with /: GPRS would ask for a directory whose name begins with .gprs; write PATH:/.",
      ),
    )
  }
  return [...faults, ...pathLength(value)]
}

/** The modems' path buffers: 100 characters (4G, WiFi), 60 with the name (3G), 70 with `.gprs` and the name (GPRS). */
function pathLength(value: string): readonly Fault[] {
  const overrun = [
    ...(value.length >= 100 ? ["4G and WiFi PRO (100 characters)"] : []),
    ...(value.length + 7 >= 60 ? ["3G (60 with the name)"] : []),
    ...(value.length + 12 >= 70 ? ["GPRS (70 with .gprs and the name)"] : []),
  ]
  if (overrun.length === 0) return []
  return one("path-too-long", `PATH has ${value.length} characters and overruns the buffer of ${overrun.join(", ")}.`)
}

function sizeValue(value: string): readonly Fault[] {
  if (!/^\d{1,9}$/.test(value)) {
    return one(
      "size-not-a-number",
      `SIZE ${JSON.stringify(value.slice(0, 20))} is no whole number of at most nine digits: 4G and WiFi PRO read the leading digits, or 0, and then refuse the binary for its size (11, ERROR_CODE_0029).`,
    )
  }
  const size = Number(value)
  if (size > headerBytes && size <= headerBytes + largestProgramBytes) return []
  return one(
    "size-impossible",
    `SIZE ${size} cannot be the length of an OTA binary, which has ${headerBytes} bytes of header and up to ${largestProgramBytes} of program.`,
  )
}

function versionValue(value: string): readonly Fault[] {
  if (!/^\d{1,9}$/.test(value)) {
    return one(
      "version-not-a-number",
      `VERSION ${JSON.stringify(value.slice(0, 20))} is no whole number: the modems read its leading digits, or 0.`,
    )
  }
  const version = Number(value)
  if (version > 255) {
    return one(
      "version-not-a-byte",
      `VERSION ${version} is cut to one byte, ${version & 0xff}, on every modem; it must be from 0 to 255.`,
    )
  }
  if (version === 255) {
    return one(
      "version-255",
      "VERSION 255 is what erased EEPROM reads as: a 4G mote that stored it takes every later offer, the others none of the same name; use at most 254.",
    )
  }
  if (version > 127) {
    return one(
      "version-above-127",
      `VERSION ${version} is negative on GPRS modems, which keep it in a signed byte: a program of the same name is refused there (-70); use 1 to 127 unless every mote has another modem.`,
    )
  }
  return []
}

function one(rule: string, sentence: string): readonly Fault[] {
  return [{ rule, sentence }]
}
