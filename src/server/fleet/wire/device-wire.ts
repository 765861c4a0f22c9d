import type { Finding } from "../../../core/domain/wire/doctor.ts"
import { diagnose } from "../../../core/domain/wire/doctor.ts"
import type { Transcript } from "../../../core/domain/wire/transcript.ts"
import type { FleetNeeds } from "../fleet-needs.ts"
import type { LiveDevice } from "../live-fleet.ts"

type Needs = Pick<FleetNeeds, "wire">

export interface Diagnosed extends Transcript {
  readonly findings: readonly Finding[]
}

export interface WireQuery {
  /** Only that contact. */
  readonly session?: number | undefined
  /** Only contacts in which a line has this, in any case. */
  readonly search?: string | undefined
  /** Only contacts that began after that one, or went on since. */
  readonly after?: number | undefined
}

/** The last contacts with a device, the oldest first, and what is wrong in them; nothing of a device that had its id before. */
export function deviceWire({ wire }: Needs, live: LiveDevice, query: WireQuery = {}): readonly Diagnosed[] {
  const { device } = live
  const found = wire?.of(device.id, { since: device.addedAt, secrets: secretsOf(live) }) ?? []
  const { session, after = 0 } = query
  const search = query.search?.toLowerCase()
  return found
    .filter(({ number }) => (session === undefined || number === session) && number > after)
    .filter(({ lines }) => search === undefined || lines.some(({ text }) => text.toLowerCase().includes(search)))
    .map((transcript) => ({ ...transcript, findings: diagnose(transcript) }))
}

/** Everything of a device that nobody may read in a transcript. */
export function secretsOf({ device, update }: LiveDevice): readonly string[] {
  const { secret } = device.access
  return update?.ticket == null ? [secret] : [secret, update.ticket.secret]
}

/** What the device's last contact shows to be wrong, with its cure; empty = nothing that is known. */
export function wireSentence(needs: Needs, live: LiveDevice): string {
  const last = deviceWire(needs, live).at(-1)
  return (last?.findings ?? []).map(({ says, cure }) => ` On the wire: ${says} ${cure}`).join("")
}
