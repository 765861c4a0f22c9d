import type { AtArgument } from "../../../protocols/at/command-line.ts"
import type { AtAnswer } from "../../../protocols/at/interpreter.ts"
import { parseFotaUrl } from "../codec/fota-url.ts"
import { mostPackageBytes } from "./download.ts"
import type { ModuleOrder, QuectelModule } from "./module.ts"

type Update = Extract<ModuleOrder, { readonly kind: "update" }>
type Settings = Pick<Update, "downloadLines" | "progressLines" | "restartsFirst">

const plain: Settings = { downloadLines: 0, progressLines: null, restartsFirst: true }

/** AT+QFOTADL=?: OK alone (AG35 guide 3), or the ranges (quectel.md 4.2, Standard(A)). */
export function testQfotadl({ profile }: QuectelModule): AtAnswer {
  return profile.testForm === "ok" ? {} : { lines: ["+QFOTADL: <url>,(0,1),(0,5-100),(0,5-100)"] }
}

/** AT+QFOTADL=…: OK, and the update begins; ERROR for whatever the module's form does not have. */
export async function writeQfotadl(module: QuectelModule, values: readonly AtArgument[]): Promise<AtAnswer> {
  const { profile } = module
  const [url, ...rest] = values
  if (url === undefined || module.isBusy) return "ERROR"
  if (profile.local?.form === "number" && !url.isQuoted) {
    if (url.text !== "1" || rest.length > 0) return "ERROR"
    return begin(module, { scheme: "file", path: profile.local.file }, plain)
  }
  if (!url.isQuoted) return "ERROR"
  const length = /^FILE:(\d{1,9})$/.exec(url.text)?.[1]
  if (profile.local?.form === "upload" && length !== undefined) {
    return rest.length === 0 ? upload(module, Number(length)) : "ERROR"
  }
  const settings = profile.syntax === "url" ? (rest.length === 0 ? plain : null) : modes(rest)
  const parsed = parseFotaUrl(profile, url.text)
  if (settings === null || !parsed.ok) return "ERROR"
  if (parsed.url.scheme === "file" && (await sizeOfFile(module, parsed.url.path)) === null) return "ERROR"
  return begin(module, parsed.url, settings)
}

/** `[,<upgrade_mode>[,<download_URC_max>[,<update_URC_max>]]]`; each may be left out. */
function modes(values: readonly AtArgument[]): Settings | null {
  if (values.length > 3 || values.some(({ isQuoted }) => isQuoted)) return null
  const [mode = "", download = "", progress = ""] = values.map(({ text }) => text)
  if (!/^[01]?$/.test(mode)) return null
  const downloadLines = lines(download)
  const progressLines = lines(progress)
  if (downloadLines === undefined || progressLines === undefined) return null
  return { downloadLines: downloadLines ?? 0, progressLines, restartsFirst: mode !== "1" }
}

/** 0 or 5 to 100; null = left out, undefined = out of range. */
function lines(text: string): number | null | undefined {
  if (text === "") return null
  const count = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN
  return count === 0 || (count >= 5 && count <= 100) ? count : undefined
}

function begin(module: QuectelModule, from: Update["from"], settings: Settings): AtAnswer {
  return { afterwards: () => module.take({ kind: "update", from, ...settings }) }
}

/** The bytes of the package follow on the port, between FILESTART and FILEEND. */
function upload(module: QuectelModule, sizeBytes: number): AtAnswer {
  if (sizeBytes === 0 || sizeBytes > mostPackageBytes) return "ERROR"
  return {
    takes: {
      prompts: ["OK", '+QIND: "FOTA","FILESTART"'],
      sizeBytes,
      done: (bytes) => {
        module.take({ kind: "update", from: { scheme: "upload", bytes }, ...plain })
        return null
      },
    },
  }
}

/** Size of a file of the host's in the module, bytes; null when there is none. */
export async function sizeOfFile(module: QuectelModule, path: string): Promise<number | null> {
  const files = await module.body.storage.files("ufs")
  return files.size(fileName(module, path))
}

/** Names of files on the host's side of the module's memory are flat, as AT+QFUPL makes them. */
export function fileName({ profile }: QuectelModule, path: string): string {
  const prefix = profile.local?.form === "path" ? profile.local.prefix : "/fota/"
  return path.startsWith(prefix) ? path.slice(prefix.length).replaceAll("/", "_") : path.replaceAll("/", "_")
}
