import { parentPort } from "node:worker_threads"
import { makePatch } from "../../core/delta/index.ts"
import type { DeltaReply, DeltaRequest } from "./delta-task.ts"

/** Makes one patch and ends. A cancelled patch is a terminated thread. */
const port = parentPort
if (port === null) throw new Error("delta-worker runs only as a worker thread")
const reply = (message: DeltaReply): void => port.postMessage(message)

port.once("message", (request: DeltaRequest) => {
  try {
    const { oldBytes, newBytes, ...target } = request
    const { patch } = makePatch(oldBytes, newBytes, {
      ...target,
      onProgress: (share) => reply({ type: "progress", share }),
    })
    reply({ type: "done", patch })
  } catch (error) {
    reply({ type: "failed", message: error instanceof Error ? error.message : String(error) })
  }
})
