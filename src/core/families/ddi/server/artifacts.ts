import { decoded, notFound, type RouteAnswer } from "../../routes.ts"
import { type DdiContact, json } from "./contact.ts"
import { artifactView } from "./deployment.ts"
import { type Artifact, moduleOf, readOffer } from "./offer.ts"

interface Module {
  readonly image: { readonly sha256: string; readonly sizeBytes: number }
  readonly number: string
  readonly artifacts: readonly Artifact[]
}

/** The module of that number that the device has been given: to install, or as what it has installed. */
function moduleOfRequest({ situation, memory, request }: DdiContact): Module | null {
  const given = [situation.offered, memory.installed].filter((one) => one !== null)
  for (const { image, offer } of given) {
    for (const [i, { artifacts }] of readOffer(offer).chunks.entries()) {
      const number = moduleOf(image, i)
      if (number === request.params["module"]) return { image, number, artifacts }
    }
  }
  return null
}

/** The artifacts of a module. */
export function answerArtifacts(contact: DdiContact): RouteAnswer {
  const module = moduleOfRequest(contact)
  if (module === null) return notFound
  return json(
    module.artifacts.map((artifact) => artifactView(contact.base, module.number, artifact)),
    contact.request,
  )
}

const sumSuffix = ".MD5SUM"

/** An artifact, with ranges, or its MD5 sum in a line as `md5sum` writes it. */
export function answerArtifact(contact: DdiContact): RouteAnswer {
  const module = moduleOfRequest(contact)
  const wanted = decoded(contact.request.params["file"] ?? "")
  const artifacts = module?.artifacts ?? []
  const found = artifacts.find(({ filename }) => filename === wanted)
  if (found !== undefined && module !== null) {
    const { offset, sizeBytes, sha1, filename } = found
    return {
      status: 200,
      headers: { "Content-Disposition": `attachment;filename=${filename}` },
      body: { type: "application/octet-stream", image: module.image, part: { offset, sizeBytes }, entityTag: sha1 },
    }
  }
  const summed = artifacts.find(({ filename }) => `${filename}${sumSuffix}` === wanted)
  if (summed === undefined) return notFound
  return {
    status: 200,
    headers: { "Content-Disposition": `attachment;filename=${summed.filename}${sumSuffix}` },
    body: { type: "text/plain", text: `${summed.md5}  ${summed.filename}\n` },
  }
}
