import type { JsonObject } from "../../../kit/json.ts"
import { publishPackage } from "../../delta-package.ts"
import type { FamilyOption, Fault, Publication, Upload } from "../../family.ts"
import { isMode } from "./memory.ts"
import { versions } from "../versions.ts"

export const publishOptions: readonly FamilyOption[] = [
  { name: "from", value: "VERSION", help: "a package: the exact firmware that it starts from" },
  { name: "mode", value: "MODE", help: "automatic, or manual: modules ask their host before they update (Telit)" },
]

/** Takes a delta as it is: opaque bytes for one model, from exactly one software version to exactly one other (§1, §3.2.3.1). */
export function publish(upload: Upload): Publication {
  const mode = upload.options["mode"]
  const isWrong = mode !== undefined && !isMode(mode)
  const faults: readonly Fault[] = isWrong
    ? [{ rule: "mode", sentence: `--set mode=… takes automatic or manual, not "${mode.slice(0, 40)}".` }]
    : []
  const details: JsonObject = mode === undefined ? {} : { mode }
  return publishPackage(upload, { versions, versionCommand: "AT+CGMR", model: "HE910" }, { faults, details })
}
