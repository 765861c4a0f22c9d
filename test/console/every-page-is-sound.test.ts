import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { client } from "../../src/cli/api-client.ts"
import type { RunningServer } from "../../src/server/main.ts"
import { startHere } from "../start-here.ts"
import { faultsOf, type Look, looks, openBrowser, signIn } from "./browser.ts"

const wide: Look = { width: 1440, height: 900, theme: "light" }

let folder: string
let server: RunningServer
let browser: Browser
let releaseId: string
let rolloutId: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-console-"))
  server = await startHere(join(folder, "data"))
  const api = client(server.url, server.token)
  for (let number = 1; number <= 130; number += 1) {
    const body = {
      id: `mote-${number}`,
      family: "waspmote",
      model: "4g",
      labels: { site: number % 2 ? "oslo" : "rome" },
    }
    await api.call("addDevice", { body })
  }
  await api.call("addDevice", {
    body: { id: `a-board-with-a-name-${"that-goes-on-".repeat(3)}on`, family: "pic32mzw1", model: "v3.8" },
  })
  const query = { family: "waspmote", fileName: "greenhouse-2.hex", version: "2", options: '{"name":"GREENHS"}' }
  const image = readFileSync(new URL("../../demo/waspmote/greenhouse-2.hex", import.meta.url))
  releaseId = (await api.call("publishRelease", { query, body: image })).id
  rolloutId = (await api.call("startRollout", { body: { releaseIds: [releaseId], group: "site=oslo" } })).id
  await api.call("setChannel", {
    params: { name: "field" },
    body: { family: "waspmote", user: "ota", password: "libelium" },
  })
  browser = await openBrowser()
})

afterAll(async () => {
  await browser.close()
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

describe.each(looks)("at $width px in the $theme theme", (look) => {
  it("every page is accessible, fits, obeys the policy and logs no error", async () => {
    const visit = await signIn(browser, server, look)
    const { page, troubles } = visit
    const paths = [
      "/",
      "/devices",
      "/devices?filter=site%3Doslo",
      "/devices/mote-1",
      "/firmware",
      `/firmware/${releaseId}`,
      "/rollouts",
      `/rollouts/${rolloutId}`,
      "/rollouts/new",
      "/channels",
      "/practice",
      "/audit",
      "/settings",
      "/devices/mote-1?tab=Wire",
      "/devices/mote-1?tab=Versions",
      "/devices/none/such",
    ]
    for (const path of paths) {
      await page.goto(server.url + path)
      await page.locator("h1:not(.visually-hidden)").waitFor()
      expect({ path, faults: await faultsOf(visit) }).toEqual({ path, faults: [] })
    }
    expect(troubles).toEqual([])
    await page.context().close()
  })
})

describe("a device that is looked at", () => {
  it("says why, shows what goes into it only when asked, and is removed only by its name", async () => {
    const { page, troubles } = await signIn(browser, server, wide)
    await page.goto(`${server.url}/devices/mote-2`)
    await page.getByRole("button", { name: "Show what goes into it" }).click()
    await page.getByText("mote-2", { exact: true }).nth(1).waitFor()
    await page.getByRole("button", { name: "More for mote-2" }).click()
    await page.getByRole("menuitem", { name: "Remove…" }).click()
    const remove = page.getByRole("button", { name: "Remove device" })
    expect(await remove.isDisabled()).toBe(true)
    await page.getByRole("textbox").fill("mote-2")
    await remove.click()
    await page.waitForURL(/\/devices\?/)
    const api = client(server.url, server.token)
    await expect(api.call("showDevice", { params: { id: "mote-2" } })).rejects.toThrow("There is no device mote-2")
    expect(troubles).toEqual([])
    await page.context().close()
  })
})

describe("the list of devices", () => {
  it("filters by what is typed, keeps it in the address, and shows the server's sentence about a mistake", async () => {
    const { page } = await signIn(browser, server, wide)
    await page.goto(`${server.url}/devices`)
    await page.getByRole("combobox", { name: "Filter" }).waitFor()
    await page.keyboard.press("/")
    await page.keyboard.type("site=oslo")
    await page.keyboard.press("Enter")
    await page.waitForURL(/filter=site/)
    await page.getByRole("link", { name: "mote-1", exact: true }).waitFor()
    expect(await page.getByRole("link", { name: "mote-4", exact: true }).count()).toBe(0)
    await page.getByRole("combobox", { name: "Filter" }).fill("site=(")
    await page.keyboard.press("Enter")
    await page.getByRole("alert").waitFor()
    await page.context().close()
  })
})

describe("a rollout that is started in the browser", () => {
  it("is planned first, then started, paused, resumed and aborted", async () => {
    const { page, troubles } = await signIn(browser, server, wide)
    await page.goto(`${server.url}/rollouts/new?release=${releaseId}&group=site%3Drome`)
    await page.getByRole("button", { name: "See what will happen" }).click()
    await page.getByRole("button", { name: /^Start for/ }).click()
    await page.waitForURL(/\/rollouts\/o-/)
    await page.getByRole("button", { name: "Pause" }).click()
    await page.getByText("Paused", { exact: true }).waitFor()
    await page.getByRole("button", { name: "Resume" }).click()
    await page.getByText("Running", { exact: true }).waitFor()
    await page.getByRole("button", { name: "Abort…" }).click()
    const id = page.url().match(/o-[^?/]+/)?.[0] ?? ""
    await page.getByRole("textbox").fill(id)
    await page.getByRole("button", { name: "Abort rollout" }).click()
    await page.getByText("Aborted", { exact: true }).waitFor()
    const { state } = await client(server.url, server.token).call("showRollout", { params: { id } })
    expect(state).toBe("aborted")
    expect(troubles).toEqual([])
    await page.context().close()
  })
})

describe("the palette", () => {
  it("finds a device by a few letters, goes to it by Enter, and is accessible while it is open", async () => {
    const visit = await signIn(browser, server, wide)
    const { page, troubles } = visit
    await page.keyboard.press("Control+k")
    const box = page.getByRole("combobox", { name: "Search or do" })
    await box.fill("mote-77")
    await page.getByRole("option", { name: /mote-77 waspmote/ }).waitFor()
    expect(await faultsOf(visit)).toEqual([])
    await box.press("ArrowDown")
    await box.press("Enter")
    await page.waitForURL(/\/devices\/mote-77$/)
    await page.getByRole("heading", { name: "mote-77" }).waitFor()
    await page.keyboard.press("g")
    await page.keyboard.press("r")
    await page.waitForURL(/\/rollouts$/)
    expect(troubles).toEqual([])
    await page.context().close()
  })
})
