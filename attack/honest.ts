import { RawClient } from "../src/server/transports/ftp/raw-client.testing.ts"
import type { Serving } from "../test/serving.ts"

/** A device that wants nothing but its update. */
export interface Honest {
  readonly kind: "mote" | "gateway"
  readonly id: string
  readonly user: string
  readonly password: string
}

/** Where the server listens for devices. */
export type Doors = Pick<Serving, "ftp" | "deviceHttp">

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Ten motes on FTP and ten gateways on HTTP. */
export async function addHonest({ api }: Serving): Promise<readonly Honest[]> {
  const all: Honest[] = []
  for (let n = 0; n < 10; n++) {
    const mote = { id: `mote-${n}`, family: "waspmote", model: "4g" }
    const { user = "", password = "" } = (await api.call("addDevice", { body: mote })).ftp ?? {}
    all.push({ kind: "mote", id: mote.id, user, password })
    const gateway = { id: `gateway-${n}`, family: "ddi", model: "other", password: `token-of-gateway-${n}` }
    await api.call("addDevice", { body: gateway })
    all.push({ kind: "gateway", id: gateway.id, user: "", password: gateway.password })
  }
  return all
}

/** As a Waspmote does: the notice, then in a session of its own the program. */
function moteContact({ ftp }: Doors, { user, password }: Honest) {
  const port = Number(ftp.split(":").at(-1))
  const session = async (name: string): Promise<Buffer> => {
    const client = await RawClient.connect(port)
    try {
      const greeted = await client.code(`USER ${user}`)
      if (greeted !== 331 || (await client.code(`PASS ${password}`)) !== 230) throw new Error("not let in")
      const { bytes, code } = await client.fetch(name)
      if (code !== 226) throw new Error(`RETR ${name} answered ${code}`)
      await client.code("QUIT")
      return bytes
    } finally {
      client.socket.destroy()
    }
  }
  let has: string | null = null
  return async (): Promise<string | null> => {
    const notice = (await session("UPGRADE.TXT")).toString()
    const [, name = "", version = ""] = /FILE:(\w+)[\s\S]*VERSION:(\d+)/.exec(notice) ?? []
    if (name === "" || name === "NO_FILE" || version === has) return has
    const size = Number(/SIZE:(\d+)/.exec(notice)?.[1] ?? 0)
    const program = await session(name)
    if (program.length === size) has = version
    return has
  }
}

interface Links {
  readonly _links?: { readonly deploymentBase?: { readonly href: string } }
}

interface Deployment {
  readonly id: string
  readonly deployment: {
    readonly chunks: readonly {
      readonly version: string
      readonly artifacts: readonly { readonly _links: Readonly<Record<string, { readonly href: string }>> }[]
    }[]
  }
}

/** As a client of the DDI does. */
function gatewayContact({ deviceHttp }: Doors, { id, password: token }: Honest) {
  const base = `http://${deviceHttp}/DEFAULT/controller/v1/${id}`
  const headers = { authorization: `TargetToken ${token}`, "content-type": "application/json" }
  const get = async (url: string): Promise<Response> => {
    const answer = await fetch(url, { headers })
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
    return answer
  }
  let has: string | null = null
  return async (): Promise<string | null> => {
    const { _links: links } = (await (await get(base)).json()) as Links
    if (links?.deploymentBase === undefined) return has
    const { id: action, deployment } = (await (await get(links.deploymentBase.href)).json()) as Deployment
    for (const { version, artifacts } of deployment.chunks) {
      for (const { _links: files } of artifacts) {
        await (await get((files["download-http"] ?? files["download"])?.href ?? base)).arrayBuffer()
      }
      has = version
    }
    const status = { execution: "closed", result: { finished: "success" }, details: [] }
    const body = JSON.stringify({ id: action, status })
    const answer = await fetch(`${base}/deploymentBase/${action}/feedback`, { method: "POST", headers, body })
    if (!answer.ok) throw new Error(`feedback answered ${answer.status}`)
    return has
  }
}

/** How honest devices fared. */
export interface Fared {
  readonly finished: number
  readonly of: number
  readonly contacts: number
  readonly failed: number
  /** ms; what 99 of 100 contacts did not take longer than. */
  readonly p99: number
}

/** What devices are to do: poll until they have `version` and at least for `ms`, and give up after `mostMs`. */
export interface Wish {
  readonly version: string
  readonly ms: number
  readonly mostMs: number
}

/** Devices that live from wish to wish. */
export class HonestFleet {
  readonly #contacts: readonly (() => Promise<string | null>)[]

  constructor(doors: Doors, devices: readonly Honest[]) {
    this.#contacts = devices.map((device) =>
      device.kind === "mote" ? moteContact(doors, device) : gatewayContact(doors, device),
    )
  }

  async live({ version, ms, mostMs }: Wish): Promise<Fared> {
    const took: number[] = []
    let failed = 0
    const began = performance.now()
    const life = async (contact: () => Promise<string | null>): Promise<boolean> => {
      for (;;) {
        const at = performance.now()
        let has: string | null = null
        try {
          has = await contact()
        } catch {
          failed++
        }
        took.push(performance.now() - at)
        const now = performance.now() - began
        if (now >= ms && (has === version || now >= mostMs)) return has === version
        await pause(200)
      }
    }
    const ends = await Promise.all(this.#contacts.map(life))
    took.sort((a, b) => a - b)
    const p99 = took[Math.ceil(took.length * 0.99) - 1] ?? 0
    return { finished: ends.filter(Boolean).length, of: ends.length, contacts: took.length, failed, p99 }
  }
}
