import { LinkError } from "../../body.ts"
import { checkPackage, type PackageFault, prepareInstall } from "../../recovery/install-package.ts"
import type { Variant } from "../models.ts"
import type { Bearer, FtpAccess, PfmFromServer } from "../codec/pfm-table.ts"
import { codeOf, type ResultName } from "../result-codes.ts"
import { askHost } from "./ask-host.ts"
import { download, packageName, readPackage } from "./download.ts"
import { OwnPowerCut, type TelitModule } from "./module.ts"
import { identityOf, sendByIp, sendBySms, type Saying, ServerSocket, standingOf } from "./sending.ts"

/** Why an update ends without new firmware. */
class UpdateFailed extends Error {
  override readonly name = "UpdateFailed"
  readonly result: ResultName

  constructor(result: ResultName) {
    super(result)
    this.result = result
  }
}

type Order = Extract<PfmFromServer, { name: "command" | "commandOverIp" | "test" | "testOverIp" }>

const checkMs = 2000
/** How long the module waits until it tries again to tell the server of its new firmware. */
const retryFinalMs = 60_000
/** Sockets that the module opens for one word that the server has to hear before the update goes on, and the pause between two. */
const mostCalls = 4
const recallMs = 15_000

const packageResults: Readonly<Record<PackageFault, ResultName>> = {
  missing: "delta-partial",
  damaged: "delta-corrupt",
  "wrong-source": "delta-wrong-version",
  "wrong-product": "delta-wrong-version",
  "no-space": "delta-too-large",
}

/** Takes a Command or a Test that came by SMS; the rest goes on beside whatever else happens to the module. */
export async function beginUpdate(module: TelitModule, order: Order): Promise<void> {
  const { transaction } = order
  const isTest = order.name === "test" || order.name === "testOverIp"
  const variant = order.name === "command" || order.name === "test" ? "sms" : "combined"
  await module.memory.save({ update: { transaction, variant, isTest, phase: "asked" } })
  module.beside(() => guarded(module, () => (variant === "sms" ? bySms(module, order) : combined(module, order))))
}

/** `AT#OTAIPUPD` (§5.2.2): the module asks the server what to do. */
export async function beginIpUpdate(module: TelitModule): Promise<void> {
  const transaction = await module.newTransaction()
  await module.memory.save({ update: { transaction, variant: "ip", isTest: false, phase: "asked" } })
  module.beside(() =>
    guarded(module, async () => {
      freeze(module)
      await overIp(module, { name: "updateRequest", transaction, fields: identityOf(module) })
    }),
  )
}

/** §3.2.3. */
async function bySms(module: TelitModule, order: Order): Promise<void> {
  if (order.name !== "command" && order.name !== "test") return
  const { transaction } = order
  if (!(await isAccepted(module, order))) return
  checkBearer(module, module.memory.value.bearer)
  await fetch(module, order.fields)
  await sendBySms(module, { name: "commandProgress", transaction, fields: {} })
  await module.tell("downloadComplete")
  // "During the delta firmware validation and the flash updating the AT interface is frozen."
  freeze(module)
  await validate(module)
}

/** §4.2.2. */
async function combined(module: TelitModule, order: Order): Promise<void> {
  if (order.name !== "commandOverIp" && order.name !== "testOverIp") return
  if (!(await isAccepted(module, order))) return
  freeze(module)
  await module.memory.save({ ipBearer: order.fields })
  const fields = { answer: "accepted", ...standingOf(module) } as const
  await overIp(module, { name: "commandAck", transaction: order.transaction, fields })
}

/** What both TCP variants do on their socket: say something, hear where to download, download, and say so. */
async function overIp(module: TelitModule, first: Saying): Promise<void> {
  checkBearer(module, module.memory.value.ipBearer)
  const { socket, answer } = await call(module, first)
  if (answer.name === "nothingOffered") {
    socket.end()
    thaw(module)
    return module.memory.save({ update: null })
  }
  if (answer.name !== "commandProgressOverIp") throw new UpdateFailed("no-answer")
  const { transaction } = answer
  const { update } = module.memory.value
  // The server names the transaction of an update that the module began.
  if (update !== null) await module.memory.save({ update: { ...update, transaction } })
  await fetch(module, answer.fields)
  await acknowledgeProgress(module, socket, transaction)
  await module.tell("downloadComplete")
  await validate(module)
}

/** Opens a socket and asks on it; one that breaks before the answer is there is followed by another. */
async function call(
  module: TelitModule,
  first: Saying,
): Promise<{ readonly socket: ServerSocket; readonly answer: PfmFromServer }> {
  for (let calls = 1; ; calls++) {
    try {
      const socket = await ServerSocket.open(module)
      await socket.send(first)
      return { socket, answer: await socket.receive() }
    } catch (error) {
      if (!(error instanceof LinkError) || module.signal.aborted || calls === mostCalls) throw error
      module.body.log(`the connection to the server failed: ${error.message}`)
      module.hangUp?.()
      await module.pause(recallMs)
    }
  }
}

/** On the socket that stood during the download; on others when that one has not outlived it. */
async function acknowledgeProgress(module: TelitModule, socket: ServerSocket, transaction: number): Promise<void> {
  const saying = { name: "commandProgressAck", transaction, fields: {} } as const
  try {
    await socket.sendLast(saying)
  } catch (error) {
    if (!(error instanceof LinkError) || module.signal.aborted) throw error
    for (let calls = 1; !(await sendByIp(module, saying)); calls++) {
      if (calls === mostCalls) throw error
      await module.pause(recallMs)
    }
  }
}

/** Asks the host when the server wants it, and tells the server the answer; in the combined variant only a no. */
async function isAccepted(module: TelitModule, order: Order): Promise<boolean> {
  const { transaction } = order
  const isByHand = (order.name === "command" || order.name === "commandOverIp") && order.fields.mode === "manual"
  const acknowledge = (answer: "accepted" | "refused" | "delayed" | "no-answer"): Promise<boolean> =>
    sendBySms(module, { name: "commandAck", transaction, fields: { answer, ...standingOf(module) } })
  if (isByHand) {
    const answer = await askHost(module, order.fields.answerSeconds, () => acknowledge("delayed"))
    if (answer !== "accepted") {
      await module.memory.save({ update: null })
      await acknowledge(answer)
      return false
    }
  } else if (order.name === "command" || order.name === "commandOverIp") await module.tell("automatic")
  const isOverIp = order.name === "commandOverIp" || order.name === "testOverIp"
  if (!isOverIp) await acknowledge("accepted")
  return true
}

/** §3.1.1: which GPRS classes forbid which bearer. */
function checkBearer(module: TelitModule, bearer: Bearer | null): void {
  if (bearer === null) throw new UpdateFailed("not-provisioned")
  const gprsClass = module.setting("+CGCLASS").replaceAll('"', "").toUpperCase()
  if (bearer.bearer === "gprs" && gprsClass === "CC") throw new UpdateFailed("class-cc")
  if (bearer.bearer === "csd" && gprsClass === "CG") throw new UpdateFailed("class-cg")
  if (module.fault.context !== undefined) throw new UpdateFailed(module.fault.context)
}

async function fetch(module: TelitModule, ftp: FtpAccess): Promise<void> {
  const { update } = module.memory.value
  if (update !== null) await module.memory.save({ update: { ...update, phase: "downloading" } })
  module.isDownloading = true
  await module.tell("startDownload")
  const result = await download(module, ftp)
  module.isDownloading = false
  if (result !== null) throw new UpdateFailed(result)
}

/** "The module checks the delta firmware file validity and in case, it starts the updating phase." */
async function validate(module: TelitModule): Promise<void> {
  await module.pause(checkMs)
  const { update } = module.memory.value
  if (update === null) return
  const bytes = await readPackage(module)
  const fault = module.fault.check ?? (await checkPackage(module.flash, bytes, module.model.id))
  const isCut = module.fault.package === "partial"
  if (fault !== null) throw new UpdateFailed(isCut ? "delta-partial" : packageResults[fault])
  if (update.isTest) {
    thaw(module)
    await finish(module, "tested")
    return
  }
  await prepareInstall(module.flash)
  await module.memory.save({ update: { ...update, phase: "installing" } })
  module.happen({ kind: "install" })
}

/** Tells the server how it ended; a server that cannot be reached is tried again until it can. */
async function finish(module: TelitModule, result: "updated" | "tested"): Promise<void> {
  const { update } = module.memory.value
  if (update === null) return
  const fields = { result, ...standingOf(module) }
  await insist(module, update.variant, { name: "commandFinal", transaction: update.transaction, fields })
  await module.memory.save({ update: null })
  module.isUpdating = false
  await module.files.remove(packageName)
  if (result === "updated") await module.tell("serverNotified")
}

async function insist(module: TelitModule, variant: Variant, saying: Saying): Promise<void> {
  while (!(await say(module, variant, saying))) await module.pause(retryFinalMs)
}

/** Says something by the update's own carrier: SMS, or a new socket (§4.2.2). */
function say(module: TelitModule, variant: Variant, saying: Saying): Promise<boolean> {
  return variant === "sms" ? sendBySms(module, saying) : sendByIp(module, saying)
}

/** Tells the server of new firmware, beside whatever else happens. */
export function reportUpdated(module: TelitModule): void {
  module.isUpdating = true
  module.beside(() => finish(module, "updated"))
}

/** Runs an update and says what went wrong, if something did: the module goes on working properly (§3.2.3.1). */
async function guarded(module: TelitModule, deed: () => Promise<void>): Promise<void> {
  module.isUpdating = true
  try {
    await deed()
  } catch (error) {
    if (module.signal.aborted || error instanceof OwnPowerCut) throw error
    if (error instanceof UpdateFailed) await fail(module, error.result)
    else if (error instanceof LinkError) await fail(module, "no-answer")
    else throw error
  } finally {
    // Until the flash is written and the server told, the next Command has to wait.
    if (module.memory.value.update === null) module.isUpdating = false
  }
}

/** The error report and its URC. */
export async function fail(module: TelitModule, result: ResultName): Promise<void> {
  const { update } = module.memory.value
  if (update === null) return
  module.isDownloading = false
  module.hangUp?.()
  module.hangUp = null
  thaw(module)
  const code = codeOf(result)
  module.lastError = code
  await module.memory.save({ update: null })
  const fields = { code, ...standingOf(module) }
  const { transaction, variant } = update
  const saying = { name: "errorReport", transaction, fields } as const
  const isHeard = await say(module, variant, saying)
  await module.tell("failed")
  if (!isHeard) module.beside(() => repeatError(module, variant, saying))
}

/** A server that is away for a moment should not have to ask an hour later; one that is away for long asks with a Query. */
async function repeatError(module: TelitModule, variant: Variant, saying: Saying): Promise<void> {
  for (let calls = 1; calls < mostCalls; calls++) {
    await module.pause(recallMs)
    if (await say(module, variant, saying)) return
  }
}

/** From now on the AT interface does not answer; it does again after a restart, or when the update has failed. */
function freeze(module: TelitModule): void {
  module.isFrozen = true
}

function thaw(module: TelitModule): void {
  module.isFrozen = false
}
