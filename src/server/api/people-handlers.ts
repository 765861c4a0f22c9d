import type { NewTokenView } from "../../core/contract/schemas.ts"
import { actorOf, type Caller } from "../people/caller.ts"
import { auditPage } from "../people/audit.ts"
import { createToken, type NewToken, type PeopleNeeds, revokeToken, rotateToken } from "../people/tokens.ts"
import type { Handlers } from "./handler.ts"
import { tokenView } from "./views.ts"

/** What people do about each other. */
export function peopleHandlers(
  needs: PeopleNeeds,
): Pick<Handlers, "whoAmI" | "listAudit" | "createToken" | "revokeToken" | "rotateToken"> {
  const by = (caller: Caller) => ({ ...needs, actor: actorOf(caller) })
  return {
    whoAmI: (_call, { kind, name, role, group }) => ({ kind, name, role, group }),
    listAudit: ({ query: { after = 0, limit = 1000, device, calls = false, backwards = false } }) =>
      auditPage(needs, {
        after,
        limit,
        backwards,
        isCalledFor: calls,
        ...(device === undefined ? {} : { deviceId: device }),
      }),
    createToken: async ({ body }, caller) => newTokenView(await createToken(by(caller), body)),
    revokeToken: async ({ params }, caller) => tokenView(await revokeToken(by(caller), (params as { id: string }).id)),
    rotateToken: async ({ params }, caller) =>
      newTokenView(await rotateToken(by(caller), (params as { id: string }).id)),
  }
}

function newTokenView({ token, text }: NewToken): NewTokenView {
  return { ...tokenView(token), token: text }
}
