import { join } from "node:path"
import { runLocalAttendance } from "../agent/main.ts"
import { type MobileNetwork, startModule } from "../virtual/main.ts"
import type { ApiClient } from "./api-client.ts"
import { Failure } from "./failure.ts"

/** Modules with SIM cards: one a model, each with the variant of its protocol. */
export interface CardFleet {
  readonly family: string
  readonly devices: number
  readonly models: readonly string[]
  readonly variants: readonly string[]
  /** The firmware that each model comes with, first in its list. */
  readonly firmware: Readonly<Record<string, readonly string[]>>
  /** Absent = the demo's. */
  readonly labels?: Readonly<Record<string, string>>
}

export interface CardDevice {
  readonly id: string
  readonly model: string
  readonly variant: string
  /** The device's own secret, from which the keys of its messages come. */
  readonly key: string
}

/** Labels of the demo's modules: their ids are IMEIs, which no prefix marks. */
export const demoLabels = { demo: "yes" } as const

/** An IMEI of the demo: a made-up allocation, a number, and the check digit. */
function imeiOf(number: number): string {
  const body = `35999900${String(number).padStart(6, "0")}`
  const sum = Array.from(body).reduce((total, digit, i) => {
    const value = Number(digit) * (i % 2 === 1 ? 2 : 1)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return `${body}${(10 - (sum % 10)) % 10}`
}

/** The fleet's devices as the server knows them; those it does not know are added. */
export async function knownCardDevices(api: ApiClient, fleet: CardFleet): Promise<readonly CardDevice[]> {
  const { labels = demoLabels } = fleet
  const marks = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
  const known = await api.list("listDevices", { query: { group: [`family=${fleet.family}`, ...marks].join(" and ") } })
  const wanted = Array.from({ length: fleet.devices }, (_, i) => ({
    id: imeiOf(i + 1),
    model: fleet.models[i % fleet.models.length] ?? "",
    variant: fleet.variants[i % fleet.variants.length] ?? "",
  }))
  const missing = wanted.filter(({ id }) => !known.some((device) => device.id === id))
  if (missing.length > 0) {
    const options = ({ variant }: { readonly variant: string }) => ({ variant, mode: "automatic", apn: "internet" })
    const body = missing.map((device) => ({
      id: device.id,
      family: fleet.family,
      model: device.model,
      labels,
      options: options(device),
    }))
    await api.call("importDevices", { body })
  }
  return Promise.all(
    wanted.map(async (device) => {
      const { agent } = await api.call("deviceAccess", { params: { id: device.id } })
      const key = agent?.token.split(".")[1]
      if (key === undefined) throw new Failure(`The server has no secret of ${device.id}.`)
      return { ...device, key }
    }),
  )
}

export interface CardRun {
  readonly fleet: CardFleet
  readonly devices: readonly CardDevice[]
  readonly network: MobileNetwork
  /** Where modules reach the server's TCP listener. */
  readonly server: { readonly host: string; readonly port: number }
  readonly state: string
  readonly speed: number
  readonly signal: AbortSignal
  readonly onVersion: (device: CardDevice, version: string) => void
}

/** Runs the modules, each with a card, and a host program at its port, until the signal. */
export async function runCardModules(run: CardRun): Promise<void> {
  await Promise.all(run.devices.map((device, i) => runCardModule(run, device, i + 1)))
}

async function runCardModule(run: CardRun, device: CardDevice, number: number): Promise<void> {
  const { fleet, network, speed, signal, server } = run
  const digits = String(number).padStart(9, "0")
  const card = { imsi: `001010${digits}`, number: `+39${digits}`, pin: null }
  const module = startModule({
    family: fleet.family,
    model: device.model,
    server: { key: device.key, imei: device.id, firmware: fleet.firmware[device.model]?.[0] ?? "" },
    radio: network.radioWith(card),
    speed,
    state: join(run.state, device.id),
  })
  const host = runLocalAttendance({
    port: module.port,
    family: fleet.family,
    plan: {
      variant: device.variant === "tcp-ip" ? "ip" : device.variant === "combined" ? "combined" : "sms",
      smsNumber: network.number,
      server,
      bearer: { kind: 2, access: "internet", user: "", password: "" },
      ownNumber: card.number,
      // A quarter of a minute of the demo: the server takes three requests of a module in a minute.
      askEveryMs: 15_000 * speed,
    },
    speed,
    signal,
    tell: (event) => {
      if (event.version !== null) run.onVersion(device, event.version)
    },
  })
  try {
    await Promise.race([host, module.ended])
    await host
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await module.switchOff().catch(() => undefined)
  }
}
