import type { Family, OfferedFile, OfferedImage } from "../../core/families/family.ts"
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
import { recordFact } from "../fleet/record-fact.ts"
import type { TransferContent } from "../transports/content.ts"

export type GatewayNeeds = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families"> & {
  /** Reports what went wrong without ending anything: a device cannot be told. */
  readonly complain: (what: string, error: unknown) => void
}

/**
 * How long what a login has read stays fetchable for it, ms: longer than any modem needs between its two sessions
 * (Waspmote GPRS: three tries of up to 300 s for one file would be the slowest).
 */
export const readingMs = 900_000

/** One contact of a login: what it may see, and what its transfers mean. */
export class LoginSession {
  readonly id: string
  readonly family: Family
  readonly #needs: GatewayNeeds
  readonly #login: LiveDevice | LiveChannel
  readonly #peer: string

  constructor(needs: GatewayNeeds, login: LiveDevice | LiveChannel, id: string, peer: string) {
    this.id = id
    this.#needs = needs
    this.#login = login
    this.#peer = peer
    this.family = familyOf(needs.families, login.kind === "device" ? login.device.family : login.channel.family)
    if (login.kind !== "device") return
    needs.live.touch(login, peer)
    this.#tell("session-opened", login)
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
    const offered = this.#login.kind === "device" ? this.#offeredToDevice(this.#login) : offeredBy(this.#login)
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
    this.#login.reading = offered === null ? null : { offered, at: this.#needs.clock.monotonic() }
    if (this.#login.kind === "channel") this.#login.polls++
    return offered === null ? null : () => this.#noticeRead(offered)
  }

  /** Opens a file for a transfer from `from`. An image's start is durable before its first byte leaves. */
  open({ file, offered }: SessionFile, from: number): TransferContent | Promise<TransferContent> {
    if (file.role === "image") return this.#openImage(file.image, offered, from)
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
    if (login.kind === "device" && login.update?.pull.pending?.session === this.id) this.#tell("session-closed", login)
  }

  /** A device that has read an offer and is still undecided calls again, or has gone. */
  #tell(kind: "session-opened" | "session-closed", login: LiveDevice): void {
    const { update } = login
    if (!update?.pull.pending || update.offer === null || update.image === null) return
    const { id: updateId, releaseId, offer, image } = update
    const fact = { kind, session: this.id, at: this.#needs.clock.monotonic() }
    recordFact(this.#needs, { live: login, offered: { updateId, releaseId, offer, image }, fact }).catch(
      (error: unknown) => this.#needs.complain(`a session of ${login.device.id} was not recorded`, error),
    )
  }

  #reading(): Reading | null {
    const { reading } = this.#login
    if (reading === null || this.#needs.clock.monotonic() - reading.at > readingMs) return null
    return reading
  }

  async #noticeRead(offered: Offered): Promise<void> {
    if (this.#login.kind !== "device") return
    const at = this.#needs.clock.monotonic()
    await recordFact(this.#needs, {
      live: this.#login,
      offered,
      fact: { kind: "notice-read", session: this.id, at },
    })
  }

  async #openImage(
    image: { readonly sha256: string; readonly sizeBytes: number },
    offered: Offered | null,
    from: number,
  ): Promise<TransferContent> {
    const login = this.#login
    const hold = await this.#needs.images.open(image).catch(async (error: unknown) => {
      if (login.kind === "device" && offered !== null)
        await flagImage(this.#needs, { live: login, offered, image }, error)
      throw error
    })
    const { clock } = this.#needs
    if (login.kind === "channel" || offered === null) {
      return { sizeBytes: hold.sizeBytes, read: hold.read, finished: () => hold.release() }
    }
    try {
      const isPatch = image.sha256 !== offered.image.sha256
      const at = clock.monotonic()
      const started = { kind: "image-started", from, at } as const
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
        login.quietSince = clock.monotonic()
      },
      finished: async ({ from, to, sent = to, whole }) => {
        hold.release()
        if (login.transfer === transfer) login.transfer = null
        const fact = { kind: "image-ended", from, to, sent, whole, at: clock.monotonic() } as const
        await recordFact(this.#needs, { live: login, offered, fact })
      },
    }
  }
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
