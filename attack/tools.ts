import { connect, type Socket } from "node:net"
import type { Serving } from "../test/serving.ts"

/** What an attack works with. */
export interface Target {
  readonly server: Serving
  readonly token: string
  /** Bytes that the server has logged so far. */
  readonly loggedBytes: () => number
  /** For how long. */
  readonly signal: AbortSignal
}

/** One row of the table in docs/security.md as a deed; gives what fell, or null. */
export interface Attack {
  readonly row: number
  readonly what: string
  readonly run: (target: Target) => Promise<string | null>
}

export const portOf = (address: string): number => Number(address.split(":").at(-1))
export const managementOf = ({ url }: Serving): string => url.replace("http://", "")
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** So many peers that do the same again and again until time is up. What goes wrong for one is its own affair. */
export async function crowd(many: number, signal: AbortSignal, deed: () => Promise<unknown>): Promise<void> {
  const one = async (): Promise<void> => {
    while (!signal.aborted) {
      await deed().catch(() => undefined)
      await pause(1)
    }
  }
  await Promise.all(Array.from({ length: many }, one))
}

/** A connection that sends what it is given and waits for its end, at most so long; gives what it heard. */
export function send(
  port: number,
  bytes: string | Uint8Array,
  {
    from = "127.0.0.1",
    times = 1,
    ms = 2000,
  }: { readonly from?: string; readonly times?: number; readonly ms?: number } = {},
): Promise<string> {
  return new Promise((resolve) => {
    let heard = ""
    const socket = connect({ port, host: "127.0.0.1", localAddress: from }, () => {
      for (let n = 0; n < times; n++) socket.write(bytes)
    })
    const timer = setTimeout(() => socket.destroy(), ms)
    socket.on("data", (piece: Buffer) => {
      if (heard.length < 65_536) heard += piece.toString("latin1")
    })
    socket.on("error", () => undefined)
    socket.once("close", () => {
      clearTimeout(timer)
      resolve(heard)
    })
  })
}

/** Connections that are opened and say nothing, or these bytes; the returned function closes them. */
export function hold(port: number, many: number, bytes = "", addresses = 4): () => void {
  const sockets = Array.from({ length: many }, (_, n): Socket => {
    const socket = connect({ port, host: "127.0.0.1", localAddress: `127.0.${1 + (n % addresses)}.7` }, () => {
      if (bytes !== "") socket.write(bytes)
    })
    socket.on("error", () => undefined)
    socket.resume()
    return socket
  })
  return () => {
    for (const socket of sockets) socket.destroy()
  }
}

/** How often a limit was met. */
export async function hits({ api }: Serving, name: string): Promise<number> {
  return (await api.call("limits", {})).find((limit) => limit.name === name)?.hits ?? 0
}

/** Of the words of all attacks that fell, the first. */
export const first = (...words: readonly (string | null | false)[]): string | null => {
  for (const word of words) if (typeof word === "string") return word
  return null
}
