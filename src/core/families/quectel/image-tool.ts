import { firmwareTool } from "../recovery/firmware-tool.ts"
import { moduleProfiles } from "./models.ts"

/** Firmware and packages for virtual modules; there is none with MiniFOTA. */
export const imageTool = firmwareTool({
  models: moduleProfiles.filter(({ isMini }) => !isMini).map(({ id }) => id),
  usualModel: "AG35",
  exampleVersion: "AG35CEV13",
})
