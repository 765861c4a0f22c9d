import { concat, fromLatin1, latin1 } from "../../../kit/bytes.ts"
import { type Body, type ByteStream, LinkError, type NonVolatileMemory, PowerCut } from "../../body.ts"

/** Flash contents by name: survive as long as the test keeps them. */
export type Chips = Map<string, Uint8Array>

/** What a double of the server sends for one request, and how the connection ends. */
export interface Answer {
  readonly segments: readonly Uint8Array[]
  /** `open`: the server sends nothing more and does not end either. */
  readonly end: "fin" | "rst" | "open"
}

export interface MemoryBoard {
  readonly body: Body
  readonly lines: string[]
  readonly requests: string[]
  /** Flash operations (erase and write) so far. */
  readonly operations: () => number
}

export interface MemoryBoardOptions {
  readonly chips: Chips
  readonly answer?: (request: string) => Answer
  /** Power fails in the middle of this flash operation, counted from 0. */
  readonly cutAt?: number
}

/** A body on memory, with a clock that only moves when somebody waits. */
export function memoryBoard({ chips, answer, cutAt = Number.POSITIVE_INFINITY }: MemoryBoardOptions): MemoryBoard {
  const lines: string[] = []
  const requests: string[] = []
  let operations = 0
  let now = Date.UTC(2026, 0, 1)
  const operate = (whole: () => void, half: () => void): void => {
    if (operations > cutAt) throw new PowerCut("the power is off")
    operations++
    if (operations > cutAt) {
      half()
      throw new PowerCut("the power failed")
    }
    whole()
  }
  const body: Body = {
    clock: {
      now: () => now,
      sleep: async (ms) => {
        now += ms
      },
    },
    net: {
      connect: async (target) => {
        if (answer === undefined) throw new LinkError("refused", `${target.host} refused`)
        return scriptedStream(requests, answer, (ms) => {
          now += ms
        })
      },
      listenOnce: () => Promise.reject(new LinkError("refused", "a board opens no ports")),
    },
    storage: {
      memory: async (name, geometry) => {
        let chip = chips.get(name)
        if (chip === undefined) {
          chip = new Uint8Array(geometry.sizeBytes).fill(0xff)
          chips.set(name, chip)
        }
        return flash(chip, geometry.sectorBytes ?? 4096, operate)
      },
      files: () => Promise.reject(new Error("a board has no files but those on its flash")),
    },
    random: () => 0.5,
    log: (line) => lines.push(line),
  }
  return { body, lines, requests, operations: () => operations }
}

function flash(
  chip: Uint8Array,
  sectorBytes: number,
  operate: (whole: () => void, half: () => void) => void,
): NonVolatileMemory {
  const program = (offset: number, bytes: Uint8Array): void => {
    for (const [index, byte] of bytes.entries()) chip[offset + index] = (chip[offset + index] ?? 0) & byte
  }
  return {
    sizeBytes: chip.length,
    read: async (offset, length) => chip.slice(offset, offset + length),
    write: async (offset, bytes) => {
      operate(
        () => program(offset, bytes),
        () => program(offset, bytes.subarray(0, bytes.length >> 1)),
      )
    },
    erase: async (offset) => {
      const start = offset - (offset % sectorBytes)
      operate(
        () => chip.fill(0xff, start, start + sectorBytes),
        () => chip.fill(0xff, start, start + sectorBytes / 2),
      )
    },
  }
}

function scriptedStream(
  requests: string[],
  answer: (request: string) => Answer,
  pass: (ms: number) => void,
): ByteStream {
  let script: Answer = { segments: [], end: "open" }
  let next = 0
  let rest: Uint8Array<ArrayBufferLike> = new Uint8Array(0)
  return {
    localHost: "10.0.0.7",
    read: async (maxBytes, timeoutMs) => {
      if (rest.length === 0) rest = script.segments[next++] ?? rest
      if (rest.length > 0) {
        const bytes = rest.subarray(0, maxBytes)
        rest = rest.subarray(bytes.length)
        return bytes
      }
      if (script.end === "rst") throw new LinkError("reset", "the connection was reset")
      if (script.end === "fin") return new Uint8Array(0)
      pass(timeoutMs)
      throw new LinkError("timeout", "no byte came")
    },
    write: async (bytes) => {
      requests.push(fromLatin1(bytes))
      script = answer(fromLatin1(bytes))
      next = 0
    },
    end: () => undefined,
    destroy: () => undefined,
  }
}

/** A whole answer in one segment, as a good server sends it. */
export function ok(content: Uint8Array): Answer {
  const head = latin1(
    `HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: ${content.length}\r\n\r\n`,
  )
  return { segments: [concat([head, content])], end: "open" }
}

export const notFound: Answer = {
  segments: [latin1("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")],
  end: "open",
}

/** A server that hands out one manifest and some images by their path. */
export function serving(files: Readonly<Record<string, Uint8Array>>): (request: string) => Answer {
  return (request) => {
    const content = files[/^GET (\S+) /.exec(request)?.[1] ?? ""]
    return content === undefined ? notFound : ok(content)
  }
}
