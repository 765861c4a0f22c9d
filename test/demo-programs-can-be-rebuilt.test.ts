import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"

const demo = fileURLToPath(new URL("../demo/waspmote", import.meta.url))
/** Another compiler makes other, equally good programs. */
const compiler = spawnSync("avr-gcc", ["-dumpversion"], { encoding: "utf8" }).stdout?.trim()
const isOurs = compiler === "5.4.0"

it.skipIf(!isOurs)("the demo's Waspmote programs are what their source makes (needs gcc-avr 5.4 and avr-libc)", () => {
  const out = mkdtempSync(join(tmpdir(), "waft-demo-"))
  try {
    expect(spawnSync(process.execPath, [join(demo, "build.js"), out], { stdio: "inherit" }).status).toBe(0)
    for (const version of [1, 2, 3]) {
      const name = `greenhouse-${version}.hex`
      expect(readFileSync(join(out, name), "latin1"), name).toBe(readFileSync(join(demo, name), "latin1"))
    }
  } finally {
    rmSync(out, { recursive: true })
  }
})
