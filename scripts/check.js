// `npm run check`: format, lint, types, walls and the fast tests. Run it before every commit.
import { buildSteps, runSteps } from "./run.js"

await runSteps([
  ["format", "biome", ["format", "."]],
  ["lint", "oxlint", ["--type-aware", "--deny-warnings", "."]],
  ["types", "tsc", ["-p", "tsconfig.json"]],
  ["console types", "tsc", ["-p", "src/console/tsconfig.json"]],
  ...buildSteps,
  ["fast tests", "vitest", ["run", "--project", "fast"]],
])
