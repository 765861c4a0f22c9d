// `npm run check`: format, lint, types, walls and the fast tests. Run it before every commit.
import { runSteps } from "./run.js"

await runSteps([
  ["format", "biome", ["format", "."]],
  ["lint", "oxlint", ["--type-aware", "--deny-warnings", "."]],
  ["types", "tsc", ["-p", "tsconfig.json"]],
  ["build", "tsc", ["-p", "tsconfig.build.json"]],
  ["fast tests", "vitest", ["run", "--project", "fast"]],
])
