import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { makeFirmware } from "../src/core/families/recovery/firmware-image.ts"
import { writeFullPackage } from "../src/core/families/recovery/full-package.ts"
import type { MemoryStorage } from "../src/core/families/memory-storage.ts"
import { type MobileNetwork, type PoweredModule, type SimCard, startModule } from "../src/virtual/main.ts"
import type { VirtualRadio } from "../src/virtual/sms/virtual-radio.ts"
import { newFolder, type Serving } from "./serving.ts"

/** Telit modules of a test: in this process, with real sockets, beside a server in a process of its own. */

/** The server's number, under which modules reach it. */
export const serverNumber = "+393399990000"
const imageBytes = 9000

/** Flags with which a server is bound to a network's SMS centre; `address` when something stands in between. */
export function smsFlags({ smpp, number }: MobileNetwork, address = `${smpp.host}:${smpp.port}`): readonly string[] {
  return [...smppFlags(`smpp://${smpp.user}@${address}`, smpp.password), "--sms-number", number]
}

/** Flags for a centre, with its password in a file. */
export function smppFlags(url: string, password: string): readonly string[] {
  const file = join(newFolder(), "smpp-password")
  writeFileSync(file, `${password}\n`)
  return ["--smpp", url, "--smpp-password-file", file]
}

/** Where a server takes messages over TCP. */
export async function messagePort({ api }: Serving): Promise<number> {
  const { listeners } = await api.call("health", {})
  return Number(/:(\d+)$/.exec(listeners["device-tcp"] ?? "")?.[1])
}

export interface Wanted {
  readonly imei: string
  readonly model: string
  /** What the operator says of it: `variant`, `mode`, `apn` … */
  readonly options?: Readonly<Record<string, string>>
}

/** Adds modules to the server; gives the secrets that go into them. */
export async function addModules({ api }: Serving, wanted: readonly Wanted[]): Promise<readonly string[]> {
  const body = wanted.map(({ imei, model, options = {} }) => ({ id: imei, family: "telit", model, options }))
  const added = await api.call("importDevices", { body })
  return added.map(({ agent }) => {
    const secret = agent?.token.split(".")[1]
    if (secret === undefined) throw new Error("the server gave no secret")
    return secret
  })
}

/** Adds a module to the server; gives the secret that goes into it. */
export async function addModule(server: Serving, wanted: Wanted): Promise<string> {
  const [secret = ""] = await addModules(server, [wanted])
  return secret
}

export interface Hop {
  readonly model: string
  readonly from: string
  readonly to: string
}

/** Publishes a package with the whole new firmware in it; gives the release's id. */
export async function publish({ api }: Serving, { model, from, to }: Hop): Promise<string> {
  const image = makeFirmware({ product: model, version: to, sizeBytes: imageBytes })
  const query = {
    family: "telit",
    fileName: `${from}-${to}.bin`,
    version: to,
    models: model,
    options: JSON.stringify({ from }),
  }
  const release = await api.call("publishRelease", {
    query,
    body: writeFullPackage({ from, to, product: model, image }),
  })
  return release.id
}

export interface ModuleOptions {
  readonly imei: string
  readonly model: string
  readonly firmware: string
  readonly secret: string
  readonly radio: VirtualRadio
  readonly speed: number
  readonly spelling?: string
  readonly storage?: MemoryStorage
  readonly log?: (line: string) => void
}

/** Switches a module on. */
export function powerTelit(options: ModuleOptions): PoweredModule {
  const { imei, model, firmware, secret, radio, speed, spelling = "reference", storage, log } = options
  return startModule({
    family: "telit",
    model,
    server: { key: secret, imei, firmware, spelling, imageBytes: String(imageBytes) },
    speed,
    radio,
    ...(storage === undefined ? {} : { storage }),
    ...(log === undefined ? {} : { log }),
  })
}

/** The n-th card of a test, n from 1. */
export function cardOf(n: number, pin: string | null = null): SimCard {
  return { imsi: `22201${String(n).padStart(10, "0")}`, number: `+3933547${String(n).padStart(5, "0")}`, pin }
}

/** The n-th IMEI of a test. */
export function imeiOf(n: number): string {
  return `35746403${String(n).padStart(7, "0")}`
}

/** Asks again and again until the answer is true; whoever waits for ever is ended by the test's own limit. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 25))
}
