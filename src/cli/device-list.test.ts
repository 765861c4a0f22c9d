import { describe, expect, it } from "vitest"
import { faultText, readDeviceList } from "./device-list.ts"

const devicesOf = (text: string) => readDeviceList(text).devices.map(({ device }) => device)
const faultsOf = (text: string) => readDeviceList(text).faults.map(faultText)
const mote = { id: "m1", family: "waspmote", model: "4g", labels: {} }

describe("a list of devices", () => {
  it.each([
    ["commas", "id,family,model\nm1,waspmote,4g\n"],
    ["semicolons, as a German spreadsheet writes", "id;family;model\r\nm1;waspmote;4g\r\n"],
    ["tabs", "id\tfamily\tmodel\nm1\twaspmote\t4g"],
    ["bars", "id|family|model\nm1|waspmote|4g"],
    ["a byte order mark, capitals, blanks and empty lines", "\uFEFFID, Family ,MODEL\n\n m1 , waspmote , 4g \n\n"],
  ])("is read with %s", (_, text) => {
    expect(devicesOf(text)).toEqual([mote])
    expect(faultsOf(text)).toEqual([])
  })

  it("takes other columns as labels and set.KEY as options, empty cells left out", () => {
    const text = "id,family,model,user,site,set.number\nm1,telit,GL865,,north,+39335\nm2,telit,GL865,u2,,\n"
    expect(devicesOf(text)).toEqual([
      { id: "m1", family: "telit", model: "GL865", labels: { site: "north" }, options: { number: "+39335" } },
      { id: "m2", family: "telit", model: "GL865", labels: {}, user: "u2" },
    ])
  })

  it("is read as a JSON array and as one object a line", () => {
    const { labels: _, ...bare } = mote
    expect(devicesOf(JSON.stringify([bare]))).toEqual([bare])
    expect(devicesOf(`${JSON.stringify(bare)}\n\n${JSON.stringify({ ...bare, id: "m2" })}\n`)).toEqual([
      bare,
      { ...bare, id: "m2" },
    ])
  })

  it("names line and column of every fault, and still reads the rest", () => {
    const text =
      "id,family,model\nm1,waspmote,\nm2,waspmote,4g\n,waspmote,4g\nm3,waspmote,4g,too,many\nm2,waspmote,3g\n"
    expect(faultsOf(text)).toEqual([
      "line 2, column model: it is empty",
      "line 4, column id: it is empty",
      "line 5: it has 5 cells and the header 3",
      "line 6, column id: m2 stands in line 3 already",
    ])
    expect(devicesOf(text).map(({ id }) => id)).toEqual(["m2", "m2"])
  })

  it("says what the header lacks", () => {
    expect(faultsOf("name,family\nm1,waspmote\n")).toEqual([
      "line 1: the header has no column id, model; it has name, family",
    ])
    expect(faultsOf('{"id":"m1"}\nnonsense\n')).toEqual([
      "line 1, column family: it is missing",
      "line 1, column model: it is missing",
      expect.stringMatching(/^line 2: it is no JSON/),
    ])
    expect(faultsOf('id,family,model\n"m1,waspmote,4g\n')).toEqual([expect.stringMatching(/: it is no CSV/)])
  })
})
