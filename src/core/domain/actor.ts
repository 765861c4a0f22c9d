/** Who did something: every event says so. */
export interface Actor {
  readonly kind: ActorKind
  /** Who of that kind; null for the engine, of which there is one. */
  readonly name: string | null
  /** The address that they called from, for the audit log alone; absent = nobody called. */
  readonly from?: string
}

/**
 * `operator`: a person who logged in; `token`: whoever holds a token, known by the token's name; `device`: a device or
 * whatever speaks for it; `engine`: the server by itself.
 */
export type ActorKind = "operator" | "token" | "device" | "engine"

/** The server by itself: an offer when its time has come, silence, the end of a rollout. */
export const engine: Actor = { kind: "engine", name: null }

/** A device, or whatever speaks for it: its agent, its modem. */
export function deviceActor(id: string): Actor {
  return { kind: "device", name: id }
}

/** A person who logged in. */
export function userActor(name: string): Actor {
  return { kind: "operator", name }
}

/** Whoever holds a token: the administrator's, or an enrolment's. */
export function tokenActor(name: string): Actor {
  return { kind: "token", name }
}

/** Who it was, without where from. */
export function authorOf({ kind, name }: Actor): Actor {
  return { kind, name }
}

/** An actor in one word, as the store keeps it: `device:m-1`, `engine`. */
export function actorText({ kind, name }: Actor): string {
  return name === null ? kind : `${kind}:${name}`
}

const kinds: readonly ActorKind[] = ["operator", "token", "device", "engine"]

/** Reads what `actorText` wrote; null = nobody is named. */
export function parseActor(text: string | null): Actor | null {
  if (text === null) return null
  const end = text.indexOf(":")
  const kind = kinds.find((known) => known === (end < 0 ? text : text.slice(0, end)))
  if (kind === undefined) return null
  return { kind, name: end < 0 ? null : text.slice(end + 1) }
}
