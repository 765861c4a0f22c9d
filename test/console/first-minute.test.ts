import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { quiet, root } from "../serving.ts"
import { faultsOf, looks, openBrowser, visit } from "./browser.ts"

/** A newcomer's patience, ms. */
const minuteMs = 60_000

let folder: string
let browser: Browser
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-first-"))
  browser = await openBrowser()
})
afterAll(async () => {
  await browser.close()
  rmSync(folder, { recursive: true, force: true })
})

/** What `npm start` runs, on a terminal, with a data folder and ports that disturb nobody; resolves with the link that it prints. */
async function npmStart(data: string): Promise<{ readonly link: string; readonly end: () => Promise<void> }> {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly scripts: { readonly start: string }
  }
  const flags = Object.entries(quiet).map(([name, value]) => `--${name} ${value}`)
  const command = `exec ${scripts.start} --data ${data} ${flags.join(" ")}`
  const child = spawn("script", ["-qec", command, "/dev/null"], { cwd: root, stdio: ["ignore", "pipe", "inherit"] })
  const link = await linkOf(child)
  const end = (): Promise<void> =>
    new Promise((resolve) => {
      child.once("exit", () => resolve())
      child.kill("SIGTERM")
    })
  return { link, end }
}

function linkOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) throw new Error("the terminal's output is not piped")
    createInterface({ input: child.stdout }).on("line", (line) => {
      const link = /^console (\S+)/.exec(line)?.[1]
      if (link !== undefined) resolve(link)
    })
    child.once("exit", (code) => reject(new Error(`the server ended with ${code} before it printed its link`)))
  })
}

describe("the first minute", () => {
  it("goes from the link of npm start to five updated devices, without a word of explanation", async () => {
    const server = await npmStart(join(folder, "data"))
    try {
      const beganAt = performance.now()
      const look = looks[0] ?? { width: 1440, height: 900, theme: "light" }
      const seen = await visit(browser, server.link, look)
      const { page, troubles } = seen
      await page.getByRole("heading", { name: "No devices yet" }).waitFor()
      expect(page.url()).not.toContain("token")
      expect(await faultsOf(seen)).toEqual([])
      await page.getByRole("button", { name: "Start 5 virtual devices" }).click()
      await page.getByRole("heading", { name: "5 devices wait for your word" }).waitFor({ timeout: minuteMs })
      const plan = page.getByRole("region", { name: "What will happen" })
      expect(await plan.getByRole("row").count()).toBe(6)
      expect(await faultsOf(seen)).toEqual([])
      await plan.getByRole("button", { name: "Start" }).click()
      await page.getByRole("img", { name: "the gate is closed" }).waitFor({ timeout: minuteMs })
      await page
        .getByRole("region", { name: "canary" })
        .getByRole("img", { name: "1 succeeded" })
        .waitFor({ timeout: minuteMs })
      await page.getByRole("img", { name: "the gate is open" }).waitFor({ timeout: minuteMs })
      const done = "All 5 run version 2 (concluded: a mote reports nothing)"
      await page.getByRole("heading", { name: done }).waitFor({ timeout: minuteMs })
      expect(performance.now() - beganAt).toBeLessThan(minuteMs)
      expect(await page.getByRole("region", { name: "What next" }).getByRole("link").count()).toBe(3)
      expect(await faultsOf(seen)).toEqual([])
      await page.getByRole("button", { name: "Remove the virtual devices" }).click()
      await page.getByRole("heading", { name: "No devices yet" }).waitFor()
      expect(troubles).toEqual([])
      await page.context().close()
    } finally {
      await server.end()
    }
  })
})
