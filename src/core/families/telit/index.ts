import { agentToken } from "../access.ts"
import type { Family } from "../family.ts"
import { certification } from "./certification/run.ts"
import { device } from "./device/run.ts"
import { attend } from "./host/attend.ts"
import { options, planOf } from "./host/attend-options.ts"
import { imageTool } from "./image-tool.ts"
import { models } from "./models.ts"
import { entry } from "./server/enter.ts"
import { planOffer } from "./server/plan-offer.ts"
import { publish, publishOptions } from "./server/publish.ts"
import { pullRules } from "./server/pull-rules.ts"
import { conversation } from "./server/conversation.ts"
import { versions } from "./versions.ts"

/** Telit modules with Premium FOTA Management: server and module exchange messages, and the module fetches a delta over FTP. */
export const telit: Family = {
  id: "telit",
  title: "Telit modules with Premium FOTA Management",
  noun: "module",
  models,
  versions,
  access: agentToken,
  entry,
  publishOptions,
  publish,
  planOffer,
  afterFetch: (familyState) => familyState,
  conversation,
  attend: { options, planOf, attend },
  certification,
  pull: pullRules,
  linters: [],
  imageTool,
  device,
}
