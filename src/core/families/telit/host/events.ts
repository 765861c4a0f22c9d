import type { UrcName } from "../codec/urcs.ts"

/** What a host saw, and did, beside a module. */
export interface AttendEvent {
  readonly event: AttendEventName
  /** The firmware that runs, as far as it is known. */
  readonly version: string | null
  /** A sentence for people; it never holds a PIN or a password. */
  readonly text: string
}

/** Every step of an attendance, in words; a detail comes behind them. */
export const attendWords = {
  opened: "The port is open.",
  gone: "The port has vanished.",
  silent: "The module does not answer; it may be updating, or off.",
  version: "The module answers.",
  "other-module": "Another module stands at the port, and nothing is typed there.",
  heard: "The module said something that nobody here knows.",
  "speed-set": "The module's speed is fixed, so that no message is lost after an update.",
  "no-sim": "There is no SIM in the module.",
  "pin-needed": "The SIM asks for its PIN, and the plan has none.",
  "pin-entered": "The PIN is entered.",
  "pin-refused": "The SIM did not take the PIN; it is not tried again before the SIM is changed.",
  "puk-needed": "The SIM asks for its PUK; somebody has to come.",
  "settings-restored": "The module is set up as the plan says.",
  "settings-wait": "Settings that a running update forbids wait for its end.",
  "setting-refused": "The module refused a setting.",
  "registration-asked": "The module was told where to register.",
  "registration-refused": "The module did not take the server's address.",
  registered: "The server knows the module.",
  question: "The module asks whether it may update.",
  answered: "The module was answered as the plan says.",
  "answer-refused": "The module did not take the answer; its question is over.",
  "answer-not-known": "Whether the module took the answer is not known.",
  "answer-withheld": "The module did not say who it is, so its question got no answer.",
  "answer-timeout": "The module got no answer in time.",
  automatic: "The server ordered an update without asking.",
  "update-asked": "The server was asked for an update.",
  "update-refused": "The module would not ask for an update now.",
  "no-update": "The module is at rest again, with the same firmware.",
  "download-started": "The module downloads.",
  "download-complete": "The download is in the module.",
  upgraded: "The module runs new firmware.",
  "server-notified": "The server knows of the new firmware.",
  failed: "The update failed; the module goes on with what it had.",
  notified: "The module answered a query of the server.",
} as const

export type AttendEventName = keyof typeof attendWords

/** What each line of the module means for its host. `hands`: whether it may type; `isFresh`: its settings are lost. */
export const urcMeanings: Readonly<
  Record<UrcName, { readonly event: AttendEventName; readonly hands?: "off" | "on"; readonly isFresh?: true }>
> = {
  registered: { event: "registered" },
  question: { event: "question" },
  automatic: { event: "automatic", hands: "off" },
  answerTimeout: { event: "answer-timeout", hands: "on" },
  startDownload: { event: "download-started", hands: "off" },
  downloadComplete: { event: "download-complete", hands: "off" },
  // What is not in chapter 9.1's table is gone with the old firmware.
  upgraded: { event: "upgraded", hands: "on", isFresh: true },
  serverNotified: { event: "server-notified", hands: "on" },
  failed: { event: "failed", hands: "on" },
  notified: { event: "notified" },
}
