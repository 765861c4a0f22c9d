/**
 * The lines `#OTAEV: …` (application note chapters 3 to 5; `User Answer Timeout` from the AT reference), in their exact
 * spelling. Later modules use the same prefix for other things, so hosts compare the whole text.
 */
export const urcTexts = {
  registered: "Registered",
  question: "Do you want to upgrade the firmware?",
  automatic: "Automatic Fw Upgrade Requested",
  answerTimeout: "User Answer Timeout",
  startDownload: "Start Fw Download",
  downloadComplete: "Fw Download Complete",
  upgraded: "Module Upgraded To New FW",
  serverNotified: "Server notified about successfull FW Upgrade",
  failed: "OTA FW Upgrade Failed",
  notified: "Notified",
} as const

export type UrcName = keyof typeof urcTexts

/**
 * How a module spells what the note spells in two ways. `screen` is what its screenshots show (figs. 2 and 3) and the AT
 * reference prints: `successfull`, and `Fw` in the line before; `text` is what chapters 4.2.2 and 5.2.2 print.
 */
export type Spelling = "reference" | "screen" | "text"

const spellings: Readonly<Record<Spelling, Partial<Record<UrcName, string>>>> = {
  reference: {},
  screen: { upgraded: "Module Upgraded To New Fw" },
  text: { serverNotified: "Server notified about successful FW Upgrade" },
}

/** The whole line of a URC. */
export function urcLine(name: UrcName, spelling: Spelling = "reference"): string {
  return `#OTAEV: ${spellings[spelling][name] ?? urcTexts[name]}`
}

export function isSpelling(text: string): text is Spelling {
  return Object.hasOwn(spellings, text)
}

/** Which URC a line is, in any spelling and either case; null = none of these. */
export function readUrc(line: string): UrcName | null {
  const text = /^#OTAEV:\s*(.*?)\s*$/i.exec(line)?.[1]?.toLowerCase().replace("successful fw", "successfull fw")
  const found = Object.entries(urcTexts).find(([, known]) => known.toLowerCase() === text)
  return found === undefined ? null : (found[0] as UrcName)
}
