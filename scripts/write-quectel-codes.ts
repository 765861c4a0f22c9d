import { readFileSync, writeFileSync } from "node:fs"
import { withTables } from "./quectel-codes.ts"

const page = new URL("../docs/protocols/quectel.md", import.meta.url)
writeFileSync(page, withTables(readFileSync(page, "utf8")))
