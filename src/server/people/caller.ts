import { type Actor, engine, tokenActor } from "../../core/domain/actor.ts"
import type { Rights } from "../../core/domain/people.ts"

/** Whoever makes a call: who they are, and what they may do. */
export interface Caller extends Actor, Rights {
  /** The token that they hold; `admin` = the first. */
  readonly tokenId?: string
  /** The session that the call is part of. */
  readonly sessionId?: string
}

/** A caller as people are told of it. */
export function callerText({ kind, name }: Actor): string {
  return name === null ? kind : `the ${kind} ${name}`
}

/** The author of what a caller does. */
export function actorOf({ kind, name, from }: Actor): Actor {
  return { kind, name, ...(from === undefined ? {} : { from }) }
}

/** Whoever makes a call that everybody may make: it reads what is no secret, and changes nothing. */
export const anybody: Caller = { ...engine, role: "viewer", group: null }

/** Whoever holds the first token, which the server makes at its first start. */
export const firstAdmin: Caller = { ...tokenActor("admin"), role: "admin", group: null, tokenId: "admin" }
