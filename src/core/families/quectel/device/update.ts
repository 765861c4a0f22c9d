import { downloadPackage } from "./download.ts"
import type { ModuleOrder, QuectelModule } from "./module.ts"
import { fileName } from "./qfotadl.ts"
import { recover } from "./recovery.ts"
import { freshUpdate, packageName, type UpdateState } from "./update-log.ts"

type Update = Extract<ModuleOrder, { readonly kind: "update" }>

/**
 * From the OK of AT+QFOTADL to the restart into recovery mode (AG35 guide 3). `stay`: the package could not be had, and the
 * module goes on as it was.
 */
export async function update(module: QuectelModule, order: Update): Promise<"restart" | "stay"> {
  if (!(await fetchPackage(module, order))) {
    module.isBusy = false
    await module.files.remove(packageName)
    return module.isToRestart ? "restart" : "stay"
  }
  if (order.restartsFirst) return "restart"
  // Standard(A), upgrade mode 1: at once, without the restart before.
  const state = await module.updates.load()
  if (state !== null) {
    module.at = null
    await recover(module, state)
  }
  return "restart"
}

/** Stores the package and the log of the update; only then does the module say that it has it. */
async function fetchPackage(module: QuectelModule, order: Update): Promise<boolean> {
  const { from } = order
  const state: UpdateState = { ...freshUpdate, progressLines: order.progressLines }
  if (from.scheme === "file") {
    await copyFile(module, from.path)
    await module.updates.save(state)
    return true
  }
  if (from.scheme === "upload") {
    const code = module.fault.download ?? 0
    await module.files.create(packageName)
    await module.files.append(packageName, from.bytes)
    if (code === 0) await module.updates.save(state)
    module.end("FILEEND", code)
    return code === 0
  }
  const [start, end] = from.scheme === "ftp" ? (["FTPSTART", "FTPEND"] as const) : (["HTTPSTART", "HTTPEND"] as const)
  module.tell(start)
  const code = await downloadPackage(module, from, order.downloadLines)
  if (code === 0) await module.updates.save(state)
  module.end(end, code)
  return code === 0
}

/** The package that a host laid into the module; none is an empty one, which the check refuses. */
async function copyFile(module: QuectelModule, path: string): Promise<void> {
  const files = await module.body.storage.files("ufs")
  const name = fileName(module, path)
  const bytes = await files.read(name, 0, (await files.size(name)) ?? 0)
  await module.files.create(packageName)
  await module.files.append(packageName, bytes)
}
