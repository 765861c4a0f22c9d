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
    const value = new RegExp(`^(?:\\xef\\xbb\\xbf)?${label}:([^\\n]*)`, "m").exec(text)?.[1]
    if (value !== undefined) fields[label] = value.replace(/\r$/, "")
  }
  return fields
}

type TextRule = (text: string) => readonly Fault[]

const rules: {
  readonly wholeFile: readonly ((text: string, sizeBytes: number) => readonly Fault[])[]
  readonly labels: readonly TextRule[]
} = {
  wholeFile: [tooLong, byteOrderMark, carriageReturn, finalLineEnd, notAscii],
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

function carriageReturn(text: string): readonly Fault[] {
  if (!text.includes("\r")) return []
  return one(
    "carriage-return",
    "The lines end in CR LF: 4G counts the name as 8 characters and returns 4, WiFi PRO ends with ERROR_CODE_0022, and 3G and GPRS overrun the buffer of a three-digit VERSION; end every line with LF alone.",
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

const missingLabel: Readonly<Record<Label, string>> = {
  FILE: "4G returns 5, WiFi PRO ends with ERROR_CODE_0023, 3G returns -23 and GPRS -66",
  PATH: "4G returns 7, WiFi PRO ends with ERROR_CODE_0025, 3G returns -24 and GPRS -67",
  SIZE: "4G returns 8 and WiFi PRO ends with ERROR_CODE_0026 (3G and GPRS do not read SIZE)",
  VERSION: "4G returns 9, WiFi PRO ends with ERROR_CODE_0027, 3G returns -25 and GPRS -68",
}

function missingLabels(text: string): readonly Fault[] {
  return labels.flatMap((label) => {
    if (text.includes(`${label}:`)) return []
    const spelled = new RegExp(`^${label} *:`, "im").exec(text)?.[0]
    const hint = spelled === undefined ? "" : ` (the file has ${JSON.stringify(spelled)}; case and blanks matter)`
    return one(`no-${label.toLowerCase()}-label`, `There is no label ${label}:${hint}: ${missingLabel[label]}.`)
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
    `The name in FILE ${fault}: 4G returns 4, WiFi PRO ends with ERROR_CODE_0022, and 3G and GPRS take seven characters from there whatever they are.`,
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
