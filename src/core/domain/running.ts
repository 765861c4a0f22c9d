import type { Device } from "./records.ts"

/** The device as it is once nobody can say any more what it runs. */
export function runsUnknown(device: Device): Device {
  if (device.running.evidence === "unknown") return device
  return { ...device, running: { version: device.running.version, evidence: "unknown" } }
}
