import type { ContactRules } from "../../domain/pull-rules.ts"
import type { Model } from "../family.ts"

/** The modems for which the guide documents `requestOTA`, and a place for motes whose modem nobody noted down. */
export const models: readonly Model[] = [
  { id: "4g", title: "4G (Telit LE910)" },
  { id: "3g", title: "3G (SIMCom SIM5218)" },
  { id: "gprs-pro", title: "GPRS_Pro (SIMCom SIM900)" },
  { id: "gprs-gps", title: "GPRS+GPS (SIMCom SIM908)" },
  { id: "wifi-pro", title: "WiFi PRO (ConnectOne Nano WiReach)" },
  { id: "unknown", title: "modem not known: only what every modem understands is offered", isUnusual: true },
]

/** What differs between the modems as far as a server must know. */
export interface ModemTraits {
  /** Highest VERSION that may be offered: GPRS keeps it in a signed 8-bit; 255 is erased EEPROM to a 4G mote. */
  readonly highestVersion: 127 | 254
  /** How the mote may compare VERSION with the stored one: a mote of unknown modem may do either. */
  readonly compares: readonly ("signed" | "unsigned")[]
  /** What a contact looks like on the wire. */
  readonly contact: ContactRules
}

/**
 * The times of the contacts, with their reasons (waspmote.md, "What the fetches tell"):
 * - 4G: after UPGRADE.TXT 10 s to close, 15 s to open again, two pauses of 2 s: 29 s at the slowest, twice that to be safe. It
 *   says QUIT in between only when it wants the program, and after the program only when it has stored all of it.
 * - 3G: a pause of 10 s, a LIST that may hang for 30 s, a pause of 10 s, the connection.
 * - GPRS: each file has up to three tries, each with sessions of its own; the connection is set up anew for the second file.
 * - WiFi PRO: one session; its end is the end of the contact.
 * Each closes the session in which it read UPGRADE.TXT, whatever it read: one that just stops is a modem without power.
 * A mote cannot make two contacts faster than its modem finds its network and closes down: a minute or two, and its sketch
 * then sleeps for hours.
 */
const fourG: ContactRules = {
  settleMs: 60_000,
  contactMs: 90_000,
  sessionEndSettles: false,
  secondSessionWants: true,
  quitWants: true,
  quitEndsFetch: true,
  closesSession: true,
  readsOnce: false,
}
const threeG: ContactRules = { ...fourG, settleMs: 90_000, contactMs: 120_000, quitWants: false, quitEndsFetch: false }
const gprsContact: ContactRules = { ...threeG, contactMs: 180_000 }
const wifiPro: ContactRules = {
  ...threeG,
  settleMs: 60_000,
  contactMs: 60_000,
  sessionEndSettles: true,
  secondSessionWants: false,
}

const gprs: ModemTraits = { highestVersion: 127, compares: ["signed"], contact: gprsContact }
const unsigned: ModemTraits = { highestVersion: 254, compares: ["unsigned"], contact: fourG }
const cautious: ModemTraits = { highestVersion: 127, compares: ["signed", "unsigned"], contact: gprsContact }

const traits: Readonly<Record<string, ModemTraits>> = {
  "4g": unsigned,
  "3g": { ...unsigned, contact: threeG },
  "gprs-pro": gprs,
  "gprs-gps": gprs,
  "wifi-pro": { ...unsigned, contact: wifiPro },
}

/** Traits of a model; a model that is not in the table is treated like an unknown modem. */
export function modemTraits(model: string): ModemTraits {
  return traits[model] ?? cautious
}
