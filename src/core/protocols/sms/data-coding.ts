/** The data coding octet TP-DCS (3GPP TS 23.038 §4). */

export type Alphabet = "gsm7" | "octets" | "ucs2"

/** 0 = shown at once and kept nowhere, 1 = for the phone, 2 = for the SIM, 3 = for the terminal; null = none. */
export type MessageClass = 0 | 1 | 2 | 3 | null

export interface DataCoding {
  readonly alphabet: Alphabet
  readonly messageClass: MessageClass
  /** The text is compressed (3GPP TS 23.042), which nobody here undoes. */
  readonly isCompressed: boolean
  /** The phone may delete the message once it has been read (group 01xx). */
  readonly isDeletedAfterReading: boolean
  /** A message-waiting indication; null for all others. */
  readonly waiting: Waiting | null
}

export interface Waiting {
  readonly isStored: boolean
  readonly isActive: boolean
  readonly kind: "voicemail" | "fax" | "mail" | "other"
}

const alphabets: readonly Alphabet[] = ["gsm7", "octets", "ucs2", "gsm7"]
const waitingKinds = ["voicemail", "fax", "mail", "other"] as const
const plain = { isCompressed: false, isDeletedAfterReading: false, waiting: null } as const

/** The coding groups by the four upper bits; a group that is not here is reserved and read as 0x00 (§4). */
const groups: Readonly<Record<number, (octet: number) => DataCoding>> = {
  ...Object.fromEntries([0, 1, 2, 3, 4, 5, 6, 7].map((group) => [group, general])),
  12: (octet) => ({ ...waiting(octet, false), alphabet: "gsm7" }),
  13: (octet) => ({ ...waiting(octet, true), alphabet: "gsm7" }),
  14: (octet) => ({ ...waiting(octet, true), alphabet: "ucs2" }),
  15: (octet) => ({
    ...plain,
    alphabet: (octet & 0x04) === 0 ? "gsm7" : "octets",
    messageClass: (octet & 0x03) as MessageClass,
  }),
}

function general(octet: number): DataCoding {
  return {
    alphabet: alphabets[(octet >> 2) & 0x03] ?? "gsm7",
    messageClass: (octet & 0x10) === 0 ? null : ((octet & 0x03) as MessageClass),
    isCompressed: (octet & 0x20) !== 0,
    isDeletedAfterReading: (octet & 0x40) !== 0,
    waiting: null,
  }
}

function waiting(octet: number, isStored: boolean): DataCoding {
  const kind = waitingKinds[octet & 0x03] ?? "other"
  return { ...plain, alphabet: "gsm7", messageClass: null, waiting: { isStored, isActive: (octet & 0x08) !== 0, kind } }
}

/** What an octet means. Every octet means something: reserved ones are read as the default alphabet without a class. */
export function decodeDataCoding(octet: number): DataCoding {
  return (groups[octet >> 4] ?? (() => general(0)))(octet)
}

/** The octet of an alphabet and a class, in the general group: 8-bit class 0 is 0x14, 7-bit without a class 0x00. */
export function encodeDataCoding(alphabet: Alphabet, messageClass: MessageClass = null): number {
  return (alphabets.indexOf(alphabet) << 2) | (messageClass === null ? 0 : 0x10 | messageClass)
}
