#!/usr/bin/env node
// better-sqlite3 runs `prebuild-install || node-gyp rebuild`: a binary from a release page, or a compilation with headers from
// another site. This stands in for the first: it compiles with the headers that came with the running Node and fetches nothing,
// so that what an installation runs is what the lock file pins, and npm's own node-gyp.
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"

const prefix = dirname(dirname(process.execPath))
const header = join(prefix, "include", "node", "node_api.h")

function fail(why) {
  process.stderr.write(`SQLite was not compiled: ${why}\n`)
  process.exit(1)
}

if (!existsSync(header)) {
  fail(
    `Node's headers are not at ${header}; install Node from nodejs.org's archive, or its headers (Debian: libnode-dev).`,
  )
}
const { status } = spawnSync("node-gyp", ["rebuild", "--release", `--nodedir=${prefix}`], { stdio: "inherit" })
if (status !== 0) fail("it takes a C++ compiler, make and Python 3 (Debian: apt-get install g++ make python3).")
