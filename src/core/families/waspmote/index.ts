import { ftpLogin } from "../access.ts"
import type { Family } from "../family.ts"
import { programIdField } from "./codec/ota-binary.ts"
import { device } from "./device/run.ts"
import { ftp } from "./server/ftp.ts"
import { imageTool } from "./image-tool.ts"
import { listingLinter } from "./server/lint-listing.ts"
import { programLinter } from "./server/lint-ota-binary.ts"
import { upgradeTxtLinter } from "./server/lint-upgrade-txt.ts"
import { models } from "./models.ts"
import { afterFetch, planOffer } from "./server/plan-offer.ts"
import { publish, publishOptions } from "./server/publish.ts"
import { pullRules } from "./server/pull-rules.ts"
import { versions } from "./versions.ts"

/** Libelium Waspmote: fetches UPGRADE.TXT and a program over FTP, reports nothing. */
export const waspmote: Family = {
  id: "waspmote",
  title: "Libelium Waspmote",
  noun: "mote",
  models,
  versions,
  access: ftpLogin,
  publishOptions,
  publish,
  planOffer,
  stamp: programIdField,
  afterFetch,
  ftp,
  pull: pullRules,
  linters: [upgradeTxtLinter, programLinter, listingLinter],
  imageTool,
  device,
}
