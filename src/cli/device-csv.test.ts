import { describe, expect, it } from "vitest"
import type { DeviceView } from "../core/contract/schemas.ts"
import { devicesAsCsv } from "./device-csv.ts"
import { readDeviceList } from "./device-list.ts"

const device = (id: string, labels: Readonly<Record<string, string>>, version: string | null): DeviceView => ({
  id,
  family: "waspmote",
  model: "4g",
  labels,
  state: "idle",
  running: { version, evidence: "told" },
  update: null,
  doubt: null,
  explain: "",
  lastSeen: null,
  peer: null,
  addedAt: 1,
})

describe("a list of devices as CSV", () => {
  it("holds no formula for a spreadsheet, and is read back as it was", () => {
    const lines = devicesAsCsv([
      device("m1", { site: "=HYPERLINK(1)", note: 'a "b", c' }, "-1"),
      device("m2", { site: "@north" }, null),
    ])
    expect(lines).toEqual([
      "id,family,model,running,note,site",
      `m1,waspmote,4g,'-1,"a ""b"", c",'=HYPERLINK(1)`,
      "m2,waspmote,4g,,,'@north",
    ])
    const { devices, faults } = readDeviceList(lines.join("\n"))
    expect(faults).toEqual([])
    expect(devices.map(({ device: { id, running, labels } }) => ({ id, running, labels }))).toEqual([
      { id: "m1", running: "-1", labels: { site: "=HYPERLINK(1)", note: 'a "b", c' } },
      { id: "m2", running: undefined, labels: { site: "@north" } },
    ])
  })
})
