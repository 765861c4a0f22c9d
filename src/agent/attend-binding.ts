import type { AttendBinding } from "../core/families/attend.ts"
import { isSameModule } from "../core/families/exact-version.ts"
import type { Json } from "../core/kit/json.ts"
import { type AgentMemory, withModule } from "./agent-memory.ts"

/** The module of an earlier run, unless the plan names another one (`told`), which is the device from now on. */
export async function bindingOf(
  memory: AgentMemory,
  told: Json | undefined,
  now: () => number,
): Promise<AttendBinding> {
  const bind = (imei: string): Promise<void> => memory.change({ modules: withModule(memory.state, imei, now()) })
  const before = memory.state.modules.at(-1)?.imei ?? null
  if (typeof told !== "string" || (before !== null && isSameModule(before, told))) return { imei: before, bind }
  await bind(told)
  return { imei: told, bind }
}
