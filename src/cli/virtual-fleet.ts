import { familyById } from "../core/families/index.ts"
import type { SwarmDevice } from "../virtual/main.ts"
import type { ApiClient } from "./api-client.ts"
import { Failure } from "./failure.ts"

/** What marks devices in software: releases may have to succeed on them first. */
const virtualLabels = { virtual: "yes" }

/** Which virtual devices are wanted: ids are the prefix and a number. */
export interface SwarmWish {
  readonly family: string
  readonly prefix: string
  /** Their models, in turn; absent = all usual ones of the family. */
  readonly model?: readonly string[]
  /** Folder in which they live on. */
  readonly state?: string
  /** Beside the label of every virtual device. */
  readonly labels?: Readonly<Record<string, string>>
}

/** The swarm's devices as the server knows them; those it does not know are added. */
export async function knownDevices(api: ApiClient, options: SwarmWish, count: number): Promise<readonly SwarmDevice[]> {
  const family = (await api.call("families", {})).find(({ id }) => id === options.family)
  if (family === undefined) throw new Failure(`The server has no family ${options.family}.`)
  const models = options.model ?? family.models.filter(({ isUnusual }) => isUnusual !== true).map(({ id }) => id)
  const { listeners } = await api.call("health", {})
  const here = Object.fromEntries(Object.entries(listeners).map(([name, at]) => [name, onThisMachine(at)]))
  const devices = await api.list("listDevices", { query: { group: `family=${options.family}` } })
  const known = new Map(devices.map(({ id, model }) => [id, model]))
  const wanted = Array.from({ length: count }, (_, i) => ({
    id: `${options.prefix}${i + 1}`,
    family: options.family,
    model: known.get(`${options.prefix}${i + 1}`) ?? models[i % models.length] ?? "any",
    labels: { ...virtualLabels, ...options.labels },
  }))
  const missing = wanted.filter(({ id }) => !known.has(id))
  const added = missing.length === 0 ? [] : await api.call("importDevices", { body: missing })
  const access = new Map(added.map((one) => [one.id, one]))
  for (const { id } of wanted) {
    if (!access.has(id)) access.set(id, await api.call("deviceAccess", { params: { id } }))
  }
  return wanted.map(({ id, model }) => ({
    id,
    model,
    server: familyById(options.family)?.access.settings(access.get(id) ?? {}, here) ?? {},
    ...(options.state === undefined ? {} : { state: `${options.state}/${id}` }),
  }))
}

/** `HOST:PORT`, taken apart. */
export function hostPortOf(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(":")
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) }
}

/** A listener's address as a program beside the server reaches it: without leaving the machine. */
export function onThisMachine(listener = ""): string {
  return listener.replace(/^(0\.0\.0\.0|\[::\])/, "127.0.0.1")
}

/** Aborts when this process is told to end. */
export function untilInterrupted(): AbortSignal {
  const ending = new AbortController()
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => ending.abort())
  return ending.signal
}
