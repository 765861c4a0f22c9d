// Compiles src/ to dist/ (incremental: a second run takes a fraction of a second), and the web console to dist/console.
import { buildSteps, runSteps } from "./run.js"

await runSteps(buildSteps)
