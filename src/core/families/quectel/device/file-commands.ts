import type { AtArgument } from "../../../protocols/at/command-line.ts"
import type { AtAnswer } from "../../../protocols/at/interpreter.ts"
import type { DeviceFiles } from "../../body.ts"
import type { QuectelModule } from "./module.ts"
import { fileName } from "./qfotadl.ts"

/**
 * The few commands of Quectel's file system by which a host lays a package on the module for AT+QFOTADL's local form:
 * AT+QFUPL, AT+QFLST, AT+QFDEL.
 */

const longestName = 80
const mostUploadBytes = 8 * 1024 * 1024

function hostFiles(module: QuectelModule): Promise<DeviceFiles> {
  return module.body.storage.files("ufs")
}

function nameOf(module: QuectelModule, name: AtArgument | undefined): string | null {
  if (name === undefined || !name.isQuoted) return null
  const text = fileName(module, name.text.replace(/^UFS:/, ""))
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text) && text.length <= longestName ? text : null
}

/** BG96 FILE manual 2.3: for hosts without flow control, an `A` after each KiB. */
const acknowledgement = { everyBytes: 1024, text: "A" }

/**
 * AT+QFUPL="<name>",<size>[,<time limit>[,<acknowledge mode>]] (BG96 and AG35 FILE AT Commands Manuals): CONNECT, the bytes,
 * then what came with its check sum, and OK. The time limit, s, is taken and not kept: a rehearsal's host does not go away.
 */
export function uploadFile(
  module: QuectelModule,
  [name, size, timeLimit, mode, ...more]: readonly AtArgument[],
): AtAnswer {
  const file = nameOf(module, name)
  const sizeBytes = /^\d{1,8}$/.test(size?.text ?? "") ? Number(size?.text) : 0
  if (file === null || sizeBytes < 1 || sizeBytes > mostUploadBytes || more.length > 0) return "ERROR"
  if (!/^\d{0,5}$/.test(timeLimit?.text ?? "") || !/^[01]?$/.test(mode?.text ?? "")) return "ERROR"
  return {
    takes: {
      prompts: ["CONNECT"],
      sizeBytes,
      ...(mode?.text === "1" ? { acknowledge: acknowledgement } : {}),
      done: async (bytes) => {
        const files = await hostFiles(module)
        await files.create(file)
        await files.append(file, bytes)
        return { lines: [`+QFUPL: ${bytes.length},${checkSum(bytes)}`] }
      },
    },
  }
}

/** Exclusive or of the big-endian halfwords, the last one filled with zeros. */
function checkSum(bytes: Uint8Array): string {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum ^= ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  return sum.toString(16)
}

export function listFiles(module: QuectelModule): Promise<AtAnswer> {
  return listed(module, () => true)
}

/** AT+QFLST="<name pattern>" (BG96 FILE manual 2.2): `*`, `UFS` and `UFS:*` are all files, anything else is one file's name. */
export async function listSomeFiles(
  module: QuectelModule,
  [pattern, ...more]: readonly AtArgument[],
): Promise<AtAnswer> {
  if (pattern === undefined || !pattern.isQuoted || more.length > 0) return "ERROR"
  if (["*", "UFS", "UFS:*"].includes(pattern.text)) return listFiles(module)
  const file = nameOf(module, pattern)
  return file === null ? "ERROR" : listed(module, (name) => name === file)
}

async function listed(module: QuectelModule, isMeant: (name: string) => boolean): Promise<AtAnswer> {
  const files = await hostFiles(module)
  const found: string[] = []
  for (const name of await files.list())
    if (isMeant(name)) found.push(`+QFLST: "${name}",${(await files.size(name)) ?? 0}`)
  return { lines: found }
}

export async function deleteFile(module: QuectelModule, [name, ...more]: readonly AtArgument[]): Promise<AtAnswer> {
  const file = nameOf(module, name)
  const files = await hostFiles(module)
  if (file === null || more.length > 0 || (await files.size(file)) === null) return "ERROR"
  await files.remove(file)
  return {}
}
