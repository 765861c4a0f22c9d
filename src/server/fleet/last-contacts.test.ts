import { expect, it } from "vitest"
import type { Device } from "../../core/domain/records.ts"
import { LiveFleet } from "./live-fleet.ts"
import type { Seen } from "./needs.ts"
import { saveContacts } from "./watch-time.ts"

it("last contacts are saved a part at a time in a storm of polls, each with its newest time, and all at the end", async () => {
  let now = 0
  const live = new LiveFleet({ now: () => now, monotonic: () => now, breathe: () => Promise.resolve() })
  const devices = Array.from({ length: 25 }, (_, index) => live.addDevice(device(`b${index}`)))
  const saved = new Map<string, number>()
  const saveSeen = async (rows: readonly Seen[]): Promise<void> => {
    for (const { deviceId, at } of rows) saved.set(deviceId, at)
  }
  const needs = { live, store: { saveSeen } as Parameters<typeof saveContacts>[0]["store"] }
  for (now = 1; now <= 2; now++) for (const one of devices) live.touch(one, "10.0.0.7")
  await saveContacts(needs, 10)
  expect(saved.size).toBe(10)
  await saveContacts(needs, 10)
  expect(saved.size).toBe(20)
  await saveContacts(needs)
  expect(saved.size).toBe(25)
  expect(new Set(saved.values())).toEqual(new Set([2]))
})

function device(id: string): Device {
  return {
    id,
    family: "pic32mzw1",
    model: "v3.8",
    labels: {},
    access: { user: id, secret: id },
    familyState: {},
    running: { version: null, evidence: "unknown" },
    admission: "accepted",
    addedAt: 0,
  }
}
