import { readFileSync } from "node:fs"
import type { Family, Upload } from "./family.ts"
import { families } from "./index.ts"
import { boardImage } from "./pic32mzw1/device/board.testing.ts"
import * as quectel from "./quectel/device/contract-host.testing.ts"
import { packageFor } from "./quectel/device/test-module.testing.ts"
import * as telit from "./telit/device/contract-host.testing.ts"
import { packageFor as telitPackage } from "./telit/device/test-module.testing.ts"
import { urcLine } from "./telit/codec/urcs.ts"
import type { ContractPartner } from "./testing/contract-bench.testing.ts"

type Sample = Pick<Upload, "fileName" | "bytes"> & Partial<Pick<Upload, "models" | "options">>

/**
 * A program of each family, by version 2 or 3, model, and the code that the update is to end in. A new family adds one line,
 * and one below when its devices rest at a port.
 */
const samples: Readonly<Record<string, (version: 2 | 3, model: string, code: string) => Sample>> = {
  waspmote: (version) => ({
    fileName: "PROG001.hex",
    bytes: readFileSync(new URL(`../../../demo/waspmote/greenhouse-${version}.hex`, import.meta.url)),
  }),
  ddi: (version) => ({ fileName: "update.swu", bytes: new Uint8Array(3000 * version).fill(version) }),
  pic32mzw1: (version, model) => ({ fileName: `v${version}.bin`, bytes: boardImage(version, { model }) }),
  quectel: (version, model, code) => ({
    fileName: "update.zip",
    bytes: packageFor(model, versionOf("quectel", version === 2 ? 1 : 2), versionOf("quectel", version)),
    models: [model],
    options: {
      from: versionOf("quectel", version === 2 ? 1 : 2),
      ...(code.startsWith("HTTPEND") ? { transport: "http" } : {}),
    },
  }),
  telit: (version, model, code) => {
    const from = versionOf("telit", version === 2 ? 1 : 2)
    const isAsked = code === urcLine("question") || code === urcLine("answerTimeout")
    return {
      fileName: "delta.bin",
      bytes: telitPackage(from, versionOf("telit", version), model),
      models: [model],
      options: { from, mode: isAsked ? "manual" : "automatic" },
    }
  },
}

/** What stands beside a device that rests at a port, by family. */
export const partners: Readonly<Record<string, ContractPartner>> = {
  quectel: quectel.contractPartner,
  telit: telit.contractPartner,
}

/** Versions 1, 2 and 3 as a family writes them; absent = just so. */
const versions: Readonly<Record<string, (version: number) => string>> = {
  quectel: (version) => `FW0${version}`,
  telit: (version) => `13.00.00${version + 2}`,
}

/** Version 1, 2 or 3 as a family writes it. */
export function versionOf(family: string, version: 1 | 2 | 3): string {
  return versions[family]?.(version) ?? String(version)
}

/** A program of that version for a model; `code` is the one in which the update is to end, where that matters. */
export function upload(family: string, version: 2 | 3, model: string, code = ""): Upload {
  const sample = samples[family]
  if (sample === undefined) throw new Error(`the contract suite has no sample program of ${family}`)
  return { models: [], options: {}, ...sample(version, model, code), version: versionOf(family, version) }
}

/**
 * Models that have a device in software: those with a fault list of their own, or all when the list is for any. Of models
 * with lists of their own the unusual ones are like others; their family's own tests look at how they differ.
 */
export const benches: readonly { readonly family: Family; readonly model: string; readonly title: string }[] =
  families.flatMap((family) => {
    const own = new Set(family.device.faults.map((row) => row.model).filter((model) => model !== "any"))
    const models = family.models.filter(({ id, isUnusual }) => own.size === 0 || (own.has(id) && isUnusual !== true))
    return models.map((model) => ({ family, model: model.id, title: `${family.id} ${model.id}` }))
  })
