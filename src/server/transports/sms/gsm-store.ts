import { fromHex } from "../../../core/kit/bytes.ts"
import type { AtHost } from "../../../core/protocols/at/at-host.ts"
import { byNameOf } from "./gsm-setup.ts"

const readMs = 10_000
const listMs = 60_000
/** An odd reading is made again so often; a line that lost a byte is whole the next time. */
const mostReadings = 3
/** Lists of one round: more than any SIM holds, however few messages a modem lists at a time. */
const mostLists = 500

/** A message where a modem keeps it. */
export interface StoredMessage {
  readonly index: string
  /** In hex, as the modem printed it. */
  readonly pdu: string
}

export type Handed = "taken" | "kept"

/** The messages in a modem's memory: read, handed on, and deleted only when they are taken. */
export class GsmStore {
  readonly #host: AtHost
  readonly #hand: (pdu: string) => Promise<Handed>
  #memory: string | null
  /** Taken and not yet known to be deleted, by memory and index: they are not handed on twice. */
  readonly #taken = new Map<string, string>()
  readonly #kept = new Set<string>()

  constructor(host: AtHost, memory: string | null, hand: (pdu: string) => Promise<Handed>) {
    this.#host = host
    this.#memory = memory
    this.#hand = hand
  }

  /** Everything that is stored, list by list until one shows nothing new. False = the modem does not list. */
  async takeAll(): Promise<boolean> {
    this.#kept.clear()
    for (let n = 0; n < mostLists; n++) {
      const text = "AT+CMGL=4"
      const answer = await this.#host.command({ text, timeoutMs: listMs, isAnswer: (line) => isOfStore("CMGL", line) })
      const found = pairsOf("CMGL", answer.lines).filter(({ index }) => !this.#kept.has(this.#placeOf(index)))
      for (const { index, pdu } of found) await this.#take(index, pdu ?? (await this.#readAt(index)))
      if (answer.end !== "ok") return false
      if (found.length === 0) return true
    }
    return true
  }

  /** The message that `+CMTI` or `+CDSI` named; in another memory than the last one, that is chosen first (TS 27.005 §3.2.2). */
  async takeAt(memory: string, index: string): Promise<void> {
    if (!(await this.#choose(memory))) return
    await this.#take(index, await this.#readAt(index))
  }

  async #choose(memory: string): Promise<boolean> {
    if (this.#memory === null || this.#memory === memory) return true
    const text = `AT+CPMS="${memory}"`
    const { end } = await this.#host.command({ text, timeoutMs: readMs, isAnswer: byNameOf(text) })
    if (end === "ok") this.#memory = memory
    return end === "ok"
  }

  async #take(index: string, pdu: string | null): Promise<void> {
    const place = this.#placeOf(index)
    // Nothing is there, or nothing that could be read as a message: it stays, and is looked at again.
    if (pdu === null) return void this.#kept.add(place)
    if (this.#taken.get(place) !== pdu && (await this.#hand(pdu)) === "kept") return void this.#kept.add(place)
    this.#taken.set(place, pdu)
    const { end } = await this.#host.command({ text: `AT+CMGD=${index}`, timeoutMs: readMs, isAnswer: () => false })
    if (end === "ok") this.#taken.delete(place)
    else this.#kept.add(place)
  }

  /**
   * Read until it is whole, or the same twice: modems exist that count the centre's address as well. Null = nothing is there.
   */
  async #readAt(index: string): Promise<string | null> {
    let last: string | null = null
    for (let n = 0; n < mostReadings; n++) {
      const text = `AT+CMGR=${index}`
      const answer = await this.#host.command({ text, timeoutMs: readMs, isAnswer: (line) => isOfStore("CMGR", line) })
      const [found] = pairsOf("CMGR", answer.lines)
      if (found?.pdu != null) return found.pdu
      if (found?.odd != null && found.odd === last) return last
      last = found?.odd ?? null
      if (answer.end === "error" || answer.end === "gone") return null
    }
    return null
  }

  #placeOf(index: string): string {
    return `${this.#memory ?? ""} ${index}`
  }
}

interface Pair {
  readonly index: string
  /** null = no line behind the header has the length that it says. */
  readonly pdu: string | null
  /** A line of hex that is shorter or longer. */
  readonly odd: string | null
}

const hexLine = /^(?:[0-9A-Fa-f]{2})+$/

function isOfStore(name: "CMGL" | "CMGR", line: string): boolean {
  return line.startsWith(`+${name}:`) || hexLine.test(line)
}

/**
 * How a header begins and ends. A list's index has a status behind it: `10,,22` is `1,0,,22` that lost a byte, and whoever takes it for the
 * tenth deletes a message that nobody has read.
 */
const headers = {
  CMGL: /^\+CMGL: *(\d{1,5}) *,[^,]+,.*?(\d{1,3})$/,
  CMGR: /^\+CMGR: *(\d{1,5}) *,.*?(\d{1,3})$/,
}

/** Headers with the messages behind them: `+CMGL: 7,0,,24` or `+CMGR: 0,,24`, then the hex of that length (TS 27.005 §4.1, §4.2). */
function pairsOf(name: "CMGL" | "CMGR", lines: readonly string[]): readonly Pair[] {
  return lines.flatMap((line, at): Pair[] => {
    const [, index = "", length] = headers[name].exec(line.trim()) ?? []
    if (length === undefined) return []
    const next = lines[at + 1]?.trim() ?? ""
    const odd = hexLine.test(next) ? next : null
    return [{ index, pdu: odd !== null && isOfLength(odd, Number(length)) ? odd : null, odd }]
  })
}

/** `<length>` counts the transfer unit without the centre's address before it (TS 27.005 §4.1). */
export function isOfLength(pdu: string, length: number): boolean {
  const octets = fromHex(pdu)
  return octets !== null && octets.length === length + (octets[0] ?? 0) + 1
}
