import { AtHost } from "../../../protocols/at/at-host.ts"
import type { HostSide } from "../../host.ts"
import { identify } from "./identify.ts"
import { runOrder } from "./run.ts"

/** What a host does at the AT port of a Quectel module (AG35 DFOTA guide §3; quectel.md 4.3, 4.5, 4.7). */
export const hostSide: HostSide = {
  identify: (line, clock) => identify(new AtHost(line, clock)),
  run: runOrder,
}
