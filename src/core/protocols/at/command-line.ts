/** The device's end of a command line (ITU-T V.250): what stands in one, without what the commands mean. */

/** One argument of an extended command. */
export interface AtArgument {
  /** Without its quotes; empty when the argument was left out. */
  readonly text: string
  readonly isQuoted: boolean
}

export type AtCall =
  /** A letter, or `&` and a letter, and a number (V.250 5.3.1): `E0`, `&F`. Null = no number was given. */
  | { readonly form: "basic"; readonly name: string; readonly value: number | null }
  /** `S3?` and `S3=13` (V.250 5.3.2). */
  | { readonly form: "register"; readonly register: number; readonly value: number | null }
  /** `+NAME=?`, `+NAME?`, `+NAME` (V.250 5.4). */
  | { readonly form: "test" | "read" | "execute"; readonly name: string }
  /** `+NAME=1,"text"`. */
  | { readonly form: "write"; readonly name: string; readonly arguments: readonly AtArgument[] }

/**
 * Takes the body of a command line, what follows `AT`, apart into its commands. Names are in upper case. Null when a part
 * of it is no command: nothing of such a line is run.
 */
export function parseCommandLine(body: string): readonly AtCall[] | null {
  const calls: AtCall[] = []
  let rest = body.trim()
  while (rest !== "") {
    const next = /^[+#$^*%]/.test(rest) ? extended(rest) : basic(rest)
    if (next === null) return null
    calls.push(next.call)
    rest = next.rest
  }
  return calls
}

interface Parsed {
  readonly call: AtCall
  readonly rest: string
}

function basic(text: string): Parsed | null {
  const register = /^S(\d{1,3})(?:=(\d{1,3})|\?)\s*/i.exec(text)
  if (register !== null) {
    const [whole, number, value] = register
    return {
      call: { form: "register", register: Number(number), value: value === undefined ? null : Number(value) },
      rest: text.slice(whole.length),
    }
  }
  // D takes the rest of the line (V.250 6.3.1).
  const dial = /^D.*$/i.exec(text)
  if (dial !== null) return { call: { form: "basic", name: "D", value: null }, rest: "" }
  const match = /^(&?[A-Z])(\d{0,5})\s*/i.exec(text)
  if (match === null) return null
  const [whole, name = "", value = ""] = match
  return {
    call: { form: "basic", name: name.toUpperCase(), value: value === "" ? null : Number(value) },
    rest: text.slice(whole.length),
  }
}

function extended(text: string): Parsed | null {
  const end = endOfExtended(text)
  if (end === null) return null
  const command = text.slice(0, end).trim()
  const rest = text.slice(end + 1).trim()
  // Characters of names: V.250 5.4.1.
  const match = /^([+#$^*%][A-Z][A-Z0-9!%./:_-]*)\s*(=\?|\?|=|)(.*)$/is.exec(command)
  if (match === null) return null
  const [, name = "", sign, tail = ""] = match
  const upper = name.toUpperCase()
  if (sign === "=") {
    const found = parseArguments(tail)
    return found === null ? null : { call: { form: "write", name: upper, arguments: found }, rest }
  }
  if (tail.trim() !== "") return null
  const form = sign === "=?" ? "test" : sign === "?" ? "read" : "execute"
  return { call: { form, name: upper }, rest }
}

/** Where an extended command ends: at a `;` outside quotes, or the line's end. Null = a quote is never closed. */
function endOfExtended(text: string): number | null {
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') isQuoted = !isQuoted
    else if (text[at] === ";" && !isQuoted) return at
  }
  return isQuoted ? null : text.length
}

/** Arguments between commas; a comma inside quotes is text. Null when quotes and text are mixed in one argument. */
function parseArguments(text: string): readonly AtArgument[] | null {
  const found: AtArgument[] = []
  let at = 0
  for (;;) {
    const match = /^\s*(?:"([^"]*)"|([^",]*))\s*(,|$)/.exec(text.slice(at))
    if (match === null) return null
    const [whole, quoted, plain = "", end] = match
    found.push(quoted === undefined ? { text: plain.trim(), isQuoted: false } : { text: quoted, isQuoted: true })
    at += whole.length
    if (end !== ",") return found
  }
}
