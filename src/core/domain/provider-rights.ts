import { parseGroup } from "./group.ts"
import { Refusal } from "./refusal.ts"
import { type Rights, type Role, roles } from "./people.ts"

/** What the identity provider says of somebody: OpenID Connect Core §2 and §5.1. */
export type Claims = Readonly<Record<string, unknown>>

/** Whoever has this claim has these rights. */
export interface ClaimRights extends Rights {
  /** By its name, or by names with dots between for what stands within others: `realm_access.roles`. */
  readonly claim: string
  /** The claim itself, or one of its list. */
  readonly value: string
}

/**
 * Reads `groups=ota-admins => admin; groups=north => operator site=north`: claim, value, role, and the group expression of
 * those who have not the whole fleet. Throws an `Error` whose message names the mistake.
 */
export function parseClaimRights(text: string): readonly ClaimRights[] {
  const rows = text.split(";").filter((row) => row.trim() !== "")
  return rows.map((row) => {
    const match = /^\s*([^=\s]+)=(.+?)\s*=>\s*(\w+)(?:\s+(\S.*?))?\s*$/.exec(row)
    const [, claim = "", value = "", role = "", group = null] = match ?? []
    if (match === null) throw new Error(`"${row.trim()}" is not CLAIM=VALUE => ROLE [GROUP]`)
    if (!isRole(role)) throw new Error(`"${role}" is no role; known are ${Object.keys(roles).join(", ")}`)
    if (role === "admin" && group !== null) throw new Error("an admin has the whole fleet; leave the group out")
    if (group !== null) checkGroup(group)
    return { claim, value, role, group }
  })
}

/** The rights of the first row that somebody's claims fulfil; null = none does. */
export function rightsByClaims(rows: readonly ClaimRights[], claims: Claims): Rights | null {
  const found = rows.find(({ claim, value }) => valuesOf(claims, claim).includes(value))
  return found === undefined ? null : { role: found.role, group: found.group }
}

/** What to call a user whom nobody has given a name here: as the provider does, in letters that a name may have. */
export function nameByClaims(claims: Claims): string {
  const wished = ["preferred_username", "email", "sub"].map((name) => claims[name])
  const text = wished.find((one) => typeof one === "string" && one !== "") as string | undefined
  return (text ?? "")
    .normalize("NFC")
    .replaceAll(/[^A-Za-z0-9._@-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 64)
}

function valuesOf(claims: Claims, claim: string): readonly string[] {
  const found = Object.hasOwn(claims, claim) ? claims[claim] : within(claims, claim.split("."))
  const values: readonly unknown[] = Array.isArray(found) ? found : [found]
  return values.filter((one) => ["string", "number", "boolean"].includes(typeof one)).map(String)
}

function within(claims: Claims, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, name) => (typeof at === "object" && at !== null && Object.hasOwn(at, name) ? (at as Claims)[name] : undefined),
    claims,
  )
}

function isRole(text: string): text is Role {
  return Object.hasOwn(roles, text)
}

function checkGroup(group: string): void {
  try {
    parseGroup(group)
  } catch (error) {
    if (error instanceof Refusal) throw new Error(error.message, { cause: error })
    throw error
  }
}
