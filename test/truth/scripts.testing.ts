import { readFileSync } from "node:fs"
import { boardImage } from "../../src/core/families/pic32mzw1/device/board.testing.ts"
import type { Family, OfferedImage } from "../../src/core/families/family.ts"
import { families } from "../../src/core/families/index.ts"
import { RouteTable } from "../../src/core/families/route-table.ts"
import { MemoryStorage } from "../../src/core/families/memory-storage.ts"
import { MemoryNet } from "../../src/core/families/testing/memory-net.testing.ts"
import { type SmallFtpView, startSmallFtpServer } from "../../src/core/families/testing/small-ftp-server.testing.ts"
import { testBody } from "../../src/core/families/testing/test-body.testing.ts"
import type { ByteStream } from "../../src/core/families/body.ts"
import { concat, fromLatin1, hex, latin1 } from "../../src/core/kit/bytes.ts"
import { sha256 } from "../../src/core/kit/sha256.ts"
import { LinkError } from "../../src/core/families/body.ts"

/** One thing that a contact of a virtual device showed on the wire, `at` milliseconds after its beginning. */
export type Sight = { readonly at: number; readonly session: number } & (
  | { readonly kind: "opened" }
  | { readonly kind: "closed"; readonly isPolite: boolean }
  | { readonly kind: "asked"; readonly about: "notice" | "image" }
  | { readonly kind: "read" }
  | { readonly kind: "started" }
  | { readonly kind: "ended"; readonly to: number; readonly sent: number; readonly whole: boolean }
)

/** A contact as a virtual device really makes it: what the wire shows, and what is true afterwards. */
export interface Script {
  readonly fault: string
  readonly sights: readonly Sight[]
  /** The device runs the release afterwards. */
  readonly runs: boolean
  /** It makes no further contact until somebody resets it. */
  readonly waits: boolean
}

/** All contacts that a model can make: those of a device that runs the old program, and of one that runs the release. */
export interface ModelScripts {
  readonly family: Family
  readonly model: string
  readonly offer: OfferedImage & { readonly version: string }
  readonly old: readonly Script[]
  readonly new: readonly Script[]
}

const release = "2"

function uploadOf(family: string, model: string) {
  const bytes =
    family === "waspmote"
      ? readFileSync(new URL("../../demo/waspmote/greenhouse-2.hex", import.meta.url))
      : boardImage(2, { model })
  return {
    fileName: family === "waspmote" ? "PROG001.hex" : "v2.bin",
    bytes,
    version: release,
    models: [],
    options: {},
  }
}

/** Models of families whose devices report nothing, and that have a device in software. */
export const pullModels: readonly { readonly family: Family; readonly model: string }[] = families
  .filter(({ pull }) => Number.isFinite(pull.quietContacts.whole) && Number.isFinite(pull.contactsToDecline))
  .flatMap((family) => {
    const own = new Set(family.device.faults.map((row) => row.model).filter((model) => model !== "any"))
    const models = family.models.filter(({ id, isUnusual }) => isUnusual !== true && (own.size === 0 || own.has(id)))
    return models.map(({ id }) => ({ family, model: id }))
  })

/** Lets the model's virtual device make every contact that it has a fault for, from both states. */
export async function recordScripts(family: Family, model: string): Promise<ModelScripts> {
  const published = family.publish(uploadOf(family.id, model))
  if (!published.ok) throw new Error(published.faults.map(({ sentence }) => sentence).join(" "))
  const image = { sha256: hex(sha256(published.image)), sizeBytes: published.image.length }
  const plan = family.planOffer({
    device: { id: "d", model, familyState: {}, runningVersion: null },
    release: { version: release, details: published.details },
    image,
  })
  if (!plan.ok) throw new Error(plan.sentence)
  const bench: Bench = { family, model, offered: { offer: plan.offer, image }, image: published.image }
  const faults = [
    "none",
    ...family.device.faults
      .filter((row) => (row.model === model || row.model === "any") && row.fault !== "none")
      .map(({ fault }) => fault),
  ]
  const all = async (isNew: boolean): Promise<Script[]> => {
    const scripts: Script[] = []
    for (const fault of faults) {
      const storage = new MemoryStorage()
      if (isNew) await contact(bench, storage, "none")
      scripts.push(await contact(bench, storage, fault))
    }
    return scripts
  }
  return {
    family,
    model,
    offer: { ...bench.offered, version: release },
    old: await all(false),
    new: await all(true),
  }
}

interface Bench {
  readonly family: Family
  readonly model: string
  readonly offered: OfferedImage
  readonly image: Uint8Array
}

async function contact(bench: Bench, storage: MemoryStorage, fault: string): Promise<Script> {
  const { family, model } = bench
  const net = new MemoryNet()
  const body = testBody({ net, storage })
  const wire = new Wire(bench, body.clock.now)
  const ftp = startSmallFtpServer(net, { login: () => wire.view(), aliases: family.ftp?.directoryAliases ?? [] })
  const http: number = net.listen((stream) => void wire.serveHttp(stream, http))
  const ram = new Map<string, unknown>()
  const end = await family.device.run(body, {
    model,
    server: {
      ...{ ftp: `127.0.0.1:${ftp.port}`, user: "ota", password: "libelium" },
      url: `http://127.0.0.1:${http}/d/k/ota.json`,
    },
    fault: fault === "none" ? null : fault,
    // Time passes by itself, but the network's own patience is real.
    speed: 1,
    ram,
    signal: new AbortController().signal,
  })
  net.breakAll()
  // What the servers have not noticed yet of the device's end.
  for (let round = 0; round < 20; round++) await new Promise((resolve) => setImmediate(resolve))
  const service = ram.get("ota-service") as { readonly idle?: unknown } | undefined
  const waits = service?.idle !== undefined && service.idle !== null
  return { fault, sights: wire.sights, runs: end.running.version === release, waits }
}

/** Writes down what a server sees of one contact. */
class Wire {
  readonly sights: Sight[] = []
  readonly #bench: Bench
  readonly #now: () => number
  #sessions = 0

  constructor(bench: Bench, now: () => number) {
    this.#bench = bench
    this.#now = now
  }

  #see(session: number, sight: Omit<Sight, "at" | "session"> & { readonly kind: Sight["kind"] }): void {
    this.sights.push({ at: this.#now(), session, ...sight } as Sight)
  }

  view(): SmallFtpView {
    const session = ++this.#sessions
    this.#see(session, { kind: "opened" })
    let isPolite = false
    return {
      hear: (verb) => {
        if (verb === "QUIT") isPolite = true
      },
      find: (path) => {
        const name = path.split("/").findLast((part) => part !== "") ?? ""
        const file = this.#bench.family.ftp?.files(this.#bench.offered).find((offered) => offered.name === name)
        if (file === undefined) return null
        this.#see(session, { kind: "asked", about: file.role } as Sight)
        const bytes = file.role === "notice" ? file.content : this.#bench.image
        return {
          sizeBytes: bytes.length,
          open: () => {
            if (file.role === "image") this.#see(session, { kind: "started" })
            let sent = 0
            return {
              read: (offset, most) => {
                sent = Math.min(bytes.length, offset + most)
                return bytes.subarray(offset, offset + most)
              },
              finished: ({ to, whole }) => {
                if (file.role === "image") this.#see(session, { kind: "ended", to, sent, whole } as Sight)
                else if (whole) this.#see(session, { kind: "read" })
              },
            }
          },
        }
      },
      close: () => this.#see(session, { kind: "closed", isPolite } as Sight),
    }
  }

  /** One GET a connection; a device that breaks off is seen as the real server sees it: all may have been handed over. */
  async serveHttp(stream: ByteStream, port: number): Promise<void> {
    const session = ++this.#sessions
    this.#see(session, { kind: "opened" })
    let image: Uint8Array | null = null
    try {
      const asked = fromLatin1(await stream.read(4096, 60_000))
      const path = /^GET (\S+) /.exec(asked)?.[1] ?? ""
      const match = new RouteTable([this.#bench.family]).find("GET", path)
      if (match === null || "allowed" in match) return
      const origin = `http://127.0.0.1:${port}`
      const situation = { device: null, offered: this.#bench.offered, update: null, origin, now: 0 }
      const request = { method: "GET", params: match.params, query: "", headers: {}, body: new Uint8Array(0) } as const
      const { body } = match.route.answer(situation, request)
      if (body === undefined) return
      const bytes = "text" in body ? latin1(body.text) : this.#bench.image
      if ("image" in body) {
        image = bytes
        this.#see(session, { kind: "started" })
      } else this.#see(session, { kind: "read" })
      await stream.write(concat([latin1(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n\r\n`), bytes]))
      const rest = await stream.read(1, 60_000)
      if (image !== null) this.#see(session, ended(image.length, rest.length === 0))
      image = null
    } catch (error) {
      if (!(error instanceof LinkError)) throw error
      if (image !== null) this.#see(session, ended(image.length, false))
    } finally {
      stream.end()
    }
  }
}

function ended(sizeBytes: number, whole: boolean) {
  return { kind: "ended", to: whole ? sizeBytes : 0, sent: sizeBytes, whole } as Omit<Sight, "at" | "session">
}
