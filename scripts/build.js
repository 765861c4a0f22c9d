// Compiles src/ to dist/ (incremental: a second run takes a fraction of a second).
import { run } from "./run.js"

process.exit(await run("tsc", ["-p", "tsconfig.build.json"]))
