/** What a package was bound to by a shorter text than the module's most exact one, and that most exact one then. */
export interface KnownVersion {
  /** As the server writes it. */
  readonly version: string
  /** `DeviceIdentity.version` when the module was brought to it. */
  readonly build: string
}

/** What runs, by the device's most exact text. */
interface Running {
  readonly version: string
}

/**
 * Whether a device runs exactly that firmware: the one rule for whether a package fits. The text that counts is the most exact
 * one: a build of the same name that somebody made by hand is another firmware. A shorter text counts for the very build that
 * an order has brought the device to.
 */
export function runsExactly(identity: Running, version: string, known: KnownVersion | null): boolean {
  return identity.version === version || (known?.version === version && known.build === identity.version)
}

/** The text by which the server knows what runs. */
export function knownAs(identity: Running, known: KnownVersion | null): string {
  return known !== null && known.build === identity.version ? known.version : identity.version
}

/** Whether two serial numbers are one device's: an IMEI's check digit and an IMEISV's version are no part of it (TS 23.003 §6.2). */
export function isSameModule(one: string, other: string): boolean {
  return one.slice(0, 14) === other.slice(0, 14)
}
