import type { ServerResponse } from "node:http"
import type { EventFilter } from "../../../core/domain/events/filter.ts"
import type { WaftEvent } from "../../../core/domain/events/table.ts"
import { Refusal } from "../../../core/domain/refusal.ts"
import { type LimitHits, limits } from "../../../core/kit/limits.ts"
import type { FleetNeeds } from "../../fleet/fleet-needs.ts"
import { History } from "./history.ts"
import { behindText, heartbeatText, type Told, toldEvent } from "./told.ts"

/** Events are told together, so that a thousand in a second cost each reader a few writes. */
const gatherMs = 20
/** The newest events that are kept for streams that have just read the log to its end. */
const keptEvents = 2000
const keptBytes = 2 << 20

export interface StreamNeeds extends Pick<FleetNeeds, "store" | "events" | "clock"> {
  readonly hits: LimitHits
  /** Calls back once, so many ms later. */
  readonly later: (deed: () => void, ms: number) => void
  /** Calls back now and then until the returned function is called. */
  readonly heartbeat: (beat: () => void) => () => void
  readonly complain: (what: string, error: unknown) => void
}

export interface EventReader {
  /** The number after which it begins; `now` = after the last there is. */
  readonly from: number | "now"
  /** Of one device or rollout: read along its own index. */
  readonly chosen: Pick<EventFilter, "device" | "rollout">
  /** Whether an event is wanted, and may be told to this reader; null = every one. */
  readonly isFor: ((event: WaftEvent) => boolean) | null
  /** Whether this reader may still read: rights end while a stream is open. */
  readonly isWelcome: () => boolean
}

interface Stream extends EventReader {
  readonly response: ServerResponse
  /** Everything that it wants up to this number has been told. */
  sent: number
  /** It has read the log to its end and is told what happens. */
  isLive: boolean
  /** It was told that it is too slow; who does not take even that is cut off at the next heartbeat. */
  isEnding: boolean
  /** What waits for its reader was there at the last heartbeat already. */
  isStuck: boolean
  /** Called once when its reader has taken what waited, or is gone. */
  onRoom: () => void
}

/**
 * Every open stream of the event log. An event is written down once and handed to all; what waits for readers that do not keep
 * up is bounded for each and for all together: beyond that a reader is closed with the number to go on from, and misses
 * nothing when it comes back.
 */
export class EventStreams {
  readonly #needs: StreamNeeds
  readonly #history: History
  readonly #streams = new Set<Stream>()
  /** The newest events, oldest first. */
  #recent: Told[] = []
  #recentBytes = 0
  /** The last number that is not among them any more. */
  #forgotten = 0
  #gathered: WaftEvent[] = []
  /** The last number that was told. */
  #head = 0

  constructor(needs: StreamNeeds) {
    this.#needs = needs
    this.#history = new History(needs.store)
    needs.events.listen((event) => {
      if (this.#gathered.length === 0) needs.later(() => this.#flush(), gatherMs)
      this.#gathered.push(event)
    })
  }

  get count(): number {
    return this.#streams.size
  }

  /** Takes room for a stream before its answer begins. Refuses `too-many-streams`. */
  demandRoom(): void {
    const { most } = limits["events.streams"]
    if (this.#streams.size < most) return
    this.#needs.hits.hit("events.streams")
    throw new Refusal("too-many-streams", { most })
  }

  /** Tells a reader the log from where it was, then what happens, without a gap and without a repetition. */
  async tell(response: ServerResponse, reader: EventReader): Promise<void> {
    const stands = { sent: 0, isLive: false, isEnding: false, isStuck: false, onRoom: () => undefined }
    const stream: Stream = { ...reader, ...stands, response }
    this.#streams.add(stream)
    const stopHeartbeat = this.#needs.heartbeat(() => this.#beat(stream))
    response.on("drain", () => stream.onRoom())
    response.once("close", () => {
      this.#streams.delete(stream)
      stopHeartbeat()
      stream.onRoom()
    })
    stream.sent = reader.from === "now" ? await this.#needs.store.lastEventSeq() : reader.from
    response.write(`: waft events\n${heartbeatText(this.#needs.clock.now(), stream.sent)}`)
    while (this.#isOpen(stream) && !stream.isLive) await this.#catchUp(stream)
  }

  async #catchUp(stream: Stream): Promise<void> {
    const { device, rollout } = stream.chosen
    const chosen = {
      ...(device === undefined ? {} : { deviceId: device }),
      ...(rollout === undefined ? {} : { rolloutId: rollout }),
    }
    const page = await this.#history.read(stream.sent, this.#head, chosen)
    if (!this.#isOpen(stream)) return
    this.#write(stream, page.told, page.whole)
    stream.sent = Math.max(stream.sent, page.upTo)
    if (page.isLast && this.#forgotten <= stream.sent) {
      // What was told meanwhile is among the newest; from here on nothing is awaited, so that nothing comes between.
      stream.isLive = true
      this.#write(stream, this.#recent)
      stream.sent = Math.max(stream.sent, this.#head)
    }
    this.#holdToTotal()
    if (stream.response.writableNeedDrain && this.#isOpen(stream)) {
      await new Promise<void>((resolve) => (stream.onRoom = resolve))
    }
  }

  #flush(): void {
    const told = this.#gathered.sort((a, b) => a.seq - b.seq).map(toldEvent)
    this.#gathered = []
    this.#head = Math.max(this.#head, told.at(-1)?.event.seq ?? 0)
    this.#remember(told)
    const whole = Buffer.concat(told.map(({ bytes }) => bytes))
    for (const stream of this.#streams) {
      if (!stream.isLive || !this.#isOpen(stream)) continue
      if (!stream.isWelcome()) stream.response.destroy()
      else this.#write(stream, told, whole)
    }
    this.#holdToTotal()
  }

  #remember(told: readonly Told[]): void {
    this.#recent.push(...told)
    for (const { bytes } of told) this.#recentBytes += bytes.length
    let from = 0
    while (this.#recent.length - from > keptEvents || this.#recentBytes > keptBytes) {
      const oldest = this.#recent[from]
      if (oldest === undefined) break
      this.#recentBytes -= oldest.bytes.length
      this.#forgotten = oldest.event.seq
      from++
    }
    if (from > 0) this.#recent = this.#recent.slice(from)
  }

  /** `whole`: the bytes of all of them together, for who wants them all. */
  #write(stream: Stream, told: readonly Told[], whole?: Buffer): void {
    const { response, isFor, sent } = stream
    const isAll = isFor === null && whole !== undefined && (told[0]?.event.seq ?? 0) > sent
    const wanted = isAll ? [] : told.filter(({ event }) => event.seq > sent && isFor?.(event) !== false)
    const bytes = isAll ? whole : Buffer.concat(wanted.map((one) => one.bytes))
    const backlog = response.writableLength + bytes.length
    if (backlog > limits["events.backlog"].most && response.writableLength > 0)
      return this.#leave(stream, "events.backlog")
    if (bytes.length > 0) response.write(bytes)
    stream.sent = Math.max(sent, told.at(-1)?.event.seq ?? 0)
  }

  /** What waits for all readers together is bounded: those for whom most waits are closed. */
  #holdToTotal(): void {
    const { most } = limits["events.backlog-total"]
    const open = [...this.#streams].filter(({ isEnding }) => !isEnding)
    let total = open.reduce((sum, { response }) => sum + response.writableLength, 0)
    if (total <= most) return
    for (const stream of open.sort((a, b) => b.response.writableLength - a.response.writableLength)) {
      if (total <= most) return
      total -= stream.response.writableLength
      // Its backlog is what there is too much of: it is not waited for that its reader takes it.
      this.#needs.hits.hit("events.backlog-total")
      stream.response.destroy()
    }
  }

  /** Closes a stream whose reader does not keep up, with the number to go on from. */
  #leave(stream: Stream, limit: "events.backlog"): void {
    this.#needs.hits.hit(limit)
    stream.isEnding = true
    stream.response.end(behindText(stream.sent))
  }

  #beat(stream: Stream): void {
    const { response } = stream
    if (!stream.isWelcome() || stream.isEnding) return void response.destroy()
    if (!this.#isOpen(stream)) return
    // Whoever has taken nothing since the last heartbeat is behind; it is cut off at the next.
    if (response.writableLength > 0 && stream.isStuck) return this.#leave(stream, "events.backlog")
    stream.isStuck = response.writableLength > 0
    if (stream.isLive) response.write(heartbeatText(this.#needs.clock.now(), stream.sent))
    this.#holdToTotal()
  }

  #isOpen({ response, isEnding }: Stream): boolean {
    return !isEnding && !response.destroyed && !response.writableEnded
  }
}
