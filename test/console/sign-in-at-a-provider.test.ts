import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { client } from "../../src/cli/api-client.ts"
import type { RunningServer } from "../../src/server/main.ts"
import { clientSecret, startProvider, type TestProvider } from "../identity-provider.ts"
import { startHere } from "../start-here.ts"
import { faultsOf, openBrowser } from "./browser.ts"

let folder: string
let server: RunningServer
let provider: TestProvider
let browser: Browser

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-console-provider-"))
  // Another site than the server's: a cookie that is `Strict` does not come along from there.
  provider = await startProvider("localhost")
  const secret = join(folder, "secret")
  writeFileSync(secret, `${clientSecret}\n`)
  server = await startHere(join(folder, "data"), {
    "oidc-issuer": provider.issuer,
    "oidc-client-id": "waft",
    "oidc-client-secret-file": secret,
  })
  provider.know(server.url)
  const body = { name: "rita", role: "releaser", subject: "p-1" } as const
  await client(server.url, server.token).call("createUser", { body })
  browser = await openBrowser()
})

afterAll(async () => {
  await browser.close()
  await server.close()
  await provider.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Begins at the console's button, types a name at the provider and agrees there. */
async function signInAs(name: string): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
  await page.goto(server.url)
  await page.getByRole("link", { name: `Sign in with ${new URL(provider.issuer).host}` }).click()
  await page.locator("input[name=login]").fill(name)
  await page.locator("input[name=password]").fill("any")
  await page.locator("[type=submit]").click()
  await page.waitForLoadState()
  await page.locator("[type=submit]").click()
  await page.waitForURL(`${server.url}/**`)
  return page
}

describe("the button of the identity provider", () => {
  it("signs in whom the provider knows as a user here", async () => {
    const page = await signInAs("p-1")
    await page.locator("h1:not(.visually-hidden)").waitFor()
    expect(await page.getByText("Sign in to Waft").count()).toBe(0)
    const cookies = await page.context().cookies(server.url)
    expect(cookies.map(({ name, httpOnly, sameSite }) => [name.replace(/-\w+$/, ""), httpOnly, sameSite])).toEqual([
      ["waft", true, "Strict"],
    ])
    await page.context().close()
  })

  it("says to whomever has no rights here that they have none", async () => {
    const page = await signInAs("p-2")
    await page.getByRole("alert").waitFor()
    expect(await page.getByRole("alert").textContent()).toContain("you have no rights here")
    expect(new URL(page.url()).hash).toBe("")
    expect(await faultsOf({ page, troubles: [] })).toEqual([])
    await page.context().close()
  })
})
