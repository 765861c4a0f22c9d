// Writes the tables of docs/agent-api.md, from the contract that server and agent run on.
import { readFileSync, writeFileSync } from "node:fs"
import { withTables } from "./agent-api.ts"

const page = new URL("../docs/agent-api.md", import.meta.url)
writeFileSync(page, withTables(readFileSync(page, "utf8")))
