import { readFileSync } from "node:fs"
import { WrongUse } from "./wrong-use.ts"

/** A token as it goes into a request. Throws `WrongUse` for what cannot be one. */
export function checkedToken(token: string): string {
  if (!/^[\x21-\x7e]{1,500}$/.test(token)) throw new WrongUse("a token is one word of printable ASCII")
  return token
}

/** The token that stands in a file. Throws `WrongUse` when it cannot be read. */
export function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8").trim()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new WrongUse(`the token file ${path} cannot be read: ${why}`, { cause: error })
  }
}
