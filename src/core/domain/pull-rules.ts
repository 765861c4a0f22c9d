/**
 * What a family says of its devices so that conclusions can be drawn from what they fetch. `docs/conclusions.md` tells the same to
 * operators.
 */
export interface PullRules {
  /** What a contact of a model looks like, and how long it lasts. */
  readonly contact: (model: string) => ContactRules
  /** Independent quiet contacts in a row that conclude `succeeded`, for each kind of grounds. */
  readonly quietContacts: QuietContacts
  /** Installs that failed before the loop is broken: the device comes for the image once more. */
  readonly failedInstallsToBreak: number
  /** Whole images' worth of bytes sent in one update that break the loop, whatever they were for. */
  readonly imagesToBreak: number
  /** Independent contacts in a row that leave the offer alone, without anything fetched before, that conclude `declined`. */
  readonly contactsToDecline: number
  /**
   * Whether a client gives itself away as something else than a device of this family: by verbs of FTP that no modem's library
   * causes, by headers that no board sends. It is answered and never concluded from.
   */
  readonly isVisitor: (signs: readonly string[]) => boolean
  readonly words: PullWords
}

export interface ContactRules {
  /** From the last sign of a contact until it is over, when nothing more comes, ms. */
  readonly settleMs: number
  /** Sessions within this time from the first are one contact: a device of this model cannot make two of them faster, ms. */
  readonly contactMs: number
  /** One session carries everything, so that its end settles the contact at once. */
  readonly sessionEndSettles: boolean
  /** A further session after the notice was read is opened only to fetch the image. */
  readonly secondSessionWants: boolean
  /** QUIT after the notice comes only from a device that goes on to fetch the image. */
  readonly quitWants: boolean
  /** A device that stored the whole image ends that session with QUIT. */
  readonly quitEndsFetch: boolean
  /** The device closes the session in which it read the notice: one that is still open when the contact is over broke off. */
  readonly closesSession: boolean
  /** A contact reads the notice once: what reads it again keeps a rhythm of its own. */
  readonly readsOnce: boolean
}

/**
 * Why the device may have the whole image.
 * - `whole`: every byte acknowledged, and its end after ours was polite.
 * - `reset`: every byte acknowledged, but the connection was reset, or its session broke off.
 * - `pieces`: certainly taken pieces cover it.
 * - `handed-over`: every byte was handed to the network before a reset; what of it was taken is not known.
 * - `unseen`: the server ended during the transfer and did not see its end.
 */
export type Grounds = "none" | "whole" | "reset" | "pieces" | "handed-over" | "unseen"

export interface QuietContacts extends Readonly<Record<Exclude<Grounds, "none">, number>> {
  /** At least so many when one of them came from another network than the download, or broke off. */
  readonly elsewhere: number
}

/**
 * Signs that two devices use one login or URL: contacts of two networks at once, or by turns; a second look at the notice in
 * every contact of a device that looks once; versions that were told by turns, without an update between them.
 */
export type SharingSign = "overlap" | "alternating" | "rhythms" | "versions"

/** What an operator reads at each moment: one sentence, without a final device name, that says why and what changes it. */
export type PullWords = Readonly<Record<PullMoment, (facts: PullFacts) => string>>

export type PullMoment =
  | "offered"
  | "read"
  | "downloading"
  | "cut"
  | "downloaded"
  | "downloaded-doubtful"
  | "quiet"
  | "unclear"
  | "asked-again"
  | "held-back"
  | "left-alone"
  | "end-unseen"
  | "install-failed"
  | "loop-broken"
  | "bytes-spent"
  | "declined"
  | "silent"

export interface PullFacts {
  readonly version: string
  readonly model: string
  readonly offer: { readonly [key: string]: unknown }
  readonly sizeBytes: number
  /** Bytes that the device certainly took. */
  readonly takenBytes: number
  /** Whole downloads before this moment. */
  readonly wholeFetches: number
  /** Installs known to have failed, this moment's among them. */
  readonly failedInstalls: number
  readonly grounds: Grounds
  /** Independent contacts in a row that left the offer alone, this moment's among them. */
  readonly reads: number
  /** How many of them it takes. */
  readonly needed: number
}

/** "1 of 2 quiet polls; the next decides", "1 of 3 quiet polls". */
export function progressWords({ reads, needed }: Pick<PullFacts, "reads" | "needed">): string {
  const rest = needed - reads === 1 ? "; the next decides" : ""
  return `${reads} of ${needed} quiet polls${rest}`
}
