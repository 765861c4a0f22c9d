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
  /**
   * How long after reading UPGRADE.TXT the mote may still call again for the binary, ms. 4G: 10 s to close, 15 s to open again; 3G: a
   * pause of 10 s; GPRS: UPGRADE.TXT is compared with its size and may be fetched again first.
   */
  readonly settleMs: number
  /** Whether one FTP session carries both files. */
  readonly oneSession: boolean
}

const gprs: ModemTraits = { highestVersion: 127, compares: ["signed"], settleMs: 60_000, oneSession: false }
const unsigned: ModemTraits = { highestVersion: 254, compares: ["unsigned"], settleMs: 30_000, oneSession: false }
const cautious: ModemTraits = {
  highestVersion: 127,
  compares: ["signed", "unsigned"],
  settleMs: 60_000,
  oneSession: false,
}

const traits: Readonly<Record<string, ModemTraits>> = {
  "4g": unsigned,
  "3g": unsigned,
  "gprs-pro": gprs,
  "gprs-gps": gprs,
  "wifi-pro": { ...unsigned, oneSession: true },
}

/** Traits of a model; a model that is not in the table is treated like an unknown modem. */
export function modemTraits(model: string): ModemTraits {
  return traits[model] ?? cautious
}
