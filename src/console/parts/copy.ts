import { tell } from "./toast.tsx"

/** Puts text onto the clipboard and says so. */
export function copy(what: string, text: string): void {
  navigator.clipboard
    .writeText(text)
    .then(() => tell(`${what} copied`, text))
    .catch(() => tell(`${what} could not be copied`, text))
}

/** A word as a POSIX shell takes it. */
export function shellWord(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** The same call by curl; the token is read from the environment, so that none stands in a history. */
export function curlText(method: string, path: string, body?: unknown): string {
  const parts = ["curl", "-sS", "-X", method, "-H", `"Authorization: Bearer $WAFT_TOKEN"`]
  if (body !== undefined)
    parts.push("-H", shellWord("Content-Type: application/json"), "-d", shellWord(JSON.stringify(body)))
  return [...parts, shellWord(location.origin + path)].join(" ")
}
