import { Worker } from "node:worker_threads"
import { Refusal } from "../../core/domain/refusal.ts"
import type { Publication, Upload } from "../../core/families/family.ts"
import type { UploadExaminer } from "../fleet/needs.ts"
import type { ExamineReply, ExamineRequest } from "./examine-task.ts"

/** Node runs no TypeScript in a thread: tests use the build's worker. */
const workerFile = import.meta.url.endsWith(".ts")
  ? new URL("../../../dist/server/upload-jobs/examine-worker.js", import.meta.url)
  : new URL("./examine-worker.js", import.meta.url)

/**
 * Memory for the texts and numbers of one file, MB; the file itself and the image lie beside it. It is a net below readers that are bounded by
 * themselves: where one large array does not fit, the engine ends the whole process instead of the thread.
 */
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 }

/**
 * Turns uploaded files into images in a thread, one after another: what a file costs to read, however long its author made
 * that, no device waits for. A file that takes more memory than is given to one is refused.
 */
export function uploadExaminer(): UploadExaminer {
  let last: Promise<unknown> = Promise.resolve()
  return (family, upload) => {
    const examined = last.then(() => examine({ family, upload }))
    last = examined.catch(() => undefined)
    return examined
  }
}

function examine(request: ExamineRequest): Promise<Publication> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerFile, { resourceLimits })
    worker.once("message", (reply: ExamineReply) => {
      if ("publication" in reply) resolve(reply.publication)
      else reject(new Error(reply.failed))
      void worker.terminate()
    })
    worker.once("error", (error: NodeJS.ErrnoException) => {
      const isTooMuch = error.code === "ERR_WORKER_OUT_OF_MEMORY"
      reject(isTooMuch ? new Refusal("bad-image", { detail: tooMuch }) : error)
    })
    worker.once("exit", () => reject(new Error("the thread that reads uploads ended")))
    worker.postMessage(request satisfies ExamineRequest, movable(request.upload))
  })
}

const tooMuch =
  "Reading the file takes more memory than the server gives to one; convert it with waft image make first."

/** Bytes that lie alone in their memory move into the thread; others are copied. */
function movable({ bytes }: Upload): ArrayBuffer[] {
  const { buffer } = bytes
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength ? [buffer] : []
}
