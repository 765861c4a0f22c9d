// Writes docs/reference.md from the tables that the program runs on.
import { writeFileSync } from "node:fs"
import { reference } from "./reference.ts"

writeFileSync(new URL("../docs/reference.md", import.meta.url), `${reference()}\n`)
