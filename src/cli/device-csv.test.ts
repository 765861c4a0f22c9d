import { describe, expect, it } from "vitest"
import type { DeviceView } from "../core/contract/schemas.ts"
import { devicesAsCsv } from "./device-csv.ts"
import { readDeviceList } from "./device-list.ts"

const device = (id: string, labels: Readonly<Record<string, string>>, version: string | null): DeviceView => ({
  id,
  family: "waspmote",
  model: "4g",
  labels,
  options: {},
  state: "idle",
  running: { version, evidence: "told" },
  update: null,
  doubt: null,
  rhythmMs: null,
  explain: "",
  lastSeen: null,
  peer: null,
  addedAt: 1,
})

describe("a list of devices as CSV", () => {
  it("carries options of families there and back, by their own name too", () => {
    const module = { ...device("359999000000018", {}, null), family: "telit", model: "GL865" }
    const lines = devicesAsCsv([{ ...module, options: { apn: "internet.m2m", number: "+39335475718" } }])
    expect(lines).toEqual([
      "id,family,model,running,set.apn,set.number",
      "359999000000018,telit,GL865,,internet.m2m,'+39335475718",
    ])
    const options = { apn: "internet.m2m", number: "+39335475718" }
    expect(readDeviceList(lines.join("\n")).devices).toMatchObject([{ device: { labels: {}, options } }])
    const plain =
      "id,family,model,apn,number\n359999000000018,telit,GL865,internet.m2m,+39335475718\nm1,waspmote,4g,x,7"
    expect(readDeviceList(plain).devices).toMatchObject([
      { device: { labels: {}, options } },
      { device: { labels: { apn: "x", number: "7" } } },
    ])
  })

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
