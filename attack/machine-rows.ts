import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { applyPatch, DeltaError, makePatch } from "../src/core/delta/index.ts"
import { firmwarePair } from "../src/core/delta/firmware.testing.ts"
import { waft } from "../test/attack/run-waft.ts"
import { type Attack, crowd, first, managementOf, pause, portOf, send } from "./tools.ts"

const damaged: Attack = {
  row: 13,
  what: "an image in the store that is damaged",
  run: async ({ server, signal }) => {
    const query = { family: "quectel", fileName: "p.zip", version: "B", models: "AG35", options: '{"from":"A"}' }
    const release = await server.api.call("publishRelease", {
      query,
      body: Buffer.alloc(100_000, signal.aborted ? 1 : 2),
    })
    const access = await server.api.call("addDevice", { body: { id: "damaged", family: "quectel", model: "AG35" } })
    const work = async (): Promise<string> => {
      const headers = { authorization: `Bearer ${access.agent?.token ?? ""}` }
      return (await fetch(`http://${server.deviceHttp}/agent/v1/work?version=A&wait=10`, { headers })).text()
    }
    await work()
    await server.api.call("startRollout", { body: { releaseIds: [release.id], group: "id=damaged" } })
    const [, user = "", secret = "", name = ""] = /\/\/(\w+):(\w+)@[^/]+\/([^"\\]+)/.exec(await work()) ?? []
    const image = join(server.data, "images", release.sha256)
    const whole = readFileSync(image)
    writeFileSync(image, "nothing of the kind")
    const get = `http://${server.deviceHttp}/p/${user}${secret}/${name}`
    for (let n = 0; n < 6; n++) await (await fetch(get)).arrayBuffer()
    await pause(500)
    const events = JSON.stringify(await server.api.call("listEvents", { query: { limit: 200, backwards: true } }))
    // The rows behind this one are about other things: a backup names a damaged image and is none.
    writeFileSync(image, whole)
    return first(
      !events.includes(release.sha256) && "no event names the image",
      events.includes("update.declined") && "it was held against the device",
    )
  },
}

/** Commands that must be refused, on copies of the data folder. */
const emptied: Attack = {
  row: 14,
  what: "a data folder whose database is missing or empty",
  run: async ({ server }) => {
    const copy = mkdtempSync(join(tmpdir(), "waft-attack-"))
    mkdirSync(join(copy, "images"))
    for (const name of readdirSync(join(server.data, "images")).slice(0, 1)) {
      cpSync(join(server.data, "images", name), join(copy, "images", name))
    }
    const start = () => waft("serve", "--data", copy, "--http", "127.0.0.1:0", "--ftp", "127.0.0.1:0")
    const missing = await start()
    writeFileSync(join(copy, "waft.db"), "")
    const empty = await start()
    return first(
      missing.code === 0 && "it began anew without its database",
      empty.code === 0 && "it began anew with an empty one",
    )
  },
}

const readable: Attack = {
  row: 15,
  what: "another user of the machine who reads the data folder",
  run: async ({ server }) => {
    const open = ["", "waft.db", "waft.db-wal", "admin-token", "images"].filter(
      (name) => (statSync(join(server.data, name)).mode & 0o077) !== 0,
    )
    return open.length === 0 ? null : `others may read ${open.join(", ")}`
  },
}

const backups: Attack = {
  row: 16,
  what: "a backup of the server that runs, and one that is damaged",
  run: async ({ server }) => {
    const folder = mkdtempSync(join(tmpdir(), "waft-attack-"))
    const good = join(folder, "good.tar")
    const taken = await waft("backup", good, "--data", server.data)
    if (taken.code !== 0) return `no backup was taken: ${taken.errors}`
    const restored = await waft("restore", good, "--data", join(folder, "restored"))
    cpSync(good, join(folder, "cut.tar"))
    truncateSync(join(folder, "cut.tar"), Math.floor(statSync(good).size / 2))
    const cut = await waft("restore", join(folder, "cut.tar"), "--data", join(folder, "cut"))
    return first(
      restored.code !== 0 && `it was not restored: ${restored.errors}`,
      cut.code === 0 && "half a backup was restored",
    )
  },
}

const promises: Attack = {
  row: 17,
  what: "a patch that promises an image and ends early",
  run: () => {
    const { oldBytes, newBytes } = firmwarePair(64)
    const { patch } = makePatch(oldBytes, newBytes, { profile: "std" })
    const began = performance.now()
    applyPatch(patch, oldBytes)
    const whole = performance.now() - began
    const cutAt = performance.now()
    try {
      applyPatch(patch.subarray(0, patch.length >> 1), oldBytes)
      return Promise.resolve("half a patch was applied")
    } catch (error) {
      const took = performance.now() - cutAt
      if (!(error instanceof DeltaError)) return Promise.resolve(`it failed with ${String(error)}`)
      return Promise.resolve(took > whole + 50 ? `it took ${took.toFixed(0)} ms to notice` : null)
    }
  },
}

/** 11 MB of Intel HEX, sound to its end: one octet a record, the dearest that a reader can be given. */
function longHex(): Buffer {
  const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, "0")
  const record = (offset: number, kind: number, data: readonly number[]): string => {
    const octets = [data.length, offset >> 8, offset & 0xff, kind, ...data]
    const sum = -octets.reduce((all, octet) => all + octet, 0) & 0xff
    return `:${[...octets, sum].map((octet) => hex(octet, 2)).join("")}\n`
  }
  const lines: string[] = []
  for (let at = 0; at < 780_000; at++) {
    const address = 0x1001_0000 + at
    if (address % 0x10000 === 0) lines.push(record(0, 4, [address >>> 24, (address >>> 16) & 0xff]))
    lines.push(record(address & 0xffff, 0, [0xa5]))
  }
  return Buffer.from([...lines, record(0, 1, [])].join(""))
}

const hex = longHex()
const turns: Attack = {
  row: 18,
  what: "long uploads, and a connection that sends thousands of requests ahead",
  run: async ({ server, signal }) => {
    const query = { family: "pic32mzw1", fileName: "big.hex", version: "1" }
    const body = hex
    const request = "GET /d/nobody/ota.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2000)
    await Promise.all([
      crowd(1, signal, () => server.api.call("publishRelease", { query, body })),
      crowd(3, signal, () => send(portOf(server.deviceHttp), request, { ms: 3000 })),
      crowd(1, signal, () => send(portOf(managementOf(server)), request, { ms: 3000 })),
    ])
    return null
  },
}

/** Attacks by files and by the machine. */
export const machineRows: readonly Attack[] = [damaged, emptied, readable, backups, promises, turns]
