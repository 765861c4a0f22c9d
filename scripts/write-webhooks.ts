// Writes the catalogue of events into docs/webhooks.md from the table that the program runs on.
import { readFileSync, writeFileSync } from "node:fs"
import { eventCatalogue } from "./webhooks.ts"

const file = new URL("../docs/webhooks.md", import.meta.url)
const [before] = readFileSync(file, "utf8").split("<!-- events -->")
writeFileSync(file, `${before}<!-- events -->\n\n${eventCatalogue()}\n`)
