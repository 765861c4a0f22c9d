import { getPriority, setPriority } from "node:os"
import { parentPort } from "node:worker_threads"
import { familyById } from "../../core/families/index.ts"
import type { ExamineReply, ExamineRequest } from "./examine-task.ts"

/** Turns one uploaded file into an image, and ends. Devices go before it: the number 0 is this thread alone on Linux. */
if (process.platform === "linux" && getPriority(0) < 10) setPriority(0, 10)
const port = parentPort
if (port === null) throw new Error("examine-worker runs only as a worker thread")

port.once("message", ({ family, upload }: ExamineRequest) => {
  const reply = answer(family, upload)
  port.postMessage(reply, movable(reply))
})

/** An image that lies alone in its memory moves to whoever waits for it. */
function movable(reply: ExamineReply): ArrayBuffer[] {
  if (!("publication" in reply) || !reply.publication.ok) return []
  const { buffer, byteLength } = reply.publication.image
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : []
}

function answer(familyId: string, upload: ExamineRequest["upload"]): ExamineReply {
  const family = familyById(familyId)
  if (family === undefined) return { failed: `there is no family ${familyId}` }
  try {
    return { publication: family.publish(upload) }
  } catch (error) {
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
