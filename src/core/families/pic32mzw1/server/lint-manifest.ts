import { fromLatin1 } from "../../../kit/bytes.ts"
import { MalformedMessage } from "../../../kit/malformed-message.ts"
import type { Fault, Linter } from "../../family.ts"
import { asInt, type CJson, type CJsonMember, member, parseCJson } from "../codec/cjson.ts"
import { parseDeviceUrl, storedName } from "../codec/device-url.ts"
import { imageFaults, slotOf } from "../codec/image.ts"
import { looksLikeIntelHex } from "../codec/intel-hex.ts"
import { longestUrl } from "../codec/manifest.ts"
import { makeImage } from "../image-tool.ts"
import { largestVersion, versionToErase } from "../versions.ts"

/** Longest manifests that the two release lines can take, bytes (pic32mzw1.md 2.2 M5). */
const oldLineBytes = 990
const newLineBytes = 1990
/** The device's manifest code never sees a file beyond this; a linter need not either. */
const mostBytes = 1_000_000

export const linters: readonly Linter[] = [
  {
    title: "PIC32MZ W1 manifest (ota.json)",
    matches: (fileName, bytes) =>
      /\.json$/i.test(fileName) || /^\s*\{\s*"ota"\s*:/i.test(fromLatin1(bytes.subarray(0, 200))),
    lint: (_, bytes) => lintManifest(bytes),
  },
  {
    title: "PIC32MZ W1 OTA image",
    matches: (fileName, bytes) => slotOf(bytes) !== null && !/\.hex$/i.test(fileName),
    lint: (_, bytes) => imageFaults(bytes),
  },
  {
    title: "PIC32MZ W1 program (Intel HEX)",
    // Any board's program may be Intel HEX.
    matches: () => false,
    matchesInFamily: (_, bytes) => looksLikeIntelHex(bytes),
    lint: (fileName, bytes) => {
      const made = makeImage({ fileName, bytes }, {})
      return made.ok ? [] : made.faults
    },
  },
]

/** Each rule that a manifest breaks, and what a board would do. */
export function lintManifest(bytes: Uint8Array): readonly Fault[] {
  const faults = sizeFaults(bytes)
  if (bytes.length > mostBytes) return faults
  const text = fromLatin1(bytes)
  const json = text.replace(/^\xef\xbb\xbf/, "")
  if (json !== text) {
    faults.push(
      fault(
        "byte-order-mark",
        "The file begins with a byte order mark, which the board's parser may refuse; save it without.",
      ),
    )
  }
  let root: CJson
  try {
    const parsed = parseCJson(json)
    root = parsed.value
    if (json.slice(parsed.end).trim() !== "") {
      faults.push(fault("trailing-text", "There is text after the JSON value; a board ignores it."))
    }
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error
    faults.push(
      fault("not-json", `The file is no JSON (${error.message}); a board says "not available" and goes on polling.`),
    )
    return faults
  }
  if (root.kind !== "object") {
    return [...faults, fault("no-object", 'The file holds no JSON object; a board says "not available".')]
  }
  return [...faults, ...keyFaults(root.members, ["ota"]), ...listFaults(member(root, "ota"))]
}

function sizeFaults(bytes: Uint8Array): Fault[] {
  if (bytes.length > newLineBytes) {
    return [
      fault(
        "manifest-too-long",
        `The manifest has ${bytes.length} bytes; no board can take more than ${newLineBytes} (${oldLineBytes} up to v3.7): the check never completes, and the one after it fails too.`,
      ),
    ]
  }
  if (bytes.length > oldLineBytes) {
    return [
      fault(
        "manifest-long",
        `The manifest has ${bytes.length} bytes; boards of v3.5 to v3.7 can take no more than ${oldLineBytes}: there the check never completes, and the one after it fails too.`,
      ),
    ]
  }
  return []
}

function listFaults(ota: CJson | undefined): readonly Fault[] {
  if (ota?.kind !== "array") {
    return [fault("no-ota-array", 'There is no array under the key "ota"; a board says "not available".')]
  }
  const last = ota.items.at(-1)
  if (last === undefined) return []
  const faults: Fault[] = []
  if (ota.items.length > 1) {
    faults.push(
      fault(
        "only-last-element",
        `The array has ${ota.items.length} elements, but a board looks at the last one alone; the others never count, whatever their version.`,
      ),
    )
  }
  if (last.kind !== "object") {
    return [...faults, fault("element-no-object", 'The last element is no object; a board says "not available".')]
  }
  const keys = ["Version", "URL", "Digest", "EraseVer", "Patch", "Signature"]
  return [
    ...faults,
    ...keyFaults(last.members, keys),
    ...eraseFaults(last),
    ...versionFaults(last),
    ...urlFaults("URL", member(last, "URL")),
    ...digestFaults("Digest", member(last, "Digest")),
    ...patchFaults(member(last, "Patch")),
  ]
}

/** Keys twice (the first wins), and keys in another case (accepted). */
function keyFaults(members: readonly CJsonMember[], known: readonly string[]): readonly Fault[] {
  const faults: Fault[] = []
  const seen = new Set<string>()
  for (const { key } of members) {
    const exact = known.find((name) => name.toLowerCase() === key.toLowerCase())
    if (exact === undefined) continue
    if (seen.has(exact))
      faults.push(fault("duplicate-key", `The key ${exact} stands there more than once; a board takes the first.`))
    if (key !== exact)
      faults.push(fault("key-case", `The key ${key} should be written ${exact}; a board accepts any case.`))
    seen.add(exact)
  }
  return faults
}

function eraseFaults(entry: CJson): readonly Fault[] {
  const erase = member(entry, "EraseVer")
  const version = member(entry, "Version")
  if (erase === undefined) {
    return [
      fault(
        "missing-erasever",
        "EraseVer is missing; a board that once read EraseVer:true takes every later manifest without the key as another order to delete: always write EraseVer:false.",
      ),
    ]
  }
  if (erase.kind !== "bool") {
    return [
      fault(
        "erase-not-bool",
        'EraseVer is neither true nor false; a board refuses the whole manifest ("not available").',
      ),
    ]
  }
  if (!erase.value) return []
  const faults = [
    fault(
      "erase-order",
      "EraseVer is true: a board deletes the stored image of that Version, installs nothing, and then stays idle until a reset.",
    ),
  ]
  if (version?.kind === "number" && asInt(version.value) >= 10) {
    const wanted = asInt(version.value)
    faults.push(
      fault(
        "erase-decimal-hex",
        `A board looks for a row that it reads as ${wanted}; an image published as ${wanted} is read back as ${versionToErase(wanted)}: to delete that one, write ${versionToErase(wanted)}.`,
      ),
    )
  }
  return faults
}

function versionFaults(entry: CJson): readonly Fault[] {
  const version = member(entry, "Version")
  if (version === undefined) return [missing("Version")]
  if (version.kind !== "number") {
    return [fault("version-not-number", "Version is not a JSON number; a board refuses the whole manifest.")]
  }
  const value = version.value
  const number = asInt(value)
  if (number === 0) return [fault("version-zero", "Version is 0; a board refuses the whole manifest.")]
  if (number < 0)
    return [fault("version-negative", `Version ${number} is below every board's own; nothing is ever installed.`)]
  if (number !== value)
    return [fault("version-not-whole", `Version ${value} is no whole number; a board takes ${number}.`)]
  const erases = member(entry, "EraseVer")
  if (number > largestVersion && !(erases?.kind === "bool" && erases.value)) {
    return [
      fault(
        "version-above-99",
        `Version ${number} is above 99: after the update the board's bootloader finds no row for it and programs its flash again at every reset.`,
      ),
    ]
  }
  return []
}

function urlFaults(key: string, url: CJson | undefined): readonly Fault[] {
  if (url === undefined) return [missing(key)]
  if (url.kind !== "string") return [fault("url-not-string", `${key} is no text; a board refuses the whole manifest.`)]
  const text = url.value
  const faults: Fault[] = []
  if (text.length > longestUrl) {
    faults.push(
      fault(
        "url-too-long",
        `${key} has ${text.length} characters; a board copies it into 100 bytes without a check and crashes: at most ${longestUrl}.`,
      ),
    )
  }
  if (/[?#]/.test(text))
    faults.push(fault("url-query", `${key} has a query or fragment; a board cuts it off before it asks.`))
  if (/[^\x21-\x7e]/.test(text)) {
    faults.push(
      fault(
        "url-characters",
        `${key} has a blank, a control character or one that is not ASCII; a board puts it into its request as it is, and servers refuse that: write it as %20 and the like.`,
      ),
    )
  }
  if (/^https?:\/\/[^/]*\[/.test(text)) {
    return [...faults, fault("url-ipv6", `${key} names an IPv6 address; a board speaks IPv4 only.`)]
  }
  const parsed = parseDeviceUrl(text)
  if (parsed === null) {
    faults.push(
      fault(
        "url-unusable",
        `${key} is no http:// or https:// URL with host and path of at most 255 characters; the download fails and the board waits for a reset.`,
      ),
    )
  } else if (storedName(text, "bin") === null) {
    faults.push(
      fault(
        "url-no-extension",
        `The last part of ${key} has no "."; a board cannot make a file name of it, and waits for a reset.`,
      ),
    )
  }
  return faults
}

function digestFaults(key: string, digest: CJson | undefined): readonly Fault[] {
  if (digest === undefined) return [missing(key)]
  if (digest.kind !== "string")
    return [fault("digest-not-string", `${key} is no text; a board refuses the whole manifest.`)]
  const text = digest.value
  if (!/^[0-9A-Fa-f]{64}/.test(text)) {
    return [
      fault(
        "digest-not-hex",
        `${key} does not begin with 64 hexadecimal digits; the image is fetched, found wrong and deleted, and the board waits for a reset.`,
      ),
    ]
  }
  const faults: Fault[] = []
  if (text.length > 64)
    faults.push(fault("digest-too-long", `${key} has ${text.length} characters; a board takes the first 64.`))
  if (/[A-F]/.test(text)) {
    faults.push(
      fault(
        "digest-upper-case",
        `${key} has upper-case digits; the download works, but patches compare digests as text: write lower case.`,
      ),
    )
  }
  return faults
}

function patchFaults(patch: CJson | undefined): readonly Fault[] {
  if (patch === undefined) return []
  if (patch.kind !== "array") return [fault("patch-not-array", "Patch is no array; a board ignores it.")]
  return patch.items.flatMap((entry): readonly Fault[] => {
    const base = member(entry, "BaseVersion")
    const faults: Fault[] = []
    if (base?.kind !== "number" || member(entry, "BaseVerDigest")?.kind !== "string") {
      faults.push(
        fault(
          "patch-base-missing",
          "A Patch entry has no BaseVersion or no BaseVerDigest; a board that comes to it (it begins at the end) refuses the whole manifest.",
        ),
      )
    } else if (asInt(base.value) >= 10) {
      faults.push(
        fault(
          "patch-base-decimal-hex",
          `BaseVersion ${asInt(base.value)} means the row that a board reads as ${asInt(base.value)}; an image published as ${asInt(base.value)} is read back as ${versionToErase(asInt(base.value))}.`,
        ),
      )
    }
    return [
      ...faults,
      ...urlFaults("PatchURL", member(entry, "PatchURL")),
      ...digestFaults("PatchDigest", member(entry, "PatchDigest")),
      ...digestFaults("TargetDigest", member(entry, "TargetDigest")),
    ]
  })
}

function missing(key: string): Fault {
  return fault(
    `missing-${key.toLowerCase()}`,
    `${key} is missing; a board says "mandatory fields do not exist" and installs nothing.`,
  )
}

function fault(rule: string, sentence: string): Fault {
  return { rule, sentence }
}
