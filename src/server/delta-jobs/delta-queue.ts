import { Worker } from "node:worker_threads"
import type { DeltaMaker, DeltaOrder, DeltaProgress } from "../fleet/needs.ts"
import type { DeltaReply, DeltaRequest } from "./delta-task.ts"

/** Node runs no TypeScript in a thread: tests use the build's worker. */
const workerFile = import.meta.url.endsWith(".ts")
  ? new URL("../../../dist/server/delta-jobs/delta-worker.js", import.meta.url)
  : new URL("./delta-worker.js", import.meta.url)

export interface DeltaQueueOptions {
  readonly workers: number
  /** Most memory that running jobs may take together, in bytes; a job alone may always run. */
  readonly memoryLimit: number
  /** A patch must be smaller than this share of the new image, or the pair counts as one that cannot gain. */
  readonly largestShare?: number
  /** Called whenever a job's view changes. */
  readonly onChange?: (view: DeltaProgress) => void
}

/** Memory of a job: up to some 30 times one image, that is 16 times both, and what a thread takes anyway. */
const memoryPerByte = 16
const memoryAnyway = 100e6

interface Entry {
  readonly job: DeltaOrder
  view: DeltaProgress
  worker: Worker | null
  readonly result: Promise<Uint8Array | null>
  readonly settle: (patch: Uint8Array | null) => void
}

/**
 * Makes patches in worker threads, as many at a time as threads and memory allow, in the order they came. The same job
 * gives the same bytes whatever the number of workers. A pair that cannot gain, and one that failed, is remembered and
 * not tried again.
 */
export class DeltaQueue implements DeltaMaker {
  readonly #options: DeltaQueueOptions
  readonly #entries = new Map<string, Entry>()
  #running: Entry[] = []
  #waiting: Entry[] = []
  #isClosed = false

  constructor(options: DeltaQueueOptions) {
    this.#options = options
  }

  /**
   * Resolves with the patch, or with null when there is none to be had: it cannot gain, it failed or was cancelled. A
   * job that is known already is not made again.
   */
  make(job: DeltaOrder): Promise<Uint8Array | null> {
    const known = this.#entries.get(job.key)
    if (known !== undefined && known.view.state !== "cancelled") return known.result
    if (this.#isClosed) return Promise.resolve(null)
    let settle: Entry["settle"] = () => undefined
    const result = new Promise<Uint8Array | null>((resolve) => (settle = resolve))
    const entry: Entry = { job, view: { key: job.key, state: "waiting", progress: 0 }, worker: null, result, settle }
    this.#entries.set(job.key, entry)
    this.#waiting.push(entry)
    this.#change(entry, {})
    this.#startNext()
    return result
  }

  /** All jobs that are known, in the order they came. */
  views(): DeltaProgress[] {
    return [...this.#entries.values()].map(({ view }) => view)
  }

  progress(key: string): DeltaProgress | null {
    return this.#entries.get(key)?.view ?? null
  }

  /** Stops a job that waits or runs; false when there is none. */
  async cancel(key: string): Promise<boolean> {
    const entry = this.#entries.get(key)
    if (entry === undefined || (entry.view.state !== "waiting" && entry.view.state !== "running")) return false
    this.#waiting = this.#waiting.filter((other) => other !== entry)
    this.#finish(entry, { state: "cancelled" }, null)
    await entry.worker?.terminate()
    return true
  }

  /** Forgets a finished job and its patch. */
  forget(key: string): void {
    const state = this.#entries.get(key)?.view.state
    if (state !== "waiting" && state !== "running") this.#entries.delete(key)
  }

  /** Cancels everything. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#entries.keys()].map((key) => this.cancel(key)))
  }

  #memoryOf(entry: Entry): number {
    return memoryAnyway + memoryPerByte * entry.job.imageBytes
  }

  #startNext(): void {
    const next = this.#waiting[0]
    if (next === undefined || this.#isClosed || this.#running.length >= this.#options.workers) return
    const taken = this.#running.reduce((sum, entry) => sum + this.#memoryOf(entry), 0)
    if (taken > 0 && taken + this.#memoryOf(next) > this.#options.memoryLimit) return
    this.#waiting.shift()
    this.#running.push(next)
    this.#change(next, { state: "running" })
    void this.#run(next)
    this.#startNext()
  }

  async #run(entry: Entry): Promise<void> {
    const images = await entry.job.readImages().catch((error: unknown) => {
      this.#finish(entry, { state: "failed", error: String(error) }, null)
      return null
    })
    if (images === null || entry.view.state !== "running") return
    const { oldBytes, newBytes } = images
    const worker = new Worker(workerFile)
    entry.worker = worker
    worker.on("message", (reply: DeltaReply) => this.#take(entry, reply, newBytes.length))
    worker.on("error", (error: unknown) => this.#finish(entry, { state: "failed", error: String(error) }, null))
    worker.on("exit", () => this.#finish(entry, { state: "failed", error: "the worker thread ended" }, null))
    worker.postMessage({ recipe: entry.job.recipe, oldBytes, newBytes } satisfies DeltaRequest)
  }

  #take(entry: Entry, reply: DeltaReply, newLength: number): void {
    if (entry.view.state !== "running") return
    if (reply.type === "progress") return this.#change(entry, { progress: reply.share })
    if (reply.type === "failed") return this.#finish(entry, { state: "failed", error: reply.message }, null)
    const gains = reply.patch.length < newLength * (this.#options.largestShare ?? 0.9)
    const patchBytes = reply.patch.length
    if (gains) this.#finish(entry, { state: "done", progress: 1, patchBytes }, reply.patch)
    else this.#finish(entry, { state: "no-gain", progress: 1, patchBytes }, null)
  }

  #finish(entry: Entry, change: Partial<DeltaProgress>, patch: Uint8Array | null): void {
    if (entry.view.state !== "waiting" && entry.view.state !== "running") return
    this.#running = this.#running.filter((other) => other !== entry)
    this.#change(entry, change)
    entry.settle(patch)
    this.#startNext()
  }

  #change(entry: Entry, change: Partial<DeltaProgress>): void {
    entry.view = { ...entry.view, ...change }
    this.#options.onChange?.(entry.view)
  }
}
