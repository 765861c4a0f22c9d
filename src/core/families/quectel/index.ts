import type { Family } from "../family.ts"
import { agent } from "./agent-side.ts"
import { device } from "./device/run.ts"
import { hostSide } from "./host-side.ts"
import { imageTool } from "./image-tool.ts"
import { models } from "./models.ts"
import { planOffer } from "./plan-offer.ts"
import { publish } from "./publish.ts"
import { pullRules } from "./pull-rules.ts"
import { versions } from "./versions.ts"

/** Quectel modules: a host types AT+QFOTADL, the module fetches a delta package and installs it in recovery mode. */
export const quectel: Family = {
  id: "quectel",
  title: "Quectel DFOTA",
  models,
  versions,
  access: "agent-token",
  publish,
  planOffer,
  afterFetch: (familyState) => familyState,
  agent,
  pull: pullRules,
  linters: [],
  imageTool,
  host: hostSide,
  device,
}
