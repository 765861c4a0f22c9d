import { parentPort } from "node:worker_threads"
import { familyById } from "../../core/families/index.ts"
import type { ExamineReply, ExamineRequest } from "./examine-task.ts"

/** Turns one uploaded file into an image, and ends. */
const port = parentPort
if (port === null) throw new Error("examine-worker runs only as a worker thread")

port.once("message", ({ family, upload }: ExamineRequest) => {
  port.postMessage(answer(family, upload))
})

function answer(familyId: string, upload: ExamineRequest["upload"]): ExamineReply {
  const family = familyById(familyId)
  if (family === undefined) return { failed: `there is no family ${familyId}` }
  try {
    return { publication: family.publish(upload) }
  } catch (error) {
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
