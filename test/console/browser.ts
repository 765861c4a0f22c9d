import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { type Browser, chromium, type Page } from "playwright-core"
import type { RunningServer } from "../../src/server/main.ts"

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

/** Runs in the page: whatever the policy forbids becomes an error of the console. */
const tellViolations = `document.addEventListener("securitypolicyviolation", (event) =>
  console.error("policy: " + event.violatedDirective + " " + event.blockedURI))`

/** Runs in the page. */
const findFaults = `(async () => {
  const { violations } = await axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] })
  const beside = document.documentElement.scrollWidth - innerWidth
  return [
    ...violations.map(({ id, nodes }) => "axe: " + id + ": " + nodes[0]?.html.slice(0, 200)),
    ...(beside > 0 ? ["the page is " + beside + " px too wide"] : []),
  ]
})()`

/** Debian's Chromium, with nothing that asks the network for itself. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  })
}

export interface Look {
  readonly width: number
  readonly height: number
  readonly theme: "light" | "dark"
}

export const looks: readonly Look[] = [
  { width: 1440, height: 900, theme: "light" },
  { width: 1440, height: 900, theme: "dark" },
  { width: 360, height: 740, theme: "light" },
  { width: 360, height: 740, theme: "dark" },
]

/** A page that is signed in, and what went wrong on it so far: console errors, failures, violations of the policy. */
export interface Visit {
  readonly page: Page
  readonly troubles: string[]
}

export function signIn(browser: Browser, server: Pick<RunningServer, "url" | "token">, look: Look): Promise<Visit> {
  return visit(browser, `${server.url}/#token=${server.token}`, look)
}

/** Opens a link in a browser of its own. */
export async function visit(browser: Browser, link: string, look: Look): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.theme,
    reducedMotion: "reduce",
  })
  const page = await context.newPage()
  const troubles: string[] = []
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") troubles.push(`console: ${message.text()}`)
  })
  page.on("pageerror", (error) => troubles.push(`failure: ${error.message}`))
  await page.addInitScript({ content: tellViolations })
  await page.goto(link)
  await page.locator("h1").waitFor()
  return { page, troubles }
}

/** What axe finds by WCAG 2.0 and 2.1, A and AA; and whether something scrolls sideways that should not. */
export async function faultsOf({ page }: Visit): Promise<readonly string[]> {
  await page.locator("h1").first().waitFor({ state: "attached" })
  // The policy allows no script from text: axe comes in past it, as the debugger does.
  const session = await page.context().newCDPSession(page)
  await session.send("Runtime.evaluate", { expression: axeSource })
  await session.detach()
  return page.evaluate<readonly string[]>(findFaults)
}
