import { describe, expect, it } from "vitest"
import { concat } from "../../../kit/bytes.ts"
import { action, Device, image, tarFile, update } from "./known-device.testing.ts"
import { publish } from "./publish.ts"

interface Deployment {
  readonly download: string
  readonly update: string
  readonly maintenanceWindow?: string
  readonly chunks: readonly {
    readonly part: string
    readonly name: string
    readonly version: string
    readonly artifacts: readonly {
      readonly filename: string
      readonly _links: { readonly download: { readonly href: string } }
    }[]
  }[]
}

function deployment(device: Device): Deployment {
  return (device.json(`/deploymentBase/${action}`) as { readonly deployment: Deployment }).deployment
}

function within(window: "open" | "closed" | null, handling = "forced"): Device {
  const device = new Device().offer()
  device.update = { ...update, state: "downloading", window }
  if (device.offered !== null) device.offered = { ...device.offered, offer: { ...device.offered.offer, handling } }
  return device
}

describe("maintenanceWindow", () => {
  it.each([
    [null, "forced", { download: "forced", update: "forced", maintenanceWindow: undefined }],
    ["open", "forced", { download: "forced", update: "forced", maintenanceWindow: "available" }],
    ["closed", "forced", { download: "forced", update: "skip", maintenanceWindow: "unavailable" }],
    [null, "attempt", { download: "attempt", update: "attempt", maintenanceWindow: undefined }],
    ["open", "attempt", { download: "attempt", update: "attempt", maintenanceWindow: "available" }],
    ["closed", "attempt", { download: "attempt", update: "skip", maintenanceWindow: "unavailable" }],
  ] as const)("of a plan whose window is %s, handled %s, means %j", (window, handling, shown) => {
    const { download, update: kind, maintenanceWindow } = deployment(within(window, handling))
    expect({ download, update: kind, maintenanceWindow }).toEqual(shown)
    if (window === null) expect(deployment(within(null))).not.toHaveProperty("maintenanceWindow")
  })

  it("is shown to a device that is asked first as well", () => {
    const device = new Device({ confirm: "yes" }).offer()
    device.update = { ...update, window: "closed" }
    expect(device.json(`/confirmationBase/${action}`)).toMatchObject({
      confirmation: { update: "skip", maintenanceWindow: "unavailable" },
    })
  })

  it("that opens changes the link and the tag of the root resource", () => {
    const device = within("closed")
    const before = device.ask("")
    const tag = before.headers?.["ETag"] ?? ""
    device.update = { ...update, state: "downloaded", window: "open" }
    const after = device.ask("", { headers: { "if-none-match": tag } })
    expect(after.status).toBe(200)
    const link = (answer: typeof before) =>
      /deploymentBase\/[^"]*/.exec(answer.body !== undefined && "text" in answer.body ? answer.body.text : "")?.[0]
    expect(link(after)).not.toBe(link(before))
  })

  it("that is closed makes no evidence of the polls of a client that reports nothing", () => {
    const device = within("closed")
    device.model = "other"
    expect(device.ask("").isNotice).toBe(false)
    device.update = { ...update, state: "downloaded", window: "open" }
    expect(device.ask("").isNotice).toBe(true)
  })
})

describe("a release of several chunks", () => {
  const archive = concat([
    tarFile("os,base,5.1/f.bin", "aaa"),
    tarFile("bApp,dashboard,1.4/f.bin", "bbbb"),
    new Uint8Array(1024),
  ])
  const made = publish({ fileName: "b.tar", bytes: archive, models: [], options: { bundle: "true" }, version: "3" })
  if (!made.ok) throw new Error(made.faults[0]?.sentence)
  const shown = (): Device => {
    const device = new Device().offer()
    device.offered = { offer: { ...made.details, version: "3" }, image }
    return device
  }

  it("is shown with a module of its own for each, and each hands out its own file", () => {
    const device = shown()
    const { chunks } = deployment(device)
    expect(chunks.map(({ part, name, version }) => [part, name, version])).toEqual([
      ["os", "base", "5.1"],
      ["bApp", "dashboard", "1.4"],
    ])
    const files = chunks.map(
      ({ artifacts: [only] }) => /\/softwaremodules\/.*/.exec(only?._links.download.href ?? "")?.[0],
    )
    expect(new Set(files).size).toBe(2)
    expect(files.map((file) => device.ask(file ?? "").body)).toMatchObject([
      { part: { offset: 0, sizeBytes: 3 } },
      { part: { offset: 3, sizeBytes: 4 } },
    ])
    expect(device.json(files[1]?.replace(/\/f.bin$/, "") ?? "")).toMatchObject([{ filename: "f.bin", size: 4 }])
    expect(device.ask("/softwaremodules/1/artifacts").status).toBe(404)
  })

  it("is one action with one end, and is what is installed then", () => {
    const device = shown()
    expect(device.say("closed", "success")).toBe(200)
    device.takeBack()
    expect(device.running).toBe("1.2")
    const installed = device.json(`/installedBase/${action}`) as { readonly deployment: Deployment }
    expect(installed.deployment.chunks.map(({ part }) => part)).toEqual(["os", "bApp"])
  })
})
