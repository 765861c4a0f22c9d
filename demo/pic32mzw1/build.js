// Builds beacon-1.hex to -3.hex from beacon.c and start.S with Debian's gcc-mipsel-linux-gnu:
//   node demo/pic32mzw1/build.js [output folder]
// The files are committed, so nobody needs the compiler to run the demo or the tests.
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const here = dirname(fileURLToPath(import.meta.url))
const out = process.argv[2] ?? here
const scratch = mkdtempSync(join(tmpdir(), "beacon-"))
const cpu = ["-EL", "-march=mips32r2", "-msoft-float", "-mno-abicalls", "-fno-pic", "-G0"]
const bare = ["-ffreestanding", "-nostdlib", "-fno-stack-protector", "-std=gnu11", "-Os", "-Wall", "-Wextra", "-Werror"]
const link = ["-static", "-Wl,--build-id=none", "-Wl,-T,ota-slot.ld", "-Wl,-z,max-page-size=4096"]

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: here, stdio: "inherit" })
  if (status !== 0) throw new Error(`${command} failed`)
}

try {
  for (const version of [1, 2, 3]) {
    const elf = join(scratch, `beacon-${version}.elf`)
    const define = `-DPROGRAM_VERSION=${version}`
    run("mipsel-linux-gnu-gcc", [...cpu, ...bare, ...link, define, "start.S", "beacon.c", "-o", elf])
    // Physical addresses, as MPLAB writes them: 0xB0020000 becomes 0x10020000.
    const hex = join(out, `beacon-${version}.hex`)
    run("mipsel-linux-gnu-objcopy", ["-O", "ihex", "--change-addresses", "0x60000000", elf, hex])
  }
} finally {
  rmSync(scratch, { recursive: true })
}
