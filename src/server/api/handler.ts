import type { Answer, Call, EndpointName } from "../../core/contract/endpoints.ts"
import type { Caller } from "../people/caller.ts"
import type { Visit } from "../people/sessions.ts"

/** What a handler may know and do of the HTTP around its call. */
export interface Around {
  /** Where the call comes from. */
  readonly visit: Visit
  /** Lets the browser keep a session's text until `expiresAt`, ms since 1970 UTC. */
  readonly keepCookie: (text: string, expiresAt: number) => void
  readonly dropCookie: () => void
}

/** Every endpoint's deed. */
export type Handlers = {
  readonly [Name in EndpointName]: (
    call: Call<Name>,
    caller: Caller,
    around: Around,
  ) => Promise<Answer<Name>> | Answer<Name>
}
