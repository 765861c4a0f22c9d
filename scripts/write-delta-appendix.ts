// Writes docs/delta-format-appendix.md from what the decoder runs on.
import { writeFileSync } from "node:fs"
import { deltaAppendix } from "./delta-appendix.ts"

writeFileSync(new URL("../docs/delta-format-appendix.md", import.meta.url), `${deltaAppendix()}\n`)
