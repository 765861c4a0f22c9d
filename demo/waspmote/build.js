// Builds greenhouse-1.hex to -3.hex from greenhouse.c with Debian's gcc-avr, binutils-avr and avr-libc:
//   node demo/waspmote/build.js [output folder]
// The files are committed, so nobody needs the compiler to run the demo or the tests.
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const here = dirname(fileURLToPath(import.meta.url))
const out = process.argv[2] ?? here
const scratch = mkdtempSync(join(tmpdir(), "greenhouse-"))

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: here, stdio: "inherit" })
  if (status !== 0) throw new Error(`${command} failed`)
}

try {
  for (const version of [1, 2, 3]) {
    const elf = join(scratch, `greenhouse-${version}.elf`)
    const define = `-DPROGRAM_VERSION=${version}`
    run("avr-gcc", ["-mmcu=atmega1281", "-std=c11", "-Os", "-Wall", "-Werror", define, "greenhouse.c", "-o", elf])
    run("avr-objcopy", ["-O", "ihex", "-R", ".eeprom", elf, join(out, `greenhouse-${version}.hex`)])
  }
} finally {
  rmSync(scratch, { recursive: true })
}
