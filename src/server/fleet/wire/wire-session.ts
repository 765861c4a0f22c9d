import type { Speaker, Transcript, WireChannel, WireLine } from "../../../core/domain/wire/transcript.ts"
import { masked } from "../../../core/domain/wire/mask.ts"
import { limits } from "../../../core/kit/limits.ts"

/** What one line costs beside its characters, bytes: an object and its place in a list. */
const lineCost = 64
/** What a session costs beside its lines, bytes. */
const sessionCost = 256

/** What a session tells its log. */
export interface SessionOwner {
  readonly now: () => number
  /** The session has grown by so many bytes. */
  readonly grew: (session: WireSession, bytes: number) => void
  readonly ended: (session: WireSession) => void
}

/** One contact as it is taken down. Whoever speaks calls `said`, which only keeps the text: it is on every device's path. */
export class WireSession {
  readonly number: number
  readonly channel: WireChannel
  readonly peer: string
  readonly startedAt: number
  readonly #owner: SessionOwner
  /** Whose contact it is; null = not known yet. */
  deviceId: string | null = null
  endedAt: number | null = null
  lastAt: number
  dropped = 0
  repeats = 0
  bytes = sessionCost
  readonly lines: WireLine[] = []

  constructor(owner: SessionOwner, start: Pick<Transcript, "number" | "channel" | "peer" | "startedAt">) {
    this.#owner = owner
    this.number = start.number
    this.channel = start.channel
    this.peer = start.peer
    this.startedAt = start.startedAt
    this.lastAt = start.startedAt
  }

  /** Takes a line down. A password is not even kept in memory. */
  said(from: Speaker, text: string): void {
    if (this.lines.length >= limits["wire.lines"].most || this.bytes >= limits["wire.session-bytes"].most) {
      this.dropped++
      return
    }
    const kept = isPassword(text) ? `PASS ${masked}` : text.slice(0, limits["wire.line-chars"].most)
    this.lastAt = this.#owner.now()
    this.lines.push({ at: this.lastAt, from, text: kept })
    const bytes = kept.length + lineCost
    this.bytes += bytes
    if (this.deviceId !== null) this.#owner.grew(this, bytes)
  }

  /** The same was said once more. */
  again(at: number): void {
    this.repeats++
    this.lastAt = at
    this.endedAt = at
  }

  /** The contact is over; what is said afterwards is its last word still. */
  end(): void {
    if (this.endedAt !== null) return
    this.endedAt = this.#owner.now()
    this.#owner.ended(this)
  }

  view(): Transcript {
    const { number, channel, peer, startedAt, endedAt, lines, dropped, repeats } = this
    return { number, channel, peer, startedAt, endedAt, lines: [...lines], dropped, repeats }
  }

  /** Whether another contact said the same, line for line; ports are drawn anew each time. */
  isLike(other: WireSession): boolean {
    if (other.channel !== this.channel || other.peer !== this.peer || other.dropped !== this.dropped) return false
    if (other.lines.length !== this.lines.length) return false
    return this.lines.every(({ from, text }, i) => {
      const its = other.lines[i]
      if (its === undefined || its.from !== from) return false
      return its.text === text || (isPortReply(its.text) && isPortReply(text))
    })
  }
}

function isPassword(text: string): boolean {
  const first = text.charCodeAt(0)
  return (first === 80 || first === 112) && /^PASS\b/i.test(text)
}

function isPortReply(text: string): boolean {
  return text.startsWith("227 ") || text.startsWith("229 ") || /^(PORT|EPRT) /i.test(text)
}
