import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { runVirtual } from "../../src/virtual/main.ts"
import { serve, type Serving } from "../serving.ts"
import { sharedInput } from "../shared-inputs.ts"

let server: Serving
beforeAll(async () => {
  server = await serve()
})
afterAll(() => server.end("SIGTERM"))

describe("a real Waspmote program", () => {
  for (const name of ["awesome", "kami2"]) {
    const file = sharedInput(join("firmware", "waspmote", `${name}.hex`))
    it.skipIf(file === null)(
      `(${name}.hex, outside this repository) is published, fetched by curl byte for byte, and booted by a mote of each modem`,
      async () => {
        const { api, ftp } = server
        const release = await api.call("publishRelease", {
          query: { family: "waspmote", fileName: `${name}.hex`, version: "7" },
          body: readFileSync(file ?? ""),
        })
        const body = { releaseId: release.id, user: name, password: "secret" }
        await api.call("setChannel", { params: { name }, body })
        const files = await api.call("channelFiles", { params: { name } })
        const image = files.find(({ role }) => role === "image")
        const fetched = spawnSync("curl", ["-sS", "--fail", `ftp://${name}:secret@${ftp}/${image?.name}`], {
          maxBuffer: 1 << 20,
        })
        expect(fetched.stderr.toString()).toBe("")
        expect(fetched.stdout.equals(Buffer.from(image?.base64 ?? "", "base64"))).toBe(true)
        for (const model of ["4g", "3g", "gprs-pro", "gprs-gps", "wifi-pro"]) {
          const end = await runVirtual({
            family: "waspmote",
            model,
            server: { ftp, user: name, password: "secret" },
            speed: 1000,
            signal: AbortSignal.timeout(60_000),
            log: () => undefined,
          })
          expect(end.running).toMatchObject({ version: "7", program: image?.name })
        }
      },
    )
  }
})
