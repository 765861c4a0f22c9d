import type { Device } from "../../core/domain/records.ts"
import type { LiveFleet } from "./live-fleet.ts"

/** The label by which a virtual device says how many times faster than hardware it runs; it counts beside `virtual=yes` only. */
export const speedLabel = "virtual-speed"
const fastest = 100_000

/** What is waited for of a device is divided by this: 1 for hardware. */
export function speedOf({ deviceSpeed }: Pick<LiveFleet, "deviceSpeed">, { labels }: Pick<Device, "labels">): number {
  if (labels["virtual"] !== "yes") return deviceSpeed
  const own = Number(labels[speedLabel] ?? "")
  return own >= 1 && own <= fastest ? own : deviceSpeed
}
