/** Which SIM was in a module and when: IMEI to IMSI, number and network, time-stamped (§3.2.1, §7). */
export interface Binding {
  /** "" = not known: an operator gave the number alone. */
  readonly imsi: string
  /** International, with `+`; "" = not known: the SIM does not hold it and the module came over TCP. */
  readonly number: string
  /** The network at that time; "" = not known. */
  readonly plmn: string
  /** Ms since 1970 UTC. */
  readonly since: number
  /** When it ended; null = as far as is known it stands. */
  readonly until: number | null
  /** The module that has this SIM since then; null = none that is known. */
  readonly lostTo: string | null
}

/** Bindings that are kept for each module. */
export const mostBindings = 8

/** The SIM that a module has as far as is known; null = none (§7: "not registered to any SIM"). */
export function currentBinding(bindings: readonly Binding[]): Binding | null {
  const [newest] = bindings
  return newest !== undefined && newest.until === null ? newest : null
}

/** The binding whose number reaches the module best: the one that stands, or else the last one (§7, step 5). */
export function reachableBy(bindings: readonly Binding[]): Binding | null {
  return currentBinding(bindings) ?? bindings.find(({ number }) => number !== "") ?? null
}

/** Puts a SIM into a module's history; the same array = it was there already. */
export function bind(
  bindings: readonly Binding[],
  sim: Pick<Binding, "imsi" | "number" | "plmn">,
  now: number,
): readonly Binding[] {
  const current = currentBinding(bindings)
  // What is not told this time is as it was with this card.
  const same = bindings.find(({ imsi }) => imsi === sim.imsi && imsi !== "")
  const number = sim.number === "" ? (same?.number ?? "") : sim.number
  const plmn = sim.plmn === "" ? (current === same ? (same?.plmn ?? "") : "") : sim.plmn
  if (current !== null && current.imsi === sim.imsi && current.number === number && current.plmn === plmn) {
    return bindings
  }
  const rest = current === null ? bindings : [{ ...current, until: now }, ...bindings.slice(1)]
  return [{ imsi: sim.imsi, number, plmn, since: now, until: null, lostTo: null }, ...rest].slice(0, mostBindings)
}

/** The SIM that stands has turned up in another module. */
export function unbind(bindings: readonly Binding[], lostTo: string, now: number): readonly Binding[] {
  const current = currentBinding(bindings)
  return current === null ? bindings : [{ ...current, until: now, lostTo }, ...bindings.slice(1)]
}

/** What a module claims as its own alone. */
export function claimsOf(bindings: readonly Binding[]): readonly string[] {
  const current = currentBinding(bindings)
  if (current === null) return []
  return [
    ...(current.imsi === "" ? [] : [`imsi:${current.imsi}`]),
    ...(current.number === "" ? [] : [`number:${current.number}`]),
  ]
}

/** A SIM for people. */
export function simWords({ imsi, number }: Pick<Binding, "imsi" | "number">): string {
  if (number === "") return `the SIM ${imsi}`
  return imsi === "" ? `the SIM with the number ${number}` : `the SIM ${imsi} (${number})`
}
