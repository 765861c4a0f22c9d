import { beforeEach, describe, expect, it } from "vitest"
import { simplePlan } from "../src/core/domain/plan.ts"
import { checkedGroup } from "../src/server/people/tokens.ts"
import { Rehearsal } from "../src/server/gateway/rehearsal.testing.ts"
import { boardImage } from "../src/core/families/pic32mzw1/device/board.testing.ts"
import { addDevice } from "../src/server/fleet/add-device.ts"
import { fleetGroup, groupMember } from "../src/server/fleet/group-context.ts"
import { expectRebuilt } from "../src/server/fleet/ledger/rebuilt.testing.ts"
import { previewGroup } from "../src/server/fleet/preview-group.ts"
import { removeGroup, saveGroup } from "../src/server/fleet/saved-groups.ts"
import { publishRelease } from "../src/server/fleet/publish-release.ts"
import { startPlan } from "../src/server/fleet/start-rollout.ts"

let server: Rehearsal
beforeEach(async () => {
  server = await Rehearsal.start()
  for (const id of ["n1", "n2", "s1"]) {
    const labels = { site: id.startsWith("n") ? "north" : "south" }
    await addDevice(server.needs, { id, family: "waspmote", model: id === "n2" ? "3g" : "4g", labels })
  }
})

/** The ids of those that an expression means now. */
function ids(expression: string): readonly string[] {
  const matches = fleetGroup(server.needs, expression)
  return [...server.needs.live.devices.values()]
    .filter((live) => matches(groupMember(live)))
    .map(({ device }) => device.id)
}

describe("a saved group", () => {
  it("means whoever matches its filter when it is asked, also inside other expressions and after a restart", async () => {
    await saveGroup(server.needs, "north", { filter: "site=north" })
    await saveGroup(server.needs, "small", { filter: "@north and model=3g" })
    expect(ids("@north")).toEqual(["n1", "n2"])
    expect(ids("@small or id=s1")).toEqual(["n2", "s1"])
    expect(ids("not group in (north, small)")).toEqual(["s1"])
    await addDevice(server.needs, { id: "n3", family: "waspmote", model: "4g", labels: { site: "north" } })
    await expectRebuilt(server.needs)
    await server.restart()
    expect(ids("@north")).toEqual(["n1", "n2", "n3"])
  })

  it("is a list that only a hand changes when it was pinned", async () => {
    await saveGroup(server.needs, "first", { filter: "site=north", pin: true })
    await addDevice(server.needs, { id: "n3", family: "waspmote", model: "4g", labels: { site: "north" } })
    await server.restart()
    expect(ids("@first")).toEqual(["n1", "n2"])
    await expect(saveGroup(server.needs, "first", { ids: ["n3"] })).rejects.toMatchObject({ code: "group-exists" })
    await saveGroup(server.needs, "first", { ids: ["n3"], replace: true })
    expect(ids("@first")).toEqual(["n3"])
  })

  it("is refused with the cause: an unknown device or group, a circle, no meaning at all", async () => {
    const refused = (name: string, wish: Parameters<typeof saveGroup>[2]) =>
      saveGroup(server.needs, name, wish).then(
        () => "saved",
        (error: Error) => error.message,
      )
    await saveGroup(server.needs, "a", { filter: "site=north" })
    await saveGroup(server.needs, "b", { filter: "@a" })
    expect(await refused("c", { ids: ["n9"] })).toContain("no device n9")
    expect(await refused("c", { filter: "@nobody" })).toContain("no saved group nobody, at character 1")
    expect(await refused("a", { filter: "@b", replace: true })).toContain("a, b, a name each other in a circle")
    expect(await refused("c", {})).toContain("a filter, or a list of ids")
    expect(await refused("-c", { ids: ["n1"] })).toContain("cannot be the name of a group")
    expect(ids("@b")).toEqual(["n1", "n2"])
  })

  it("stays while a rollout or another group names it", async () => {
    await saveGroup(server.needs, "north", { filter: "site=north" })
    await saveGroup(server.needs, "small", { filter: "@north and model=3g" })
    const release = await server.publish("2", "PROG002")
    const rollout = await startPlan(server.needs, simplePlan({ releases: [release], group: "@small" }))
    await expect(removeGroup(server.needs, "north")).rejects.toThrow("in use by the group small, the rollout o-")
    await expect(removeGroup(server.needs, "small")).rejects.toThrow(`the rollout ${rollout.rollout.id}; it stays`)
    await expect(removeGroup(server.needs, "none")).rejects.toMatchObject({ code: "no-such-group" })
    await saveGroup(server.needs, "alone", { ids: ["n1"] })
    await removeGroup(server.needs, "alone")
    await server.restart()
    expect([...server.needs.live.groups.keys()]).toEqual(["north", "small"])
  })

  it("is nothing that a token's reach is said by: whoever changes it would change the reach", async () => {
    await saveGroup(server.needs, "north", { filter: "site=north" })
    expect(() => checkedGroup(server.needs, "operator", "@north")).toThrow("not by the saved group north")
    expect(checkedGroup(server.needs, "operator", "site=north")).toBe("site=north")
  })

  it("is previewed: devices, models, versions, and who cannot take a release and why", async () => {
    await addDevice(server.needs, { id: "p1", family: "pic32mzw1", model: "v3.8", running: "7" })
    const release = await server.publish("2", "PROG002")
    const needs = server.needs
    const board = await publishRelease(server.needs, "pic32mzw1", {
      fileName: "board.bin",
      bytes: boardImage(2),
      version: "2",
      models: ["v3.8"],
      options: { "compiled-version": "2" },
    })
    const both = await previewGroup(needs, { group: null, releaseIds: [release, board.id] })
    expect(both.cannot).toEqual([
      { devices: 1, ids: ["p1"], sentence: expect.stringContaining("runs version 7 and takes only a higher one") },
    ])
    expect(await previewGroup(needs, { group: null, releaseIds: [release] })).toMatchObject({
      devices: 4,
      ids: ["n1", "n2", "s1", "p1"],
      models: [{ model: "4g", devices: 2 }, { model: "3g" }, { family: "pic32mzw1", model: "v3.8", devices: 1 }],
      versions: [
        { family: "waspmote", version: null, devices: 3 },
        { family: "pic32mzw1", version: "7", devices: 1 },
      ],
      cannot: [],
      without: 1,
    })
  })
})
