import { maskLine } from "../../../core/domain/wire/mask.ts"
import type { Transcript, WireChannel } from "../../../core/domain/wire/transcript.ts"
import { limits } from "../../../core/kit/limits.ts"
import { type SessionOwner, WireSession } from "./wire-session.ts"

/** A transcript, and whose it is: as it is kept over a restart. */
export interface KeptTranscript extends Transcript {
  readonly deviceId: string
}

/** One request and its answer, for protocols without sessions. */
export interface Exchange {
  readonly deviceId: string
  readonly channel: WireChannel
  readonly peer: string
  /** Two exchanges with one mark say the same. */
  readonly mark: string
  /** Only asked for when the exchange is not the same as the last one. */
  readonly lines: () => readonly string[]
  readonly answer: string
}

/** What comes within this time after the last word of a device on a channel is the same contact, ms. */
const contactMs: Readonly<Record<WireChannel, number>> = {
  ftp: 60_000,
  http: 60_000,
  ddi: 60_000,
  sms: 1_800_000,
  tcp: 1_800_000,
  agent: 1_800_000,
}

/**
 * What the last contacts with each device said, in memory: bounded for each line, contact and device, and in all, where the
 * oldest goes first. A contact that says what the one before it said is counted and not kept.
 */
export class WireLog {
  readonly #now: () => number
  readonly #byDevice = new Map<string, WireSession[]>()
  /** All that are some device's, the oldest first. */
  readonly #all = new Set<WireSession>()
  readonly #marks = new WeakMap<WireSession, string>()
  readonly #refused = new WeakSet<WireSession>()
  readonly #owner: SessionOwner
  readonly #mostBytes: number
  #bytes = 0
  #numbers = 0
  /** Takes nothing down while it is false. */
  isOn = true

  constructor(now: () => number, mostBytes: number = limits["wire.bytes"].most) {
    this.#now = now
    this.#mostBytes = mostBytes
    this.#owner = {
      now,
      grew: (_, bytes) => {
        this.#bytes += bytes
        this.#evict()
      },
      ended: (session) => this.#fold(session),
    }
  }

  /** Bytes that are held now, about. */
  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#all.size
  }

  /** A contact begins; whose it is may be known later. Null = nothing is taken down. */
  begin(channel: WireChannel, peer: string): WireSession | null {
    if (!this.isOn) return null
    return new WireSession(this.#owner, { number: ++this.#numbers, channel, peer, startedAt: this.#now() })
  }

  /** A contact that did not get in, as somebody's whose name it used: of these the last one of each device stays. */
  attachRefused(session: WireSession, deviceId: string): void {
    const before = this.#byDevice.get(deviceId)?.find((one) => this.#refused.has(one) && one !== session)
    if (before !== undefined) this.#drop(before)
    this.#refused.add(session)
    this.attach(session, deviceId)
  }

  /** Whose contact it is. Of a device's contacts the last ones stay. */
  attach(session: WireSession, deviceId: string): void {
    if (session.deviceId !== null) return
    session.deviceId = deviceId
    this.#all.add(session)
    this.#bytes += session.bytes
    const own = this.#byDevice.get(deviceId)
    if (own === undefined) this.#byDevice.set(deviceId, [session])
    else {
      own.push(session)
      if (own.length > limits["wire.sessions-per-device"].most) this.#drop(own[0])
    }
    this.#evict()
  }

  /** A request and its answer: a contact of its own, a part of the one before, or the same once more. */
  exchange({ deviceId, channel, peer, mark, lines, answer }: Exchange): WireSession | null {
    if (!this.isOn) return null
    const last = this.#byDevice.get(deviceId)?.at(-1)
    const now = this.#now()
    const isSamePlace = last?.channel === channel && last.peer === peer
    if (last !== undefined && isSamePlace && mark !== "" && this.#marks.get(last) === mark) {
      last.again(now)
      return last
    }
    const goesOn = last !== undefined && isSamePlace && last.repeats === 0 && now - last.lastAt < contactMs[channel]
    const session = goesOn ? last : this.begin(channel, peer)
    if (session === null) return null
    for (const line of lines()) session.said("device", line)
    session.said("server", answer)
    if (goesOn) this.#marks.delete(session)
    else this.#marks.set(session, mark)
    this.attach(session, deviceId)
    session.endedAt = now
    return session
  }

  /** The last contact with a device, if it is one exchange and nothing else: the same again is that once more. */
  single(deviceId: string): WireSession | null {
    const last = this.#byDevice.get(deviceId)?.at(-1)
    return last !== undefined && this.#marks.has(last) ? last : null
  }

  /** One message, of those that come and go by themselves. */
  say(
    { deviceId, channel, peer }: Pick<Exchange, "deviceId" | "channel" | "peer">,
    from: "device" | "server" | "note",
    text: string,
  ): void {
    const last = this.#byDevice.get(deviceId)?.findLast((session) => session.channel === channel)
    const goesOn = last !== undefined && last.repeats === 0 && this.#now() - last.lastAt < contactMs[channel]
    const session = goesOn ? last : this.begin(channel, peer)
    if (session === null) return
    const before = session.lines.at(-1)
    // An order is handed out at every question until it is begun.
    if (before?.from === from && before.text === text) return
    session.said(from, text)
    this.attach(session, deviceId)
    session.endedAt = session.lastAt
  }

  /** A word of the server about the last contact of a device on that channel. */
  note(deviceId: string, channel: WireChannel, text: string): void {
    const last = this.#byDevice.get(deviceId)?.findLast((session) => session.channel === channel)
    last?.said("note", text)
  }

  /** The contacts with a device since `since`, the oldest first, without its secrets. */
  of(
    deviceId: string,
    { since, secrets }: { readonly since: number; readonly secrets: readonly string[] },
  ): Transcript[] {
    const oldest = Math.max(since, this.#now() - limits["wire.days"].most * 86_400_000)
    return (this.#byDevice.get(deviceId) ?? [])
      .filter((session) => Math.max(session.startedAt, session.lastAt) >= oldest && session.startedAt >= since)
      .map((session) => withoutSecrets(session.view(), secrets))
  }

  /** All of it, masked, for the next run. */
  *kept(secretsOf: (deviceId: string) => readonly string[]): Generator<KeptTranscript> {
    for (const session of this.#all) {
      const { deviceId } = session
      if (deviceId === null) continue
      const view = withoutSecrets(session.view(), secretsOf(deviceId))
      yield { ...view, endedAt: view.endedAt ?? session.lastAt, deviceId }
    }
  }

  /** Takes in what the last run kept. */
  restore(kept: readonly KeptTranscript[]): void {
    for (const { deviceId, lines, endedAt, dropped, repeats, ...start } of kept) {
      const session = new WireSession(this.#owner, start)
      for (const { from, text } of lines) session.said(from, text)
      session.lines.splice(0, session.lines.length, ...lines)
      Object.assign(session, { endedAt, dropped, repeats, lastAt: endedAt ?? start.startedAt })
      this.#numbers = Math.max(this.#numbers, start.number)
      this.attach(session, deviceId)
    }
  }

  /** A contact that is over and said what the last one said is that one once more. */
  #fold(session: WireSession): void {
    const own = session.deviceId === null ? undefined : this.#byDevice.get(session.deviceId)
    const before = own?.at(-2)
    if (own?.at(-1) !== session || before === undefined || before.endedAt === null || !session.isLike(before)) return
    before.repeats++
    before.endedAt = session.endedAt
    before.lastAt = session.lastAt
    this.#drop(session)
  }

  #evict(): void {
    while (this.#bytes > this.#mostBytes) {
      const [oldest] = this.#all
      if (oldest === undefined) return
      this.#drop(oldest)
    }
  }

  #drop(session: WireSession | undefined): void {
    if (session === undefined || !this.#all.delete(session)) return
    this.#bytes -= session.bytes
    const deviceId = session.deviceId ?? ""
    session.deviceId = null
    const own = this.#byDevice.get(deviceId)
    own?.splice(own.indexOf(session), 1)
    if (own?.length === 0) this.#byDevice.delete(deviceId)
  }
}

function withoutSecrets(transcript: Transcript, secrets: readonly string[]): Transcript {
  return { ...transcript, lines: transcript.lines.map((line) => ({ ...line, text: maskLine(line.text, secrets) })) }
}
