import type { Family } from "../family.ts"
import { device } from "./device/run.ts"
import { ftp } from "./ftp.ts"
import { imageTool } from "./image-tool.ts"
import { listingLinter } from "./lint-listing.ts"
import { programLinter } from "./lint-ota-binary.ts"
import { upgradeTxtLinter } from "./lint-upgrade-txt.ts"
import { models } from "./models.ts"
import { afterFetch, planOffer } from "./plan-offer.ts"
import { publish } from "./publish.ts"
import { pullRules } from "./pull-rules.ts"
import { versions } from "./versions.ts"

/** Libelium Waspmote: fetches UPGRADE.TXT and a program over FTP, reports nothing. */
export const waspmote: Family = {
  id: "waspmote",
  title: "Libelium Waspmote",
  models,
  versions,
  access: "ftp-login",
  publish,
  planOffer,
  afterFetch,
  ftp,
  pull: pullRules,
  linters: [upgradeTxtLinter, programLinter, listingLinter],
  imageTool,
  device,
}
