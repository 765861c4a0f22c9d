#!/usr/bin/env node
// better-sqlite3 runs `prebuild-install || node-gyp rebuild`: a binary from a release page, or a compilation with headers from
// another site. This stands in for the first: it compiles with the headers that came with the running Node, so that
// nothing is fetched from outside the registry; where there are no headers or no compiler, it does what was meant.
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"

const prefix = dirname(dirname(process.execPath))
const options = { stdio: "inherit" }

function compile() {
  if (!existsSync(join(prefix, "include", "node", "node_api.h"))) return false
  return spawnSync("node-gyp", ["rebuild", "--release", `--nodedir=${prefix}`], options).status === 0
}

function fetchBinary() {
  // Were this program found once more under the name it stands in for, it would call itself without end.
  if (process.env.WAFT_BUILDS_SQLITE !== undefined) return false
  const args = ["exec", "--yes", "--package=prebuild-install@7", "--", "prebuild-install", ...process.argv.slice(2)]
  return spawnSync("npm", args, { ...options, env: { ...process.env, WAFT_BUILDS_SQLITE: "1" } }).status === 0
}

process.exit(compile() || fetchBinary() ? 0 : 1)
