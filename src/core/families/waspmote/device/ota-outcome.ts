/** What `requestOTA` came to: a return code, and the program to install when one is stored. */
export interface OtaOutcome {
  readonly code: string
  readonly install?: { readonly name: string; readonly version: number }
}

/** Nothing to install. */
export function ended(code: string | number): OtaOutcome {
  return { code: String(code) }
}
