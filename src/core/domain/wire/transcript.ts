/** What two ends say on one of these, as a person reads it: `agent` is what an agent tells of its module's AT port. */
export const wireChannels = ["ftp", "http", "ddi", "sms", "tcp", "agent"] as const
export type WireChannel = (typeof wireChannels)[number]

/** Who said it; `note` = what the server saw, such as how a transfer ended. */
export type Speaker = "device" | "server" | "note"

export interface WireLine {
  /** Ms since 1970 UTC, to a quarter of a second. */
  readonly at: number
  readonly from: Speaker
  /** One line without its end. */
  readonly text: string
}

/** What was said in one contact with a device. */
export interface Transcript {
  /** Counts every contact of the server; a later one has a higher number. */
  readonly number: number
  readonly channel: WireChannel
  /** The device's address, or its number. */
  readonly peer: string
  readonly startedAt: number
  /** Null = it goes on. */
  readonly endedAt: number | null
  readonly lines: readonly WireLine[]
  /** Lines beyond the limit of one transcript, which were not kept. */
  readonly dropped: number
  /** Later contacts that said the same, line for line. */
  readonly repeats: number
}
