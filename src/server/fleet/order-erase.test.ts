import { beforeEach, describe, expect, it } from "vitest"
import { engine } from "../../core/domain/actor.ts"
import { boardImage } from "../../core/families/pic32mzw1/device/board.testing.ts"
import { Rehearsal } from "../gateway/rehearsal.testing.ts"
import { addDevice } from "./add-device.ts"
import { commit } from "./commit.ts"
import { withLock } from "./ledger/device-lock.ts"
import { orderErase } from "./order-erase.ts"
import { publishRelease } from "./publish-release.ts"

let server: Rehearsal
let release: string

beforeEach(async () => {
  server = await Rehearsal.start()
  const upload = {
    fileName: "board.bin",
    bytes: boardImage(2),
    version: "2",
    models: ["v3.8"],
    options: { "compiled-version": "2" },
  }
  release = (await publishRelease(server.needs, "pic32mzw1", upload)).id
  for (const [id, stored] of [
    ["holds", [2, 5]],
    ["other", [5]],
  ] as const) {
    const device = await addDevice(server.needs, { id, family: "pic32mzw1", model: "v3.8" })
    await commit(server.needs, engine, [{ put: "device", device: { ...device, familyState: { stored } } }])
  }
})

describe("an order to erase", () => {
  it("goes to the devices that may hold the image, and to no other", async () => {
    expect(await orderErase(server.needs, release)).toBe(1)
    expect(server.device("holds").familyState).toMatchObject({ erase: 2 })
    expect(server.device("other").familyState).not.toHaveProperty("erase")
    expect(server.heard.filter(({ kind }) => kind === "device.erase-ordered")).toMatchObject([
      { deviceId: "holds", releaseId: release },
    ])
  })

  it("waits for what is under way for the device, and goes by what came of that", async () => {
    const live = server.needs.live.devices.get("holds")
    if (live === undefined) throw new Error("no device")
    let end = (): void => undefined
    const underWay = new Promise<void>((resolve) => (end = resolve))
    const erased = withLock(server.needs, live, async () => {
      await underWay
      await commit(server.needs, engine, [{ put: "device", device: { ...live.device, familyState: { stored: [5] } } }])
    })
    const ordered = orderErase(server.needs, release)
    await new Promise((resolve) => setImmediate(resolve))
    expect(server.device("holds").familyState).not.toHaveProperty("erase")
    end()
    await erased
    expect(await ordered).toBe(0)
  })

  it("is none where the family knows no such order", async () => {
    expect(await orderErase(server.needs, await server.publish("1"))).toBe(0)
  })
})
