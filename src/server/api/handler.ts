import type { Answer, Call, EndpointName } from "../../core/contract/endpoints.ts"
import type { Caller } from "../people/caller.ts"

/** Every endpoint's deed. */
export type Handlers = {
  readonly [Name in EndpointName]: (call: Call<Name>, caller: Caller) => Promise<Answer<Name>> | Answer<Name>
}
