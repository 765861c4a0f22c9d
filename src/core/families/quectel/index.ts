import { agentToken } from "../access.ts"
import type { Family } from "../family.ts"
import { agent } from "./server/agent.ts"
import { device } from "./device/run.ts"
import { hostSide } from "./host/host.ts"
import { imageTool } from "./image-tool.ts"
import { models } from "./models.ts"
import { planOffer } from "./server/plan-offer.ts"
import { publish, publishOptions } from "./server/publish.ts"
import { pullRules } from "./server/pull-rules.ts"
import { versions } from "./versions.ts"

/** Quectel modules: a host types AT+QFOTADL, the module fetches a delta package and installs it in recovery mode. */
export const quectel: Family = {
  id: "quectel",
  title: "Quectel DFOTA",
  noun: "module",
  models,
  versions,
  access: agentToken,
  publishOptions,
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
