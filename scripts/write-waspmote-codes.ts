// Writes the tables of return codes into docs/protocols/waspmote.md, from the code that produces them.
import { readFileSync, writeFileSync } from "node:fs"
import { withTables } from "./waspmote-codes.ts"

const page = new URL("../docs/protocols/waspmote.md", import.meta.url)
writeFileSync(page, withTables(readFileSync(page, "utf8")))
