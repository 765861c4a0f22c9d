import type { Answer, Call, EndpointName } from "../../core/contract/endpoints.ts"
import type { Versioned } from "../../core/domain/records.ts"
import type { Caller } from "../people/caller.ts"
import type { Visit } from "../people/sessions.ts"

/** What a handler may know and do of the HTTP around its call. */
export interface Around {
  /** Where the call comes from. */
  readonly visit: Visit
  /** Lets the browser keep a session's text until `expiresAt`, ms since 1970 UTC. */
  readonly keepCookie: (text: string, expiresAt: number) => void
  readonly dropCookie: () => void
  /** Tells the version of the record that is answered. */
  readonly tag: (record: Versioned) => void
  /** The version that the record must have for the call to do anything (`If-Match`); null = any. */
  readonly expected: number | null
  /** The same for a call that is sent again under its `Idempotency-Key`, and for no other; null = it has none. */
  readonly repeatId: string | null
}

/** Every endpoint's deed. */
export type Handlers = {
  readonly [Name in EndpointName]: (
    call: Call<Name>,
    caller: Caller,
    around: Around,
  ) => Promise<Answer<Name>> | Answer<Name>
}
