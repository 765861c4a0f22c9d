import { afterEach, expect, it } from "vitest"
import type { DeltaView } from "../../src/core/contract/schemas.ts"
import { numbers } from "../../src/core/delta/firmware.testing.ts"
import { boardImage, nextImage } from "../../src/core/families/pic32mzw1/device/board.testing.ts"
import { newFolder, serve, type Serving } from "../serving.ts"

let server: Serving | null = null
afterEach(async () => {
  await server?.end("SIGKILL")
  server = null
})

async function publish({ api }: Serving, version: number, image: Uint8Array): Promise<string> {
  const query = { family: "pic32mzw1", fileName: `app-${version}.bin`, version: String(version) }
  return (await api.call("publishRelease", { query, body: image })).id
}

async function settled({ api }: Serving, id: string): Promise<readonly DeltaView[]> {
  for (let tries = 0; tries < 600; tries++) {
    const deltas = await api.list("releaseDeltas", { params: { id } })
    if (deltas.every(({ state }) => state !== "waiting" && state !== "running")) return deltas
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error("the patches were never made")
}

it("a server killed with kill -9 while it makes patches makes them after its next start, and no hopeless one again", async () => {
  const data = newFolder()
  const image = boardImage(2, { codeBytes: 700_000 })
  const noise = boardImage(3, { codeBytes: 60_000 })
  const next = numbers(3)
  for (let at = 4196; at < noise.length; at++) noise[at] = next() & 255
  server = await serve({ data })
  await publish(server, 2, image)
  const hopeless = await publish(server, 3, noise)
  expect(await settled(server, hopeless)).toMatchObject([{ fromVersion: "2", state: "no-gain" }])
  const third = await publish(server, 5, nextImage(image, 5))
  await server.end("SIGKILL")
  server = await serve({ data })
  const made = await settled(server, third)
  const ends = made.map(({ fromVersion, state }) => `${fromVersion} ${state}`)
  expect(ends.toSorted()).toEqual(["2 done", "3 done"])
  const before = await server.api.list("listEvents", {})
  await server.end("SIGKILL")
  server = await serve({ data })
  expect(await settled(server, third)).toEqual(made)
  expect(await settled(server, hopeless)).toMatchObject([{ state: "no-gain" }])
  const events = await server.api.list("listEvents", {})
  expect(events).toEqual(before)
  expect(events.filter(({ kind }) => kind === "delta.no-gain")).toHaveLength(1)
})
