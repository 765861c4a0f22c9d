import type { Family } from "../family.ts"
import { models } from "./models.ts"
import { planOffer } from "./plan-offer.ts"
import { publish } from "./publish.ts"
import { pullRules } from "./pull-rules.ts"
import { conversation } from "./server-side.ts"
import { versions } from "./versions.ts"

/** Telit modules with Premium FOTA Management, all but the module in software. */
export const telitServer: Omit<Family, "device"> = {
  id: "telit",
  title: "Telit modules with Premium FOTA Management",
  models,
  versions,
  access: "agent-token",
  publish,
  planOffer,
  afterFetch: (familyState) => familyState,
  conversation,
  pull: pullRules,
  linters: [],
}
