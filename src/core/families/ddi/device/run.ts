import { fromLatin1 } from "../../../kit/bytes.ts"
import type { Body } from "../../body.ts"
import type { DeviceRun, DeviceSide, RunEnd } from "../../family.ts"
import { clientModels } from "../models.ts"
import { type ResultCode, resultWords } from "../result-codes.ts"
import { type Artifact, DdiClient, type Deployment, Ended } from "./client.ts"
import { clientFaults, virtualFaults } from "./faults.ts"

/** The gateway in software. `server` of a run holds `url`, the root resource, and `token`, or `gatewayToken`. */
export const device: DeviceSide = { faults: virtualFaults(clientModels), run }

type Links = Readonly<Record<string, { readonly href: string }>>

const installMs = 5000
const restartMs = 20_000

/**
 * One contact: what was installed before a restart is told, the root resource is read, and what it links to is done: the
 * device says what it is, stops, asks for a word, or fetches, installs, restarts and tells how that ended.
 */
async function run(body: Body, wanted: DeviceRun): Promise<RunEnd> {
  const fault = clientFaults.find(({ name }) => name === (wanted.fault ?? "none"))
  if (fault === undefined) throw new RangeError(`a DDI client has no fault named ${String(wanted.fault)}`)
  const client = await DdiClient.open(body, wanted, fault)
  const end = async (code: ResultCode): Promise<RunEnd> => ({
    code,
    words: resultWords[code],
    running: { version: await client.slots.running() },
  })
  try {
    return await end(await contact(client))
  } catch (error) {
    if (error instanceof Ended) return end(error.code)
    throw error
  }
}

async function contact(client: DdiClient): Promise<ResultCode> {
  const told = await tellEnd(client)
  const root = await client.get()
  if (root.status !== 200) return told ?? "NO_UPDATE"
  const { _links = {} } = JSON.parse(fromLatin1(root.body)) as { readonly _links?: Links }
  const { configData, cancelAction, confirmationBase, deploymentBase } = _links
  if (configData !== undefined) {
    const data = { client: client.model.id, hwRevision: "2", running: await client.slots.running() }
    await client.send("PUT", configData.href, { mode: "merge", data })
  }
  if (cancelAction !== undefined) return stop(client, cancelAction.href)
  if (confirmationBase !== undefined) return "WAITS_FOR_CONFIRMATION"
  if (deploymentBase === undefined) return told ?? "NO_UPDATE"
  return update(client, deploymentBase.href)
}

/** SWUpdate tells the result after its restart; another that was cut off before it could does so too. */
async function tellEnd(client: DdiClient): Promise<ResultCode | null> {
  const pending = await client.unreported()
  if (pending === null) return null
  const isInstalled = (await client.slots.running()) === pending.version
  if (isInstalled && client.model.reports) {
    await client.feedback(pending.url, "closed", "success", [`runs ${pending.version} after the restart`])
  }
  await client.reported()
  if (!isInstalled) return null
  return client.model.reports ? "INSTALLED" : "INSTALLED_SILENTLY"
}

async function stop(client: DdiClient, url: string): Promise<ResultCode> {
  const { status } = await client.get(url)
  if (status !== 200) return "NO_UPDATE"
  if (client.fault.does === "rejects") {
    await client.feedback(url, "rejected", "failure", ["the installation has begun"])
    return "KEEPS_ON"
  }
  await client.feedback(url, "closed", "success", ["stopped"])
  return "STOPPED"
}

async function update(client: DdiClient, url: string): Promise<ResultCode> {
  const answer = await client.get(url)
  if (answer.status !== 200) return "NO_UPDATE"
  const { deployment } = JSON.parse(fromLatin1(answer.body)) as Deployment
  // The first chunk is what the device is; the others are more of it.
  const [chunk] = deployment.chunks
  if (chunk === undefined || deployment.download === "skip") return "NO_UPDATE"
  const artifacts = deployment.chunks.flatMap((one) => one.artifacts)
  const tell = async (execution: string, finished: string, ...details: readonly string[]): Promise<void> => {
    if (client.model.reports) await client.feedback(url, execution, finished, details)
  }
  if ((await client.slots.running()) === chunk.version) {
    await tell("closed", "success", `runs ${chunk.version} already`)
    return client.model.reports ? "INSTALLED" : "NO_UPDATE"
  }
  const refused = await refusal(client, tell)
  if (refused !== null) return refused
  await tell("proceeding", "none", "the download begins")
  try {
    for (const artifact of artifacts) await client.fetch(artifact)
  } catch (error) {
    if (error instanceof Ended && error.code === "HASH_MISMATCH")
      await tell("closed", "failure", resultWords[error.code])
    throw error
  }
  if (client.fault.does === "forgets-download") {
    for (const artifact of artifacts) await client.forget(artifact)
    return "DOWNLOADED_AGAIN"
  }
  // It has everything, and fetches nothing of it again once its window is open.
  if (deployment.update === "skip") return "WAITS_FOR_WINDOW"
  return install(client, url, { version: chunk.version, artifacts, tell })
}

type Tell = (execution: string, finished: string, ...details: readonly string[]) => Promise<void>

async function refusal(client: DdiClient, tell: Tell): Promise<ResultCode | null> {
  if (client.fault.does === "rejects") {
    await tell("rejected", "none", "the machine is at work")
    return "REJECTED"
  }
  if (client.fault.does === "cancels") {
    await tell("canceled", "none", "the owner does not want it")
    return "CANCELED"
  }
  return null
}

async function install(
  client: DdiClient,
  url: string,
  {
    version,
    artifacts,
    tell,
  }: { readonly version: string; readonly artifacts: readonly Artifact[]; readonly tell: Tell },
): Promise<ResultCode> {
  if (client.fault.does === "distrusts-signature") {
    await tell("closed", "failure", resultWords.SIGNATURE_WRONG)
    return "SIGNATURE_WRONG"
  }
  await tell("proceeding", "none", "the installation begins")
  await client.sleep(installMs)
  if (client.fault.does !== "forgets-report") await client.remember(url, version)
  await client.slots.install(version)
  for (const artifact of artifacts) await client.forget(artifact)
  // rauc-hawkbit-updater tells the result before it restarts.
  if (client.model.id === "rauc" && client.fault.does !== "stays-away" && client.fault.does !== "forgets-report") {
    await tell("closed", "success", `${version} is installed`)
    await client.reported()
  }
  if (client.fault.does === "stays-away") return "NOT_BACK"
  await client.sleep(restartMs)
  if (client.fault.does === "forgets-report") return "INSTALLED_UNREPORTED"
  const told = await tellEnd(client)
  return told ?? (client.model.reports ? "INSTALLED" : "INSTALLED_SILENTLY")
}
