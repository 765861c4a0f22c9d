import { publishPackage } from "../../delta-package.ts"
import type { FamilyOption, Fault, Publication, Upload } from "../../family.ts"
import { moduleProfile } from "../models.ts"
import { versions } from "../versions.ts"

export const publishOptions: readonly FamilyOption[] = [
  { name: "from", value: "VERSION", help: "a package: the exact firmware that it starts from" },
  { name: "transport", value: "NAME", help: "ftp or http: how modules fetch it (Quectel)" },
]

/** Takes the vendor's package as it is: opaque bytes for one model, from exactly one firmware to exactly one other. */
export function publish(upload: Upload): Publication {
  const { options, models } = upload
  const transport = options["transport"]
  const faults = [...miniFaults(models), ...transportFaults(transport, models)]
  const details = transport === undefined ? {} : { transport }
  return publishPackage(upload, { versions, versionCommand: "ATI", model: "AG35" }, { faults, details })
}

function miniFaults(models: readonly string[]): readonly Fault[] {
  const mini = models.find((model) => moduleProfile(model).isMini)
  if (mini === undefined) return []
  // quectel.md 4.2: the second file must stay reachable while any module is between the two.
  const sentence = `${mini} takes its package as a pair of files (.mini_1 and .mini_2), which this server cannot hand out; use the vendor's own server for it.`
  return [{ rule: "mini-pair", sentence }]
}

function transportFaults(transport: string | undefined, models: readonly string[]): readonly Fault[] {
  if (transport === undefined) return []
  if (transport !== "ftp" && transport !== "http") {
    return [{ rule: "transport", sentence: `--set transport=… takes ftp or http, not "${transport}".` }]
  }
  const deaf = models.find((model) => !moduleProfile(model).schemes.includes(transport))
  if (deaf === undefined) return []
  return [{ rule: "transport", sentence: `${deaf} does not download over ${transport.toUpperCase()}.` }]
}
