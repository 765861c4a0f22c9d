import type { Fault, Publication, Upload } from "../family.ts"
import { moduleProfile } from "./models.ts"
import { versions } from "./versions.ts"

/** Takes the vendor's package as it is: opaque bytes for one model, from exactly one firmware to exactly one other. */
export function publish(upload: Upload): Publication {
  const { options, version, models } = upload
  const from = options["from"]
  const transport = options["transport"]
  const faults: Fault[] = [
    ...versionFaults("to", version),
    ...versionFaults("from", from),
    ...modelFaults(models),
    ...contentFaults(upload),
    ...transportFaults(transport, models),
  ]
  if (version !== undefined && version === from) {
    const sentence = `The package would lead from ${from} to itself; give the firmware that runs before with --from and the one after with --to.`
    faults.push({ rule: "same-version", sentence })
  }
  if (faults.length > 0 || version === undefined || from === undefined) return { ok: false, faults }
  return {
    ok: true,
    image: upload.bytes,
    version,
    source: from,
    details: { from, to: version, ...(transport === undefined ? {} : { transport }) },
    notes: [
      `It is handed out byte for byte to modules that say that they run ${from}, and to no others.`,
      "There is a way back only when you publish the reverse package too.",
    ],
  }
}

function versionFaults(option: "from" | "to", text: string | undefined): readonly Fault[] {
  if (text === undefined) {
    const sentence = `A package leads from one firmware to another; name both as ATI gives them, with --from and --to.`
    return [{ rule: `${option}-missing`, sentence }]
  }
  const parsed = versions.parse(text)
  return "fault" in parsed ? [parsed.fault] : []
}

function modelFaults(models: readonly string[]): readonly Fault[] {
  if (models.length === 0) {
    const sentence = "A package is for one kind of module; name it with --model, such as --model AG35."
    return [{ rule: "model-missing", sentence }]
  }
  const mini = models.find((model) => moduleProfile(model).isMini)
  if (mini === undefined) return []
  // quectel.md 4.2: the second file must stay reachable while any module is between the two.
  const sentence = `${mini} takes its package as a pair of files (.mini_1 and .mini_2), which this server cannot hand out; use the vendor's own server for it.`
  return [{ rule: "mini-pair", sentence }]
}

function contentFaults({ bytes, fileName }: Upload): readonly Fault[] {
  if (bytes.length === 0) return [{ rule: "empty", sentence: "The file is empty." }]
  const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 0x03 && bytes[3] === 0x04
  const looksLikePage = new TextDecoder("latin1").decode(bytes.subarray(0, 512)).trimStart().startsWith("<")
  if (!isZip && looksLikePage) {
    const sentence = `${fileName} is a web page and no package: the download from the vendor most likely asked for a login.`
    return [{ rule: "web-page", sentence }]
  }
  return []
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
