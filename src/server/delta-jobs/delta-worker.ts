import { getPriority, setPriority } from "node:os"
import { parentPort } from "node:worker_threads"
import { applyJojodiff, makeJojodiff, makePatch, padJojodiff } from "../../core/delta/index.ts"
import { equalBytes } from "../../core/kit/bytes.ts"
import type { DeltaReply, DeltaRequest } from "./delta-task.ts"

/** Makes one patch and ends. A cancelled patch is a terminated thread. Devices go before it: the number 0 is this thread alone on Linux. */
if (process.platform === "linux" && getPriority(0) < 10) setPriority(0, 10)
const port = parentPort
if (port === null) throw new Error("delta-worker runs only as a worker thread")
const reply = (message: DeltaReply): void => port.postMessage(message)

port.once("message", (request: DeltaRequest) => {
  try {
    reply({ type: "done", patch: make(request) })
  } catch (error) {
    reply({ type: "failed", message: error instanceof Error ? error.message : String(error) })
  }
})

/** Every patch has been applied and compared before it leaves. */
function make({ recipe, oldBytes, newBytes }: DeltaRequest): Uint8Array {
  const onProgress = (share: number): void => reply({ type: "progress", share })
  if (recipe.format === "waft") {
    const { profile, sectorBytes } = recipe
    const place = sectorBytes === undefined ? {} : { sectorSize: sectorBytes }
    return makePatch(oldBytes, newBytes, { profile, ...place, onProgress }).patch
  }
  const patch = padJojodiff(makeJojodiff(oldBytes, newBytes), recipe.leastBytes)
  onProgress(0.9)
  if (!equalBytes(applyJojodiff(patch, oldBytes), newBytes)) throw new Error("the patch makes another image")
  return patch
}
