import type { Channel, Release } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { OfferedFile } from "../../core/families/family.ts"
import { accessFor, ownerName } from "./add-device.ts"
import { commit, eventOf } from "./commit.ts"
import { familyOf } from "./families.ts"
import { usableRelease } from "./find-release.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import { type LiveChannel, offeredBy } from "./live-fleet.ts"
import { OfferPlanner } from "./plan-offer.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families" | "randomText">

export interface ChannelWish {
  readonly name: string
  /** Absent = as it was; a new channel needs it unless it names a release. */
  readonly family?: string | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** A release to offer; null = nothing (`NO_FILE`); absent = as it was. */
  readonly releaseId?: string | null | undefined
  /** The version to announce instead of the release's own. */
  readonly version?: string | undefined
  /** Whether the family, user or password of a channel that is there may become another. */
  readonly replace?: boolean | undefined
}

/** The channel of that name. Refuses `no-such-channel`. */
export function channelByName({ live }: Pick<FleetNeeds, "live">, name: string): LiveChannel {
  const found = live.channels.get(name)
  if (found === undefined) throw new Refusal("no-such-channel", { channel: name })
  return found
}

/** Makes a channel or changes what it offers. A channel is on from its first `set`. */
export async function setChannel(needs: Needs & OnBehalf, wish: ChannelWish): Promise<Channel> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(wish.name)) {
    throw new Refusal("bad-channel", {
      detail: `"${wish.name.slice(0, 70)}" cannot be a channel's name: it takes 1 to 64 letters, digits, '.', '_' or '-'.`,
    })
  }
  const before = needs.live.channels.get(wish.name)?.channel ?? null
  const release = chosenRelease(needs, wish, before)
  const family = chosenFamily(needs, wish, before, release)
  const access = chosenAccess(needs, wish, before?.family === family ? before : null, family)
  if (before !== null && wish.replace !== true) demandSame(before, { family, access })
  const channel: Channel = {
    name: wish.name,
    family,
    access,
    ...(await offerOf(needs, wish, before, release)),
    changedAt: needs.clock.now(),
  }
  const sentence =
    channel.releaseId === null
      ? `The channel ${channel.name} offers nothing (NO_FILE).`
      : `The channel ${channel.name} offers ${channel.releaseId}, announced as version ${channel.version}.${channel.warning === null ? "" : ` ${channel.warning}`}`
  const event = eventOf({ at: channel.changedAt, kind: "channel.set", releaseId: channel.releaseId, sentence })
  await commit(needs, needs.actor, [{ put: "channel", channel }, event])
  return channel
}

/** What stands in devices already is changed only by who says so. */
function demandSame(before: Channel, { family, access }: Pick<Channel, "family" | "access">): void {
  const what =
    before.family !== family
      ? `the family ${before.family}`
      : before.access.user !== access.user
        ? `the user ${before.access.user}`
        : before.access.secret !== access.secret
          ? "another password"
          : null
  if (what !== null) throw new Refusal("channel-differs", { channel: before.name, what })
}

/** Takes a channel away: whoever comes by its login is refused from then on. */
export async function removeChannel(needs: Needs & OnBehalf, name: string): Promise<void> {
  const { channel } = channelByName(needs, name)
  const event = eventOf({
    at: needs.clock.now(),
    kind: "channel.removed",
    releaseId: channel.releaseId,
    sentence: `The channel ${name} was taken away: its login is refused from now on.`,
  })
  await commit(needs, needs.actor, [{ remove: "channel", id: name }, event])
}

function chosenRelease(needs: Needs, wish: ChannelWish, before: Channel | null): Release | null {
  const id = wish.releaseId === undefined ? (before?.releaseId ?? null) : wish.releaseId
  if (id === null) return null
  return usableRelease(needs, id)
}

function chosenFamily(needs: Needs, wish: ChannelWish, before: Channel | null, release: Release | null): string {
  const id = wish.family ?? release?.family ?? before?.family
  if (id === undefined) {
    throw new Refusal("bad-channel", { detail: "A new channel needs a family or a release: --family or --release." })
  }
  const family = familyOf(needs.families, id)
  if (release !== null && release.family !== family.id) {
    throw new Refusal("bad-channel", {
      detail: `The channel is for ${family.id} and the release ${release.id} for ${release.family}.`,
    })
  }
  return family.id
}

function chosenAccess(needs: Needs, wish: ChannelWish, before: Channel | null, familyId: string): Channel["access"] {
  const family = familyOf(needs.families, familyId)
  if (!family.access.hasLogin) {
    if (wish.user !== undefined || wish.password !== undefined) {
      const detail = `A channel of ${familyId} has a URL of its own that nobody can guess, and no user or password.`
      throw new Refusal("bad-channel", { detail })
    }
    return before?.access ?? accessFor(needs, family, { id: wish.name })
  }
  const user = wish.user ?? before?.access.user ?? wish.name
  const access = accessFor(needs, family, { id: wish.name, user, secret: wish.password ?? before?.access.secret })
  const owner = needs.live.logins.get(user)
  if (owner !== undefined && !(owner.kind === "channel" && owner.channel.name === wish.name)) {
    throw new Refusal("login-taken", { user, owner: ownerName(owner) })
  }
  return access
}

type ChannelOffer = Pick<Channel, "releaseId" | "version" | "offer" | "image" | "warning">
const nothing: ChannelOffer = { releaseId: null, version: null, offer: null, image: null, warning: null }

async function offerOf(
  needs: Needs,
  wish: ChannelWish,
  before: Channel | null,
  release: Release | null,
): Promise<ChannelOffer> {
  if (release === null) return nothing
  const family = familyOf(needs.families, release.family)
  const unchanged = before?.releaseId === release.id ? before.version : null
  const parsed = family.versions.parse(wish.version ?? unchanged ?? release.version)
  if ("fault" in parsed) throw new Refusal("bad-version", { detail: parsed.fault.sentence })
  const target = { id: wish.name, model: "any", familyState: {}, runningVersion: null, isReported: false, exact: true }
  const planned = await new OfferPlanner(needs).plan({ ...release, version: parsed.version }, target)
  if (!planned.ok) throw new Refusal("offer-impossible", { detail: planned.sentence })
  return {
    releaseId: release.id,
    version: parsed.version,
    offer: planned.offer,
    image: planned.image,
    warning: planned.reason,
  }
}

/** A file of a channel as it would be put on somebody's own server. */
export interface ChannelFile {
  readonly name: string
  readonly role: "notice" | "image"
  readonly bytes: Uint8Array
}

/**
 * The files that the channel's login sees now, whole, in the order in which they go onto somebody's own server so that
 * no device sees half a pair: a notice that offers nothing, the image, the notice.
 */
export async function channelFiles(needs: Needs, name: string): Promise<readonly ChannelFile[]> {
  const live = channelByName(needs, name)
  const { ftp } = familyOf(needs.families, live.channel.family)
  if (ftp === undefined) {
    throw new Refusal("bad-channel", { detail: `The family ${live.channel.family} is not served over FTP.` })
  }
  const offered = offeredBy(needs.live, live)
  const files = ftp.files(offered)
  const isNotice = ({ role }: OfferedFile): boolean => role === "notice"
  const cleared = offered === null ? [] : ftp.files(null).filter(isNotice)
  const ordered = [...cleared, ...files.filter((file) => !isNotice(file)), ...files.filter(isNotice)]
  return Promise.all(
    ordered.map(async (file): Promise<ChannelFile> => {
      if (file.role === "notice") return { name: file.name, role: "notice", bytes: file.content }
      const hold = await needs.images.open(file.image)
      try {
        return { name: file.name, role: "image", bytes: Uint8Array.from(await hold.read(0, hold.sizeBytes)) }
      } finally {
        hold.release()
      }
    }),
  )
}
