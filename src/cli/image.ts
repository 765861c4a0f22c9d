import { readFile, writeFile } from "node:fs/promises"
import { basename } from "node:path"
import { Command } from "commander"
import type { Fault, Family, ToolFile, ToolResult } from "../core/families/family.ts"
import { families } from "../core/families/index.ts"
import { Failure } from "./failure.ts"
import { printJson, printLines } from "./output.ts"

interface MakeOptions {
  readonly name?: string
  readonly family?: string
  readonly output: string
  readonly factory?: boolean
  readonly version?: string
  readonly model?: string
  readonly from?: string
  readonly size?: string
  readonly packageSize?: string
  readonly json?: boolean
}

/** `waft image …`: work on image files that needs no server. */
export function imageCommand(): Command {
  const command = new Command("image").description("make, join and read image files; needs no server")
  command
    .command("make")
    .description(
      "make the image that devices fetch from a linker's HEX file; or, without a file, firmware or a package for virtual devices",
    )
    .argument("[APP.hex]", "Intel HEX of the application")
    .requiredOption("--family <FAMILY>", "device family")
    .requiredOption("-o, --output <OUT.bin>", "file to write")
    .option("--name <NAME>", "program name (Waspmote: seven characters)")
    .option("--factory", "the whole slot, as a factory image")
    .option("--version <VERSION>", "without a file: version of the firmware")
    .option("--model <MODEL>", "without a file: model of the device")
    .option("--from <VERSION>", "without a file: make the package that leads from here to the version")
    .option("--size <BYTES>", "without a file: size of the firmware")
    .option("--package-size <BYTES>", "without a file: least size of the package")
    .option("--json", "print JSON")
    .action(async (app: string | undefined, options: MakeOptions) => {
      if (app === undefined) return write(options, toolOf(options.family, "invent")(wishes(options)))
      const make = toolOf(options.family ?? "", "make")
      const settings: Record<string, string> = {
        ...(options.factory === true ? { factory: "true" } : {}),
        ...(options.name === undefined ? {} : { name: options.name }),
      }
      await write(options, make(await read(app), settings))
    })
  command
    .command("merge")
    .description("join a bootloader and an application into one HEX file for a programmer; overlaps are refused")
    .argument("<HEX...>", "BOOTLOADER.hex APP.hex …")
    .requiredOption("-o, --output <factory.hex>", "file to write")
    .option("--family <FAMILY>", "device family; absent = the one that has such files")
    .option("--json", "print JSON")
    .action(async (files: readonly string[], options: MakeOptions) => {
      if (files.length < 2) throw wrongUse("Merging takes at least two HEX files: BOOTLOADER.hex APP.hex.")
      const merge = toolOf(options.family, "merge")
      await write(options, merge(await Promise.all(files.map(read))))
    })
  command
    .command("inspect")
    .description("read every field of an image back")
    .argument("<FILE>", "an image or a HEX file of any family")
    .option("--family <FAMILY>", "only this family's images")
    .option("--json", "print JSON")
    .action(async (file: string, options: Pick<MakeOptions, "family" | "json">) => {
      inspect(await read(file), options)
    })
  return command
}

async function read(file: string): Promise<ToolFile> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new Failure(`The file ${file} cannot be read: ${(error as Error).message}.`)
  })
  return { fileName: basename(file), bytes }
}

async function write(options: MakeOptions, result: ToolResult): Promise<void> {
  if (!result.ok) return tellFaults(result.faults, options.json === true)
  await writeFile(options.output, result.bytes).catch((error: unknown) => {
    throw new Failure(`The file ${options.output} cannot be written: ${(error as Error).message}.`)
  })
  const { length: sizeBytes } = result.bytes
  if (options.json === true) printJson({ file: options.output, sizeBytes, notes: result.notes })
  else printLines(`${options.output}: ${result.notes[0] ?? `${sizeBytes} bytes`}`, ...result.notes.slice(1))
}

function inspect(file: ToolFile, { family: id, json }: Pick<MakeOptions, "family" | "json">): void {
  for (const family of chosen(id)) {
    const report = family.imageTool?.inspect(file) ?? null
    if (report === null) continue
    if (json === true) printJson({ family: family.id, ...report })
    else {
      printLines(`${file.fileName}: ${report.title}`, ...report.fields.map(({ name, value }) => `${name}: ${value}`))
      printLines(...report.faults.map(({ rule, sentence }) => `${rule}: ${sentence}`))
    }
    if (report.faults.length > 0) process.exitCode = 1
    return
  }
  throw new Failure(`${file.fileName} is no image of a family that has an image tool.`)
}

function tellFaults(faults: readonly Fault[], json: boolean): void {
  if (!json) throw new Failure(faults.map(({ rule, sentence }) => `${rule}: ${sentence}`).join("\n      "))
  printJson({ faults })
  process.exitCode = 1
}

function wishes({ version, model, from, size, packageSize }: MakeOptions): Record<string, string> {
  const named = { version, model, from, size, "package-size": packageSize }
  return Object.fromEntries(Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

type Deed = "make" | "merge" | "invent"

const deedWords: Readonly<Record<Deed, string>> = {
  make: "make from a HEX file",
  merge: "merge",
  invent: "make without a file",
}

function toolOf<D extends Deed>(id: string | undefined, deed: D): NonNullable<NonNullable<Family["imageTool"]>[D]> {
  for (const family of chosen(id)) {
    const found = family.imageTool?.[deed]
    if (found !== undefined) return found
  }
  throw wrongUse(`The family ${id ?? ""} has no image ${deedWords[deed]}.`)
}

function chosen(id: string | undefined): readonly Family[] {
  const found = families.filter((family) => id === undefined || family.id === id)
  if (found.length > 0) return found
  throw wrongUse(`There is no family ${id}; known are ${families.map((family) => family.id).join(", ")}.`)
}

function wrongUse(sentence: string): Failure {
  return new Failure(sentence, { exitCode: 2, title: "usage" })
}
