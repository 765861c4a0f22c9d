import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type ApiClient, client } from "../../src/cli/api-client.ts"
import { knownDevices } from "../../src/cli/virtual-fleet.ts"
import type { RunningServer } from "../../src/server/main.ts"
import { runSwarm } from "../../src/virtual/main.ts"
import { startHere } from "../start-here.ts"
import { faultsOf, looks, openBrowser, signIn, visit } from "./browser.ts"

const wide = looks[0] ?? { width: 1440, height: 900, theme: "light" }
const program = (build: number): string =>
  fileURLToPath(new URL(`../../demo/waspmote/greenhouse-${build}.hex`, import.meta.url))

let folder: string
let server: RunningServer
let api: ApiClient
let browser: Browser
const ending = new AbortController()
let fleet: Promise<unknown> = Promise.resolve()

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-story-"))
  server = await startHere(join(folder, "data"), { "device-speed": "100", "four-eyes": "release" })
  api = client(server.url, server.token)
  browser = await openBrowser()
})
afterAll(async () => {
  ending.abort()
  await fleet.catch(() => undefined)
  await browser.close()
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

async function secondPerson(name: string, role: "viewer" | "releaser"): Promise<string> {
  const { token } = await api.call("createToken", { body: { name, role } })
  return `${server.url}/#token=${token}`
}

describe("a rollout in the browser", () => {
  it("is published, approved, planned, started, pauses itself after a silent device, and is taken back", async () => {
    const state = join(folder, "motes")
    // Four motes answer; the one of another model never does.
    const wish = { family: "waspmote", prefix: "mote-", model: ["gprs-pro"], state, labels: { site: "oslo" } }
    const devices = await knownDevices(api, wish, 4)
    await api.call("addDevice", {
      body: { id: "mute", family: "waspmote", model: "gprs-gps", labels: { site: "oslo" } },
    })
    const run = { family: "waspmote", devices, everyMs: 500, speed: 100, signal: ending.signal }
    fleet = runSwarm(run)

    const story = await signIn(browser, server, wide)
    const { page, troubles } = story
    await page.goto(`${server.url}/firmware`)
    const chooser = page.waitForEvent("filechooser")
    await page.getByRole("button", { name: "Publish a file…" }).click()
    await (await chooser).setFiles(program(2))
    await page.getByRole("textbox", { name: /^Version/ }).fill("2")
    await page.getByRole("textbox", { name: /^Options/ }).fill("name=GREENHS")
    await page.getByRole("button", { name: "Publish", exact: true }).click()
    await page.waitForURL(/\/firmware\/r-/)
    const releaseId = /r-[^/?]+/.exec(page.url())?.[0] ?? ""

    // Who published it may not approve it, and is told so.
    await page.getByRole("button", { name: "Approve release" }).click()
    await page.getByRole("alert").waitFor()
    const other = await visit(browser, await secondPerson("second", "releaser"), wide)
    await other.page.goto(`${server.url}/firmware/${releaseId}`)
    await other.page.getByRole("button", { name: "Approve release" }).click()
    await other.page.getByRole("link", { name: "Roll out…" }).waitFor()
    await other.page.context().close()

    await page.getByRole("link", { name: "Roll out…" }).click()
    await page.getByRole("textbox", { name: /^Devices: a filter/ }).fill("site=oslo")
    await page.getByRole("textbox", { name: /^Devices that go first/ }).fill("2")
    await page.getByRole("textbox", { name: /^Silent for so long/ }).fill("8s")
    await page.getByRole("textbox", { name: /^Most data/ }).fill("1 MB")
    await page.getByRole("button", { name: "See what will happen" }).click()
    const costs = page.getByRole("region", { name: "Costs by phase" })
    await costs.getByRole("row", { name: /^in all 5 / }).waitFor()
    await page.getByRole("button", { name: "Rehearse it" }).click()
    await page.getByText(/succeed, \d+ fail/).waitFor()
    expect(await faultsOf(story)).toEqual([])
    await page.getByRole("button", { name: "Start for 5 devices" }).click()
    await page.waitForURL(/\/rollouts\/o-/)
    const id = /o-[^/?]+/.exec(page.url())?.[0] ?? ""

    await page.getByText("Paused", { exact: true }).waitFor({ timeout: 60_000 })
    await page
      .getByText(/paused itself|fell silent/)
      .first()
      .waitFor()
    const rows = page.getByRole("region", { name: "Devices", exact: true }).getByRole("row")
    const texts = await rows.allInnerTexts()
    expect(texts).toHaveLength(6)
    // Every device but the silent one is explained as well.
    for (const text of texts.slice(1))
      expect(text).toMatch(/(Waiting|Offered|Downloading|Downloaded|Succeeded|No-show)\s.*\w+ \w+ \w+/s)
    expect(await page.getByRole("region", { name: "Causes" }).getByText("mute").count()).toBe(1)
    await page.getByRole("region", { name: "Canary against the rest" }).first().waitFor()
    await page.getByRole("region", { name: "What was foretold" }).waitFor()
    expect(await faultsOf(story)).toEqual([])

    await page.getByRole("button", { name: "Roll back…" }).click()
    const back = page.getByRole("button", { name: "Roll back", exact: true })
    expect(await back.isDisabled()).toBe(true)
    await page.getByRole("textbox", { name: `Type ${id} to go on` }).fill(id)
    await back.click()
    await page.getByText("Aborted", { exact: true }).waitFor()
    const rollouts = await api.list("listRollouts", {})
    expect(rollouts.map(({ rollbackOf }) => rollbackOf)).toContain(id)
    // The one refusal that was provoked above is the browser's only complaint.
    expect(troubles).toHaveLength(1)
    expect(troubles[0]).toMatch(/^console: Failed to load resource: the server responded with a status of 4\d\d/)
    await page.context().close()
  })

  it("takes devices over from another rollout only when that is ticked, and a viewer can do nothing", async () => {
    const [release] = await api.list("listReleases", {})
    const taken = { releaseIds: [release?.id ?? ""], group: "id=mute", again: true, takeOver: true }
    const { id } = await api.call("startRollout", { body: taken })
    const { page } = await signIn(browser, server, wide)
    await page.goto(`${server.url}/rollouts/new?release=${release?.id}&group=id%3Dmute`)
    await page.getByRole("button", { name: "See what will happen" }).click()
    const start = page.getByRole("button", { name: "Start for 1 device" })
    await start.waitFor()
    expect(await start.isDisabled()).toBe(true)
    await page.getByRole("checkbox", { name: /^Take 1 device over/ }).check()
    expect(await start.isDisabled()).toBe(false)
    await page.context().close()

    const viewer = await visit(browser, await secondPerson("looker", "viewer"), wide)
    await viewer.page.goto(`${server.url}/rollouts/${id}`)
    for (const name of ["Pause", "Abort…", "Roll back…"]) {
      const button = viewer.page.getByRole("button", { name })
      await button.waitFor()
      expect(await button.isDisabled(), name).toBe(true)
      expect(await button.getAttribute("title")).toContain("takes the role operator")
    }
    expect(viewer.troubles).toEqual([])
    await viewer.page.context().close()
  })
})
