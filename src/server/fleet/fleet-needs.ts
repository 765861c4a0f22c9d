import type { Actor } from "../../core/domain/actor.ts"
import type { Family } from "../../core/families/family.ts"
import type { LiveFleet } from "./live-fleet.ts"
import type { Clock, EventStream, Images, RandomText, Store } from "./needs.ts"
import type { WireLog } from "./wire/wire-log.ts"

/** Everything the use cases share; each takes the part that it names. */
export interface FleetNeeds {
  readonly clock: Clock
  readonly store: Store
  readonly images: Images
  readonly live: LiveFleet
  readonly events: EventStream
  readonly randomText: RandomText
  readonly families: readonly Family[]
  /** Where what devices and server say to each other is taken down; absent = nowhere. */
  readonly wire?: WireLog
}

/** For what somebody asks the server to do: who that is. */
export interface OnBehalf {
  readonly actor: Actor
}
