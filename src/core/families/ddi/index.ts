import type { Family } from "../family.ts"
import { device } from "./device/run.ts"
import { models } from "./models.ts"
import { access } from "./server/access.ts"
import { httpSide } from "./server/http.ts"
import { entry } from "./server/memory.ts"
import { planOffer } from "./server/offer.ts"
import { publish, publishOptions } from "./server/publish.ts"
import { pullRules } from "./server/pull-rules.ts"
import { versions } from "./versions.ts"

/** Gateways and boxes whose client speaks hawkBit's DDI: SWUpdate, rauc-hawkbit-updater, Zephyr and others. */
export const ddi: Family = {
  id: "ddi",
  title: "DDI clients (SWUpdate, RAUC and others)",
  noun: "client",
  models,
  versions,
  access,
  entry,
  publishOptions,
  publish,
  planOffer,
  afterFetch: (familyState) => familyState,
  http: httpSide,
  pull: pullRules,
  linters: [],
  device,
}
