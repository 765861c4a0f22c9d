const bucketMs = 60_000
const buckets = 24 * 60

/** How many contacts there were in each of the last 1,440 minutes since the server started: a fixed piece of memory. */
export class ContactSeries {
  readonly #counts = new Uint32Array(buckets)
  /** Minutes since 1970 of the newest bucket. */
  #newest = 0
  readonly startedAt: number

  constructor(now: number) {
    this.startedAt = now
    this.#newest = Math.floor(now / bucketMs)
  }

  note(now: number): void {
    this.#advance(now)
    const at = this.#newest % buckets
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
  }

  /** The last so many minutes, oldest first, up to the one that is not over yet. */
  last(minutes: number, now: number): { readonly from: number; readonly counts: readonly number[] } {
    this.#advance(now)
    const wanted = Math.min(minutes, buckets)
    const first = this.#newest - wanted + 1
    return {
      from: first * bucketMs,
      counts: Array.from({ length: wanted }, (_, i) => this.#counts[(first + i) % buckets] ?? 0),
    }
  }

  /** A date that goes back counts into the newest minute. */
  #advance(now: number): void {
    const minute = Math.floor(now / bucketMs)
    if (minute - this.#newest >= buckets) this.#counts.fill(0)
    else for (let at = this.#newest + 1; at <= minute; at++) this.#counts[at % buckets] = 0
    this.#newest = Math.max(this.#newest, minute)
  }
}
