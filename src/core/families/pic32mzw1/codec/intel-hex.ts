import intelHex from "nrf-intel-hex"
import { fromLatin1 } from "../../../kit/bytes.ts"
import type { Fault } from "../../family.ts"

/** A full flash with records of 16 bytes is 2.9 MB of HEX; short records make it longer. */
const largestHexBytes = 12_000_000

/** One run of bytes at a physical address. */
export interface HexBlock {
  readonly address: number
  readonly bytes: Uint8Array
}

/** What the package gives that is used here. Its type file describes an ES module, but Node loads its CommonJS form. */
interface HexMap {
  readonly set: (address: number, bytes: Uint8Array) => unknown
  readonly asHexString: (lineBytes?: number) => string
}
interface HexReader {
  new (): HexMap
  readonly fromHex: (text: string) => Iterable<[number, Uint8Array]>
}

const IntelHex = intelHex as unknown as HexReader

/** Whether the bytes begin as Intel HEX begins. */
export function looksLikeIntelHex(bytes: Uint8Array): boolean {
  return bytes[0] === 0x3a
}

/** Reads Intel HEX into blocks in ascending order, with addresses of the cached and uncached segments made physical. */
export function readIntelHex(
  fileName: string,
  bytes: Uint8Array,
):
  | { readonly ok: true; readonly blocks: readonly HexBlock[] }
  | { readonly ok: false; readonly faults: readonly Fault[] } {
  if (bytes.length > largestHexBytes) {
    return fault("hex-too-long", `${fileName} has ${bytes.length} bytes, far more than the HEX file of a 1 MiB flash.`)
  }
  let found: [number, Uint8Array][]
  try {
    found = [...IntelHex.fromHex(normalise(fromLatin1(bytes).trimEnd()))]
  } catch (error) {
    return fault("hex-unreadable", `${fileName} is no whole Intel HEX file: ${reason(error)}.`)
  }
  const blocks = found.map(([at, block]) => ({ address: at, bytes: block }))
  return { ok: true, blocks }
}

/** Writes blocks as Intel HEX with records of 16 bytes. The same blocks give the same text. */
export function writeIntelHex(blocks: readonly HexBlock[]): string {
  const map = new IntelHex()
  for (const block of [...blocks].sort((a, b) => a.address - b.address)) map.set(block.address, block.bytes)
  return `${map.asHexString(16)}\n`
}

/** KSEG0 (0x8…, 0x9…) and KSEG1 (0xA…, 0xB…) show the same memory; MPLAB writes physical addresses, GNU ld the segments'. */
function physical(at: number): number {
  return at >= 0x80000000 && at < 0xc0000000 ? at % 0x20000000 : at
}

/**
 * Makes addresses physical (the reader takes none from 0x80000000 on), and cuts in two what the reader refuses but the
 * format permits and Microchip's linker writes: a data record that runs over a 64 KiB border.
 */
function normalise(text: string): string {
  let upper = 0
  return text.replace(
    /:([0-9A-Fa-f]{2})([0-9A-Fa-f]{4})(0[04])([0-9A-Fa-f]*)/g,
    (record, length, offset, type, rest) => {
      const data = String(rest).slice(0, -2)
      if (type === "04") {
        if (data.length !== 4 || !checksumHolds(record)) return record
        upper = physical(Number.parseInt(data, 16) * 0x10000) / 0x10000
        return recordText(0, 4, upper.toString(16).padStart(4, "0"))
      }
      const first = 0x10000 - Number.parseInt(String(offset), 16)
      const size = Number.parseInt(String(length), 16)
      if (size <= first || data.length !== size * 2 || !checksumHolds(record)) return record
      const parts = [
        recordText(Number.parseInt(String(offset), 16), 0, data.slice(0, first * 2)),
        recordText(0, 4, ((upper + 1) & 0xffff).toString(16).padStart(4, "0")),
        recordText(0, 0, data.slice(first * 2)),
        recordText(0, 4, upper.toString(16).padStart(4, "0")),
      ]
      return parts.join("\n")
    },
  )
}

function checksumHolds(record: string): boolean {
  let sum = 0
  for (let at = 1; at < record.length; at += 2) sum += Number.parseInt(record.slice(at, at + 2), 16)
  return (sum & 0xff) === 0
}

function recordText(offset: number, type: number, data: string): string {
  const size = (data.length / 2).toString(16).padStart(2, "0")
  const body = `${size}${offset.toString(16).padStart(4, "0")}${type.toString(16).padStart(2, "0")}${data}`
  let sum = 0
  for (let at = 0; at < body.length; at += 2) sum += Number.parseInt(body.slice(at, at + 2), 16)
  return `:${body}${(-sum & 0xff).toString(16).padStart(2, "0")}`
}

function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replace(/^Malformed (\.)?hex file[:,] /i, "").slice(0, 160)
}

function fault(rule: string, sentence: string): { readonly ok: false; readonly faults: readonly Fault[] } {
  return { ok: false, faults: [{ rule, sentence }] }
}
