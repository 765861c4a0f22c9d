import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"

/** Another compiler makes other, equally good programs. */
const programs = [
  { family: "waspmote", name: "greenhouse", compiler: "avr-gcc", version: "5.4.0", debian: "gcc-avr 5.4 and avr-libc" },
  {
    family: "pic32mzw1",
    name: "beacon",
    compiler: "mipsel-linux-gnu-gcc",
    version: "12",
    debian: "gcc-mipsel-linux-gnu 12",
  },
]

for (const { family, name, compiler, version, debian } of programs) {
  const demo = fileURLToPath(new URL(`../demo/${family}`, import.meta.url))
  const found = spawnSync(compiler, ["-dumpversion"], { encoding: "utf8" }).stdout?.trim()
  it.skipIf(found !== version)(`the demo's ${family} programs are what their source makes (needs ${debian})`, () => {
    const out = mkdtempSync(join(tmpdir(), "waft-demo-"))
    try {
      expect(spawnSync(process.execPath, [join(demo, "build.js"), out], { stdio: "inherit" }).status).toBe(0)
      for (const number of [1, 2, 3]) {
        const file = `${name}-${number}.hex`
        expect(readFileSync(join(out, file), "latin1"), file).toBe(readFileSync(join(demo, file), "latin1"))
      }
    } finally {
      rmSync(out, { recursive: true })
    }
  })
}
