import type { QuectelModule } from "./module.ts"

/** How long a percent takes the hardware, ms: about half a minute for an upgrade. */
const percentMs = 300
/** What the other guides' examples end at (quectel.md 4.3). */
const sparseEnd = 96

/**
 * The UPDATING lines of one attempt. AG35 counts every percent (guide 3.1); Standard(A) says as many lines as were ordered;
 * the others leave percents out and end below 100.
 */
export class Progress {
  readonly #module: QuectelModule
  readonly #lines: number | null
  #last: number | null = null

  constructor(module: QuectelModule, lines: number | null) {
    this.#module = module
    this.#lines = lines
  }

  /** Tells that this share is done, 0 … 1. An attempt that goes on where an earlier one stood begins with its share. */
  async tell(share: number): Promise<void> {
    const { fault, profile } = this.#module
    const end = fault.lastPercent ?? (profile.codes === "ag35" || this.#lines !== null ? 100 : sparseEnd)
    for (const percent of this.#due(Math.min(end, Math.floor(share * end)))) {
      await this.#module.pause(percentMs)
      this.#module.tell("UPDATING", percent)
      this.#last = percent
    }
  }

  #due(now: number): readonly number[] {
    const last = this.#last ?? 0
    if (now <= last) return []
    if (this.#lines === 0) return []
    const step = this.#lines === null ? (this.#module.profile.codes === "ag35" ? 1 : null) : 100 / this.#lines
    if (step === null) return [now]
    const all = Array.from({ length: 100 }, (_, index) => Math.floor((index + 1) * step))
    return all.filter((percent) => percent > last && percent <= now)
  }
}
