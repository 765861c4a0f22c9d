import type { Fault, ImageReport, ImageTool, ToolFile, ToolResult } from "../family.ts"
import { firmwareName, imageLimits, isWhole, makeFirmware, readMark } from "./firmware-image.ts"
import { fullHeaderBytes, readFullPackage, writeFullPackage } from "./full-package.ts"

/** What is known of a family's virtual modules. */
export interface FirmwareModules {
  /** Models that there are in software. */
  readonly models: readonly string[]
  /** The one that is made unless another is named. */
  readonly usualModel: string
  /** A version as its modules give it, for the help. */
  readonly exampleVersion: string
}

/** Firmware and packages for a family's virtual modules. A vendor's packages are opaque and need no tool. */
export function firmwareTool(modules: FirmwareModules): ImageTool {
  return {
    invent: (options) => invent(modules, options),
    inspect: (file) => inspect(modules, file),
  }
}

/** Largest package that is made, bytes: the filler of a whole image stands for a vendor's megabytes. */
const largestPackage = 32 * 1024 * 1024

/**
 * Makes the firmware `version` of a `model`, `size` bytes; or, with `from`, the package that brings a module from there to
 * `version`, at least `package-size` bytes.
 */
function invent(modules: FirmwareModules, options: Readonly<Record<string, string>>): ToolResult {
  const { models, usualModel, exampleVersion } = modules
  const { version, model = usualModel, from } = options
  const sizeBytes = Number(options["size"] ?? imageLimits.usual)
  const packageBytes = Number(options["package-size"] ?? 0)
  const faults = [
    ...nameFaults("version", version, exampleVersion),
    ...nameFaults("from", from ?? "any", exampleVersion),
    ...modelFaults(model, models),
  ]
  if (!Number.isInteger(sizeBytes) || sizeBytes < imageLimits.smallest || sizeBytes > imageLimits.largest) {
    faults.push({
      rule: "size",
      sentence: `An image of a virtual module has from ${imageLimits.smallest} to ${imageLimits.largest} bytes.`,
    })
  }
  if (!Number.isInteger(packageBytes) || packageBytes < 0 || packageBytes > largestPackage) {
    faults.push({ rule: "package-size", sentence: `A package has up to ${largestPackage} bytes.` })
  }
  if (faults.length > 0 || version === undefined) return { ok: false, faults }
  const image = makeFirmware({ product: model, version, sizeBytes })
  if (from === undefined) {
    return { ok: true, bytes: image, notes: [`firmware ${version} of a virtual ${model}, ${sizeBytes} bytes`] }
  }
  const bytes = writeFullPackage({ from, to: version, product: model, image }, packageBytes)
  return { ok: true, bytes, notes: [`package of a virtual ${model} from ${from} to ${version}, ${bytes.length} bytes`] }
}

function nameFaults(option: string, text: string | undefined, example: string): Fault[] {
  if (text !== undefined && firmwareName.test(text)) return []
  const sentence = `Name the firmware with --${option}: up to 64 letters, digits, '.', '_', '+' or '-', such as ${example}.`
  return [{ rule: option, sentence }]
}

function modelFaults(model: string, models: readonly string[]): Fault[] {
  if (models.includes(model)) return []
  return [{ rule: "model", sentence: `There is no virtual module ${model}; there are ${models.join(", ")}.` }]
}

function inspect({ models }: FirmwareModules, { bytes }: ToolFile): ImageReport | null {
  const full = readFullPackage(bytes)
  if (full !== null) {
    if (!models.includes(full.product)) return null
    const filler = bytes.length - fullHeaderBytes - full.image.length
    return {
      title: "package with the whole firmware of a virtual module",
      fields: [
        { name: "model", value: full.product },
        { name: "from", value: full.from },
        { name: "to", value: full.to },
        { name: "firmware", value: `${full.image.length} bytes` },
        { name: "filler", value: `${filler} bytes` },
      ],
      faults: [],
    }
  }
  const mark = readMark(bytes)
  if (mark === null || !models.includes(mark.product)) return null
  return {
    title: "firmware of a virtual module",
    fields: [
      { name: "model", value: mark.product },
      { name: "version", value: mark.version },
      { name: "size", value: `${mark.sizeBytes} bytes` },
    ],
    faults: isWhole(bytes)
      ? []
      : [
          {
            rule: "checksum",
            sentence: "The firmware's checksum is wrong: it is cut or damaged, and would not start.",
          },
        ],
  }
}
