import { type AccessView, agentToken } from "../access.ts"
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
  // The module itself has the half behind the dot, and a host program stands beside it.
  access: {
    ...agentToken,
    words: "secret into the module, token into the host program beside it",
    sentence: attendLine,
  },
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

function attendLine({ agent }: AccessView): string {
  const { server, token } = agent ?? { server: "", token: "" }
  const secret = token.split(".")[1] ?? ""
  const attend = "waft agent attend --family telit --port PORT --sms-number NUMBER"
  return `${attend} --server ${server} --token ${token}; the module's own secret is ${secret}`
}
