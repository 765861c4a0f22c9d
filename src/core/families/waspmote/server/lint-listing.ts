import { fromLatin1 } from "../../../kit/bytes.ts"
import type { Fault, Linter } from "../../family.ts"

/** Names what is wrong with a directory listing that an FTP server sent, as a 3G modem would read it. */
export const listingLinter: Linter = {
  title: "FTP listing, as a 3G modem reads it",
  matches: (fileName, bytes) => {
    const head = fromLatin1(bytes, 0, 200)
    return /listing|\.ls$|\.list$/i.test(fileName) || kinds.some((kind) => kind.pattern.test(head))
  },
  lint: (_fileName, bytes) => lintListing(fromLatin1(bytes.subarray(0, 65_536))),
}

/** A listing that a 3G modem could read a size from, and those it could not. */
const kinds: readonly { readonly name: string; readonly pattern: RegExp }[] = [
  { name: "Unix", pattern: /^(total \d+\r?\n)?[-dlbcps][-rwxsStT]{9}[+.@]?\s/ },
  { name: "DOS", pattern: /^\d\d-\d\d-\d{2,4}\s+\d\d:\d\d/ },
  { name: "MLSD", pattern: /^\s?([A-Za-z.-]+=[^;\r\n]*;)+ / },
]

const whatItCosts =
  "the modem then waits its base timeout instead of one computed from the size, which a large program over a slow link can exceed"

/**
 * Every fault of a listing. The modem sends `LIST <file>` and takes the fifth blank-separated token of the reply for the
 * size: mode, links, owner, group, size (waspmote dialogue, 3G).
 */
export function lintListing(text: string): readonly Fault[] {
  const lines = text.split(/\r?\n/).filter((line) => line !== "" && !/^total \d+$/.test(line))
  if (lines.length === 0) {
    return [{ rule: "listing-empty", sentence: `The listing is empty: ${whatItCosts}.` }]
  }
  const kind = kinds.find((candidate) => candidate.pattern.test(text))?.name
  if (kind === "DOS" || kind === "MLSD") {
    return [
      {
        rule: kind === "DOS" ? "listing-dos-form" : "listing-mlsd-form",
        sentence: `The listing has the ${kind} form, but a 3G modem takes the fifth word of an ls -l line for the size: ${whatItCosts}.`,
      },
    ]
  }
  return lines.flatMap((line, index) => lineFaults(line, index + 1))
}

function lineFaults(line: string, number: number): readonly Fault[] {
  const tokens = line.split(/ +/)
  const size = tokens[4]
  if (size === undefined) {
    return [
      {
        rule: "listing-too-few-words",
        sentence: `Line ${number} has ${tokens.length} words, so there is no fifth to be the size: ${whatItCosts}.`,
      },
    ]
  }
  if (!/^\d+$/.test(size)) {
    const elsewhere = tokens.slice(1, 8).findIndex((token, at) => at > 0 && at !== 3 && /^\d{3,}$/.test(token))
    const cause = elsewhere < 0 ? "" : " (links, owner and group must each be one word before it)"
    return [
      {
        rule: "listing-no-size",
        sentence: `The fifth word of line ${number} is ${JSON.stringify(size.slice(0, 40))}, not a size${cause}: ${whatItCosts}.`,
      },
    ]
  }
  if (line.startsWith("d")) {
    return [
      {
        rule: "listing-of-directory",
        sentence: `Line ${number} is a directory, but the modem lists the one file it wants and takes the fifth word of the first line for its size.`,
      },
    ]
  }
  return []
}
