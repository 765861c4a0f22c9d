import { bind, claimsOf, currentBinding, type Binding, simWords, unbind } from "./bindings.ts"
import { readMemory, writeMemory } from "./memory.ts"
import type { Variant } from "../models.ts"
import type { ModuleIdentity } from "../codec/pfm-table.ts"
import { change, note, type Turn } from "./turn.ts"
import { versions } from "../versions.ts"

/** What a module tells of itself, and which SIM is in it. */

/** A message's sender on its way in. */
export interface Sender {
  readonly via: "sms" | "tcp"
  /** The number of an SMS; it proves nothing. */
  readonly from: string
}

/** Takes in what a registration, an answer to a query or a request tells. */
export function takeIdentity(turn: Turn, identity: ModuleIdentity, sender: Sender): void {
  const { memory } = turn
  const bearer =
    memory.bearer ??
    (identity.apn === "" ? null : { bearer: "gprs" as const, access: identity.apn, user: "", password: "" })
  change(turn, { isKnown: true, variant: variantOf(turn, identity), product: identity.model, bearer, trouble: null })
  takeVersion(turn, identity.firmware)
  const told = identity.number === "" ? null : `+${identity.number}`
  takeSim(turn, { imsi: identity.imsi, number: told ?? numberOf(sender), plmn: identity.plmn })
}

/**
 * §5.2.1: modules of the TCP/IP protocol register as those of the combined one do, so that a registration does not tell the
 * two apart; an operator does, or AT#OTAIPUPD.
 */
function variantOf({ memory }: Turn, { variant }: ModuleIdentity): Variant {
  return memory.variant === "ip" && variant === "combined" ? "ip" : variant
}

/** Takes in which card is in the module and what it runs, as every message about an update tells. */
export function takeStanding(
  turn: Turn,
  { imsi, firmware }: { readonly imsi: string; readonly firmware: string },
  sender: Sender,
): void {
  takeVersion(turn, firmware)
  const known = turn.memory.bindings.find((binding) => binding.imsi === imsi)
  takeSim(turn, { imsi, number: known?.number ?? numberOf(sender), plmn: "" })
}

function takeVersion(turn: Turn, firmware: string): void {
  const parsed = versions.parse(firmware)
  if ("version" in parsed) turn.running = parsed.version
}

function numberOf({ via, from }: Sender): string {
  return via === "sms" && /^\+\d{5,15}$/.test(from) ? from : ""
}

/** Puts a SIM into the module's history, and takes it from the module that had it (§7). */
function takeSim(turn: Turn, sim: Pick<Binding, "imsi" | "number" | "plmn">): void {
  const { situation, memory } = turn
  const before = memory.bindings
  const bindings = bind(before, sim, situation.now)
  if (bindings === before) return
  change(turn, { bindings })
  const hadOther = before[0] !== undefined && before[0].imsi !== "" && before[0].imsi !== sim.imsi
  const lostBefore = before[0]?.until != null && before[0].imsi === sim.imsi
  const [now] = bindings
  if (now !== undefined && hadOther) note(turn, "sim-changed", `${situation.device.id} has ${simWords(now)} now.`)
  if (now !== undefined && lostBefore) note(turn, "sim-back", `${situation.device.id} has ${simWords(now)} again.`)
  for (const claim of claimsOf(bindings)) takeFromOthers(turn, claim)
}

/** The critical scenario begins here: one SIM, two modules that say it is theirs. The one that spoke last has it. */
function takeFromOthers(turn: Turn, claim: string): void {
  const { situation, others } = turn
  for (const { id, familyState } of situation.claimants(claim)) {
    if (id === situation.device.id || others.some((other) => other.id === id)) continue
    const theirs = readMemory(familyState)
    const lost = currentBinding(theirs.bindings)
    if (lost === null || !claimsOf(theirs.bindings).includes(claim)) continue
    const bindings = unbind(theirs.bindings, situation.device.id, situation.now)
    others.push({ id, familyState: writeMemory({ ...theirs, bindings }) })
    const sentence = `${simWords(lost)} was in ${id} and is in ${situation.device.id} now, so ${id} is registered to no SIM (application note, chapter 7). Should the SIM go back, ${id} will not say so by itself: the next update of it is addressed to its last number, and an operator can force its registration.`
    note(turn, "sim-moved", sentence.charAt(0).toUpperCase() + sentence.slice(1))
  }
}
