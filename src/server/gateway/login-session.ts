import type { ByteSpan } from "../../core/domain/coverage.ts"
import type { Family, OfferedFile, OfferedImage } from "../../core/families/family.ts"
import type { PullFact } from "../../core/domain/pull-facts.ts"
import { mayHaveImage, networkOf } from "../../core/domain/pull-state.ts"
import type { ImageRef } from "../../core/domain/records.ts"
import { familyOf, ticketSide } from "../fleet/families.ts"
import { flagContest } from "../fleet/flag-contest.ts"
import { flagImage } from "../fleet/flag-image.ts"
import type { FleetNeeds } from "../fleet/fleet-needs.ts"
import {
  type LiveChannel,
  type LiveDevice,
  type Offered,
  offeredBy,
  offeredTo,
  type Reading,
} from "../fleet/live-fleet.ts"
import type { ImageHold } from "../fleet/needs.ts"
import { noteVisit } from "../fleet/note-visit.ts"
import { limits } from "../../core/kit/limits.ts"
import { recordFact } from "../fleet/record-fact.ts"
import { demandSigned } from "../fleet/release-signatures.ts"
import type { TransferContent, TransferEnd } from "../transports/content.ts"

export type GatewayNeeds = Pick<
  FleetNeeds,
  "clock" | "store" | "images" | "live" | "events" | "families" | "randomText" | "wire"
> & {
  /** Reports what went wrong without ending anything: a device cannot be told. */
  readonly complain: (what: string, error: unknown) => void
}

/**
 * How long what a login has read stays fetchable for it, ms: longer than any modem needs between its two sessions
 * (Waspmote GPRS: three tries of up to 300 s for one file would be the slowest).
 */
export const readingMs = 900_000

/** One contact of a login: what it may see, and what its transfers mean. */
const transfersOfChannel = 5000

export class LoginSession {
  readonly id: string
  readonly family: Family
  readonly #needs: GatewayNeeds
  readonly #login: LiveDevice | LiveChannel
  readonly #peer: string
  readonly #network: string
  /** By what the client can be told from a device: verbs that it has sent, names of its headers. */
  readonly #signs = new Set<string>()
  readonly #askedAbout = new Set<"notice" | "image">()

  constructor(needs: GatewayNeeds, login: LiveDevice | LiveChannel, { id, peer, signs = [] }: Contacting) {
    this.id = id
    this.#needs = needs
    this.#login = login
    this.#peer = peer
    this.#network = networkOf(peer)
    for (const sign of signs) this.#signs.add(sign)
    this.family = familyOf(needs.families, login.kind === "device" ? login.device.family : login.channel.family)
    if (login.kind !== "device") return
    if (this.#signs.size > 0 && this.isVisitor) return
    needs.live.touch(login, peer)
    if (isUnderWay(login)) this.#tell(login, { kind: "session-opened", ...this.#sign() })
  }

  /** How many files it may fetch at once: a device is one, a channel many. */
  get share(): { readonly owner: object; readonly most: number } {
    return {
      owner: this.#login,
      most: this.#login.kind === "device" ? limits["http.transfers-per-login"].most : transfersOfChannel,
    }
  }

  /** Whether the client has shown that it is no device of the family. It is answered, and nothing is concluded from it. */
  get isVisitor(): boolean {
    return this.family.pull.isVisitor([...this.#signs])
  }

  /** Whose contact it is; null = a channel's, whose devices nobody tells apart. */
  get deviceId(): string | null {
    return this.#login.kind === "device" ? this.#login.device.id : null
  }

  /** Takes in a verb that the client has sent. */
  hear(verb: string): void {
    this.#signs.add(verb)
  }

  /** The client has named a file, whatever it wants of it. */
  askedAbout(role: "notice" | "image"): void {
    const login = this.#login
    if (login.kind !== "device" || this.#askedAbout.has(role) || login.update === null || this.isVisitor) return
    this.#askedAbout.add(role)
    const isOfInterest = isUnderWay(login) || (role === "image" && mayHaveImage(login.update.pull))
    if (isOfInterest) this.#tell(login, { kind: "asked", about: role, ...this.#sign() })
  }

  #sign() {
    return { session: this.id, network: this.#network, at: this.#needs.clock.monotonic() }
  }

  /** When what is offered last changed, ms since 1970 UTC. */
  get changedAt(): number {
    return this.#login.kind === "device"
      ? (this.#login.update?.progress.since ?? this.#login.device.addedAt)
      : this.#login.channel.changedAt
  }

  /**
   * The files for this login now, with the offer that each belongs to. The image that the login has read of stays, and
   * wins over a newer one of the same name, until it reads the notice again or the time is up.
   */
  files(side: FileSide): readonly SessionFile[] {
    const offered =
      this.#login.kind === "device" ? this.#offeredToDevice(this.#login) : offeredBy(this.#needs.live, this.#login)
    const current = side(offered).map((file): SessionFile => ({ file, offered }))
    const reading = this.#reading()
    if (reading === null || reading.offered === offered) return current
    const read = side(reading.offered)
      .filter(({ role }) => role === "image")
      .map((file): SessionFile => ({ file, offered: reading.offered }))
    const names = new Set(read.map(({ file }) => file.name))
    return [...current.filter(({ file }) => !names.has(file.name)), ...read]
  }

  /** Whoever has a ticket was told so: a rollout that is paused meanwhile does not take it back. */
  #offeredToDevice(live: LiveDevice): Offered | null {
    const { update } = live
    if (update?.ticket == null || update.offer === null || update.image === null)
      return offeredTo(this.#needs.live, live)
    return { updateId: update.id, releaseId: update.releaseId, offer: update.offer, image: update.image }
  }

  /** What the login gets now is told to it; gives what is done once it has read that whole. */
  openNotice(offered: Offered | null): (() => Promise<void>) | null {
    if (!this.isVisitor || this.#login.kind === "channel") {
      this.#login.reading = offered === null ? null : { offered, at: this.#needs.clock.monotonic() }
    }
    if (this.#login.kind === "channel") this.#login.polls++
    return offered === null ? null : () => this.#noticeRead(offered)
  }

  /**
   * Opens a file for a transfer from `from`, which counts from the begin of the image; `part` is where in it a file stands that
   * is only one of several. An image's start is durable before its first byte leaves.
   */
  open({ file, offered }: SessionFile, from: number, part?: ByteSpan): TransferContent | Promise<TransferContent> {
    if (file.role === "image") return this.#openImage(file.image, offered, { from, part })
    const { content } = file
    const read = this.openNotice(offered)
    return {
      sizeBytes: content.length,
      read: (offset, maxBytes) => content.subarray(offset, offset + maxBytes),
      finished: ({ whole }) => (whole ? read?.() : undefined),
    }
  }

  /** Somebody else at the device's address came to one of its data connections. */
  contested(): void {
    const login = this.#login
    if (login.kind !== "device") return
    flagContest(this.#needs, login, this.#peer).catch((error: unknown) =>
      this.#needs.complain(`a contested transfer of ${login.device.id} was not recorded`, error),
    )
  }

  /** The contact is over. */
  close(): void {
    const login = this.#login
    if (login.kind !== "device" || login.update === null || this.isVisitor) return
    const { contact, fetchSession } = login.update.pull
    if (contact?.session !== this.id && fetchSession !== this.id) return
    const isPolite = this.#signs.has("QUIT")
    this.#tell(login, { kind: "session-closed", session: this.id, isPolite, at: this.#needs.clock.monotonic() })
  }

  /** What a device does that nobody waits for. */
  #tell(login: LiveDevice, fact: PullFact): void {
    const { update } = login
    if (update === null || update.offer === null || update.image === null) return
    const { id: updateId, releaseId, offer, image } = update
    recordFact(this.#needs, { live: login, offered: { updateId, releaseId, offer, image }, fact }).catch(
      (error: unknown) => this.#needs.complain(`a session of ${login.device.id} was not recorded`, error),
    )
  }

  #noteFetch(login: LiveDevice): Promise<void> {
    return noteVisit(this.#needs, login, { network: this.#network, deed: "fetched the image" })
  }

  #reading(): Reading | null {
    const { reading } = this.#login
    if (reading === null || this.#needs.clock.monotonic() - reading.at > readingMs) return null
    return reading
  }

  async #noticeRead(offered: Offered): Promise<void> {
    if (this.#login.kind !== "device") return
    const live = this.#login
    if (this.isVisitor) return noteVisit(this.#needs, live, { network: this.#network, deed: "read what it is offered" })
    // What was concluded stands until it comes for the image: how often it polls teaches nothing more.
    if (live.update?.id === offered.updateId && live.update?.progress.state === "succeeded") return
    await recordFact(this.#needs, { live, offered, fact: { kind: "notice-read", ...this.#sign() } })
  }

  /** Before a byte leaves: what is signed is what the device gets. */
  async #openSigned(image: ImageRef, offered: Offered | null): Promise<ImageHold> {
    await demandSigned(this.#needs, offered?.releaseId ?? null, image)
    return this.#needs.images.open(image)
  }

  async #openImage(
    image: { readonly sha256: string; readonly sizeBytes: number },
    offered: Offered | null,
    { from, part }: { readonly from: number; readonly part: ByteSpan | undefined },
  ): Promise<TransferContent> {
    const login = this.#login
    const hold = await this.#openSigned(image, offered).catch(async (error: unknown) => {
      if (login.kind === "device" && offered !== null)
        await flagImage(this.#needs, { live: login, offered, image }, error)
      throw error
    })
    const { clock } = this.#needs
    const inPart = part === undefined ? {} : { part }
    if (login.kind === "channel" || offered === null || this.isVisitor) {
      if (login.kind === "device") await this.#noteFetch(login)
      return { sizeBytes: hold.sizeBytes, read: hold.read, finished: () => hold.release() }
    }
    try {
      const isPatch = image.sha256 !== offered.image.sha256
      const started = { kind: "image-started", from, ...inPart, ...this.#sign() } as const
      const fact = isPatch ? { ...started, patchBytes: image.sizeBytes } : started
      await recordFact(this.#needs, { live: login, offered, fact, file: image })
    } catch (error) {
      hold.release()
      throw error
    }
    const transfer = { takenBytes: from, sizeBytes: hold.sizeBytes }
    login.transfer = transfer
    return {
      sizeBytes: hold.sizeBytes,
      read: hold.read,
      progress: (offset) => {
        transfer.takenBytes = offset
        login.quietSince = this.#needs.live.uptime()
      },
      finished: async ({ from, to, sent = to, whole }) => {
        hold.release()
        if (login.transfer === transfer) login.transfer = null
        const fact = { kind: "image-ended", from, to, sent, whole, ...inPart, at: clock.monotonic() } as const
        await recordFact(this.#needs, { live: login, offered, fact })
      },
    }
  }
}

/** One contact of a client, as its transport knows it. */
export interface Contacting {
  readonly id: string
  readonly peer: string
  readonly signs?: readonly string[]
}

/** How a transfer ended, in words for its transcript. */
export function endWords(name: string, sizeBytes: number, { from, to, whole, cause }: TransferEnd): string {
  const begin = from === 0 ? "" : ` from ${from}`
  if (whole) return `${name}: ${sizeBytes} bytes${begin}, whole`
  if (cause === undefined) return `${name}: bytes ${from} to ${to} of ${sizeBytes}`
  return `${name}: broke off after at least ${to} of ${sizeBytes} bytes${begin} (${cause})`
}

/** The content, whose end is told as well. */
export function watched(content: TransferContent, ended: (end: TransferEnd) => void): TransferContent {
  return {
    ...content,
    finished: (end) => {
      ended(end)
      return content.finished(end)
    },
  }
}

/** Whether a contact of the device is not over yet. */
function isUnderWay({ update }: LiveDevice): boolean {
  return update?.pull.contact?.isSettled === false
}

/** What one-time credentials show: the package, under a short name. */
export function ticketFiles(family: Family): (offered: OfferedImage | null) => readonly OfferedFile[] {
  const side = ticketSide(family)
  return (offered) =>
    offered === null || side === null
      ? []
      : [{ name: side.fileName(offered.offer), role: "image", image: offered.image }]
}

/** How one transport's side of a family names the files of an offer. */
export type FileSide = (offered: Offered | null) => readonly OfferedFile[]

/** A file and the offer it belongs to. */
export interface SessionFile {
  readonly file: OfferedFile
  readonly offered: Offered | null
}
