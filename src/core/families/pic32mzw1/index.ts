import { secretUrl } from "../access.ts"
import type { Family } from "../family.ts"
import { pullRules } from "./server/pull-rules.ts"
import { deviceSide } from "./device/run.ts"
import { imageTool } from "./image-tool.ts"
import { linters } from "./server/lint-manifest.ts"
import { boardModels } from "./models.ts"
import { erase, httpSide, manifestPath } from "./server/http.ts"
import { afterFetch, deltas, planOffer } from "./server/plan-offer.ts"
import { publish, publishOptions } from "./server/publish.ts"
import { versions } from "./versions.ts"

/** Microchip PIC32MZ W1 and WFI32 boards with the Harmony 3 OTA service. */
export const pic32mzw1: Family = {
  id: "pic32mzw1",
  title: "Microchip PIC32MZ W1",
  noun: "board",
  models: boardModels.map(({ id, title, isUnusual }) => ({ id, title, ...(isUnusual ? { isUnusual } : {}) })),
  versions,
  access: secretUrl(manifestPath),
  publishOptions,
  publish,
  planOffer,
  afterFetch,
  deltas,
  http: httpSide,
  erase,
  pull: pullRules,
  linters,
  imageTool,
  device: deviceSide,
}
