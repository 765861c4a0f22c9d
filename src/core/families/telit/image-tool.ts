import { firmwareTool } from "../recovery/firmware-tool.ts"
import { telitModels } from "./models.ts"

/** Firmware and packages for virtual modules. */
export const imageTool = firmwareTool({
  models: telitModels.map(({ id }) => id),
  usualModel: "GE910",
  exampleVersion: "13.00.004",
})
