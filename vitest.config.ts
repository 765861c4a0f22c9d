import { defineConfig } from "vitest/config"

/**
 * Two projects: `fast` runs beside the code in seconds and is part of `npm run check`;
 * `whole` (console, journeys, faults, attack, interop) starts servers and foreign programs and is part of `npm test`.
 */
export default defineConfig({
  test: {
    // Vitest leaves one core free by itself; most of these tests wait for other programs rather than compute.
    maxWorkers: "100%",
    projects: [
      {
        test: {
          name: "fast",
          include: ["src/**/*.test.ts", "test/*.test.ts", "test/truth/*.test.ts", "test/contract/*.test.ts"],
          // Many times what any takes: on a busy machine no clock shall fail one.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "whole",
          include: ["console", "journeys", "faults", "attack", "interop"].map((room) => `test/${room}/**/*.test.ts`),
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
})
