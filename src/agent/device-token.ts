import { WrongUse } from "./wrong-use.ts"

/** A token as it goes into a request. Throws `WrongUse` for what cannot be one. */
export function checkedToken(token: string): string {
  if (!/^[\x21-\x7e]{1,500}$/.test(token)) throw new WrongUse("a token is one word of printable ASCII")
  return token
}
