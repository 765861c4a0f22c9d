/** Longest texts of others that are kept, by what they are, in characters; what is longer ends in `…`. */
export const textBounds = {
  /** Names of devices, releases, rollouts. */
  id: 64,
  model: 64,
  version: 128,
  label: 200,
  /** A device's own result code. */
  code: 64,
  /** A device's own words. */
  words: 300,
  /** One sentence for people. */
  sentence: 2000,
  /** What a family remembers. */
  memory: 8192,
} as const

export type TextKind = keyof typeof textBounds

/**
 * Characters that steer whoever shows them, or that nobody sees: control characters (U+009B begins terminal commands as ESC [
 * does), bidi and zero-width ones and others of the kind "format", halves of surrogate pairs, private and unassigned ones,
 * separators of lines and paragraphs, letters without a picture, selectors in which bytes can be hidden.
 */
const hidden =
  /[\p{C}\p{Zl}\p{Zp}]|\u034f|\u115f|\u1160|\u17b4|\u17b5|[\u180b-\u180f]|\u3164|\uffa0|[\u{e0100}-\u{e01ef}]/u
const everyHidden = new RegExp(hidden.source, "gu")
/** Most texts are plain; these need no closer look. */
const plain = /^[ -~]*$/

/** Whether a text has characters that may not be shown as they are. */
export function hasHidden(text: string): boolean {
  return !plain.test(text) && hidden.test(text)
}

/** A text as people may see it anywhere: what steers or hides is shown as `\u{1b}`. Doing it twice changes nothing more. */
export function shown(text: string): string {
  return hasHidden(text) ? text.replace(everyHidden, escapeOf) : text
}

/** The same for a text of several lines. */
export function shownLines(text: string): string {
  return text.split("\n").map(shown).join("\n")
}

/** A text of somebody else as it is kept: shown, and cut to its bound. */
export function cleanText(text: string, kind: TextKind): string {
  const most = textBounds[kind]
  // What is far too long is cut first: escapes make it longer, and nobody pays for what is thrown away.
  const looked = shown(text.length > most ? text.slice(0, most + 1) : text)
  // A cut in the middle of a pair leaves no half of it.
  return looked.length > most ? `${looked.slice(0, most - 1).replace(/[\ud800-\udbff]$/, "")}…` : looked
}

function escapeOf(one: string): string {
  return `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`
}

/** What a text is, by the name under which it stands. */
const kinds: Readonly<Record<string, TextKind>> = {
  sentence: "sentence",
  offerReason: "sentence",
  version: "version",
  before: "version",
  running: "version",
  code: "code",
  raw: "words",
  model: "model",
  deviceId: "id",
}

/**
 * A value with every text in it clean; `kind` is what texts are whose name tells nothing. What is clean comes back as the same
 * object.
 */
export function cleanTexts<Value>(value: Value, kind: TextKind): Value {
  return cleanValue(value, kind) as Value
}

function cleanValue(value: unknown, kind: TextKind): unknown {
  if (typeof value === "string") return cleanText(value, kind)
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) {
    const list: readonly unknown[] = value
    const after = list.map((one) => cleanValue(one, kind))
    return after.every((one, at) => one === list[at]) ? list : after
  }
  let changed: Record<string, unknown> | null = null
  for (const [name, before] of Object.entries(value as Readonly<Record<string, unknown>>)) {
    const after = cleanValue(before, Object.hasOwn(kinds, name) ? (kinds[name] ?? kind) : kind)
    if (after === before) continue
    changed ??= { ...value }
    changed[name] = after
  }
  return changed ?? value
}

/** Values as JSON in which nothing steers a terminal: programs read the same values from it. */
export function shownJson(value: unknown, indent?: number): string {
  return shownInJson(JSON.stringify(value, null, indent))
}

/** The same for a text that is JSON already; line ends between its values stay. */
export function shownInJson(json: string): string {
  return json.replace(everyHidden, (one) => (one === "\n" ? one : one.split("").map(jsonEscape).join("")))
}

function jsonEscape(half: string): string {
  return `\\u${half.charCodeAt(0).toString(16).padStart(4, "0")}`
}

/**
 * A cell of a CSV file. What a spreadsheet would take for a formula (`=`, `+`, `-`, `@` or a tab at its beginning) gets an
 * apostrophe before it.
 */
export function csvCell(text: string): string {
  const looked = shown(text)
  const safe = /^[=+\-@\t\r]/.test(looked) ? `'${looked}` : looked
  return /[",;\s]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
