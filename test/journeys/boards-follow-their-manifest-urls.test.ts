import { mkdtempSync, rmSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type ApiClient, client } from "../../src/cli/api-client.ts"
import { boardImage, digestOf, nextImage } from "../../src/core/families/pic32mzw1/device/board.testing.ts"
import type { RunEnd } from "../../src/core/families/family.ts"
import type { RunningServer } from "../../src/server/main.ts"
import { listFaults, runVirtual } from "../../src/virtual/main.ts"
import { startHere } from "../start-here.ts"

let folder: string
let server: RunningServer
let api: ApiClient

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-boards-"))
  await start()
})

afterEach(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

async function start(): Promise<void> {
  server = await startHere(join(folder, "data"), { "device-speed": "2000" })
  api = client(server.url, server.token)
}

async function addBoard(id: string, model = "v3.8"): Promise<string> {
  const { manifestUrl } = await api.call("addDevice", { body: { id, family: "pic32mzw1", model } })
  expect(manifestUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/d\/url-[a-z0-9]{20}\/ota\.json$/)
  return manifestUrl ?? ""
}

async function publish(version: number, image = boardImage(version)): Promise<string> {
  const query = { family: "pic32mzw1", fileName: `app-${version}.bin`, version: String(version) }
  return (await api.call("publishRelease", { query, body: image })).id
}

/** A board's own request: its only header is Host. */
function asBoard(url: string): Promise<string> {
  const { hostname, port, pathname } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
    })
    socket.once("error", reject)
    socket.once("data", (answer: Buffer) => {
      socket.end()
      resolve(answer.toString("latin1").split("\r\n\r\n")[1] ?? "")
    })
  })
}

async function show(id: string) {
  return api.call("showDevice", { params: { id } })
}

/** Switches a board on and lets it poll until something holds. */
async function powerUntil(
  board: {
    readonly id: string
    readonly url: string
    readonly model?: string
    readonly fault?: string
    readonly lines?: string[]
    readonly everyMs?: number
  },
  holds: (view: Awaited<ReturnType<typeof show>>) => boolean,
): Promise<readonly RunEnd[]> {
  const off = new AbortController()
  const ends: RunEnd[] = []
  const running = runVirtual({
    family: "pic32mzw1",
    model: board.model ?? "v3.8",
    server: { url: board.url },
    state: join(folder, board.id),
    everyMs: board.everyMs ?? 50,
    speed: 1000,
    signal: off.signal,
    log: (line) => board.lines?.push(line),
    onEnd: (end) => ends.push(end),
    ...(board.fault === undefined ? {} : { fault: board.fault }),
  })
  try {
    for (let tries = 0; !holds(await show(board.id)); tries++) {
      if (tries > 300)
        throw new Error(`${JSON.stringify(await show(board.id))} after ${JSON.stringify(ends.slice(-5))}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  } finally {
    off.abort()
    await running.catch(() => undefined)
  }
  return ends
}

describe("boards", () => {
  it("follow a rollout by their own manifest URLs, and the server concludes that they run it", async () => {
    const boards = [
      { id: "board-1", url: await addBoard("board-1"), model: "v3.8" },
      { id: "board-2", url: await addBoard("board-2", "v3.5"), model: "v3.5" },
    ]
    const release = await publish(2)
    const rollout = await api.call("startRollout", { body: { group: null, releaseIds: [release] } })
    for (const board of boards) {
      await powerUntil(board, ({ update }) => update?.state === "succeeded")
      expect(await show(board.id)).toMatchObject({ running: { version: "2", evidence: "concluded" } })
    }
    expect(await api.call("showRollout", { params: { id: rollout.id } })).toMatchObject({ state: "succeeded" })
  })

  it("keep a server that was killed and started again at its word", async () => {
    const board = { id: "board-1", url: await addBoard("board-1") }
    await api.call("startRollout", { body: { group: null, releaseIds: [await publish(2)] } })
    await powerUntil(board, ({ update }) => update?.state === "downloaded" || update?.state === "succeeded")
    const { port } = new URL(board.url)
    await server.close()
    await start()
    const url = board.url.replace(`:${port}/`, `:${server.listeners["device-http"]?.split(":")[1]}/`)
    await powerUntil({ ...board, url }, ({ update }) => update?.state === "succeeded")
    expect((await show("board-1")).running.version).toBe("2")
  })

  it("that fetch again and again end their update: the program's version constant is too low", async () => {
    const board = { id: "board-1", url: await addBoard("board-1"), everyMs: 400 }
    await api.call("startRollout", { body: { group: null, releaseIds: [await publish(5, boardImage(3))] } })
    const ends = await powerUntil(board, ({ update }) => update?.state === "failed")
    expect(ends.filter((end) => end.code === "DB_ENTRY_SUCCESS").length).toBeGreaterThanOrEqual(4)
    const { update, explain } = await show("board-1")
    expect(update?.sentence).toContain("version constant")
    expect(explain).toContain("version constant")
    const after = await powerUntil(board, () => true)
    expect(after.every((end) => end.code !== "DB_ENTRY_SUCCESS")).toBe(true)
  })

  it("that fall silent after a broken download are explained: the board waits for a reset", async () => {
    const board = { id: "board-1", url: await addBoard("board-1"), fault: "image-corrupt" }
    await api.call("startRollout", { body: { group: null, releaseIds: [await publish(2)], silenceTimeoutMs: 3000 } })
    await powerUntil(board, ({ update }) => update?.state === "no-show")
    expect((await show("board-1")).explain).toContain("the board waits for a reset")
    const reset = { id: "board-1", url: board.url }
    const releaseIds = [(await api.list("listReleases", {}))[0]?.id ?? ""]
    await api.call("startRollout", { body: { group: null, releaseIds } })
    await powerUntil(reset, ({ update }) => update?.state === "succeeded")
  })

  it("delete a withdrawn release from their stores when told to, and follow the next one after a reset", async () => {
    const board = { id: "board-1", url: await addBoard("board-1") }
    const release = await publish(12)
    await api.call("startRollout", { body: { group: null, releaseIds: [release] } })
    await powerUntil(board, ({ update }) => update?.state === "succeeded")
    await api.call("withdrawRelease", { params: { id: release }, query: { erase: true } })
    const events = async () => (await api.list("listEvents", {})).map((event) => event.kind)
    expect(await events()).toContain("device.erase-ordered")
    // A person at a desk may look at the order; only the board's own look takes it.
    expect(JSON.parse(await (await fetch(board.url)).text())).toMatchObject({ ota: [{ Version: 18, EraseVer: true }] })
    expect(JSON.parse(await asBoard(board.url))).toMatchObject({ ota: [{ Version: 18, EraseVer: true }] })
    for (let tries = 0; !(await events()).includes("device.erase-read") && tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(JSON.parse(await (await fetch(board.url)).text())).toMatchObject({ ota: [{ Version: 1, EraseVer: false }] })
  })

  it("share a channel: its URL offers one release to whoever comes", async () => {
    const release = await publish(2)
    const channel = await api.call("setChannel", { params: { name: "lab" }, body: { releaseId: release } })
    const end = await runVirtual({
      family: "pic32mzw1",
      model: "v3.8",
      server: { url: channel.manifestUrl ?? "" },
      speed: 1000,
      signal: new AbortController().signal,
      log: () => undefined,
    })
    expect(end).toMatchObject({ code: "DB_ENTRY_SUCCESS", running: { version: "2" } })
  })

  it("take a patch that was made in the background instead of the image, once they run what it begins from", async () => {
    const board = { id: "board-1", url: await addBoard("board-1") }
    const image = boardImage(2, { codeBytes: 120_000 })
    await api.call("startRollout", { body: { group: null, releaseIds: [await publish(2, image)] } })
    await powerUntil(board, ({ update }) => update?.state === "succeeded")
    const next = nextImage(image, 3)
    const release = await publish(3, next)
    const deltas = () => api.list("releaseDeltas", { params: { id: release } })
    for (let tries = 0; (await deltas())[0]?.state !== "done" && tries < 200; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(await deltas()).toMatchObject([
      { fromVersion: "2", toVersion: "3", devices: 1, state: "done", imageBytes: next.length, format: "jojodiff" },
    ])
    await api.call("startRollout", { body: { group: null, releaseIds: [release] } })
    const { update } = await show("board-1")
    expect(update?.offerReason).toContain("patch")
    const manifest = JSON.parse(await (await fetch(board.url)).text()) as { ota: { Patch?: unknown[] }[] }
    expect(manifest.ota[0]?.Patch).toMatchObject([{ BaseVersion: 2, TargetDigest: digestOf(next) }])
    const lines: string[] = []
    const ends = await powerUntil({ ...board, lines }, (view) => view.update?.state === "succeeded")
    expect(lines.join("\n")).toContain("PATCH_EVENT_COMPLETED")
    expect(ends.at(-1)?.running.version).toBe("3")
    expect((await show("board-1")).running).toEqual({ version: "3", evidence: "concluded" })
    const kinds = (await api.list("listEvents", {})).map(({ kind }) => kind)
    expect(kinds).toContain("delta.done")
    expect(kinds.filter((kind) => kind === "update.transfer-started")).toHaveLength(2)
  })

  it("end in the code of their fault, every one of them, over the real wire", async () => {
    const release = await publish(2)
    const { manifestUrl } = await api.call("setChannel", { params: { name: "lab" }, body: { releaseId: release } })
    const faults = listFaults("pic32mzw1")
    const ends = await Promise.all(
      faults.map(({ fault }) =>
        runVirtual({
          family: "pic32mzw1",
          model: "v3.8",
          server: { url: manifestUrl ?? "" },
          speed: 100,
          signal: new AbortController().signal,
          log: () => undefined,
          fault,
        }),
      ),
    )
    expect(ends.map(({ code, words }) => ({ code, words }))).toEqual(faults.map(({ code, words }) => ({ code, words })))
  })
})
