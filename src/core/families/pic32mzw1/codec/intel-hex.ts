import intelHex from "nrf-intel-hex"
import type { Fault } from "../../family.ts"
import { beginsAsHex, type HexBlock, MalformedHex, readHex } from "../../hex-text.ts"

/** A full flash with records of 16 bytes is 2.9 MB of HEX; short records make it longer. */
const largestHexBytes = 12_000_000

/** What the package gives that is used here. Its type file describes an ES module, but Node loads its CommonJS form. */
interface HexMap {
  readonly set: (address: number, bytes: Uint8Array) => unknown
  readonly asHexString: (lineBytes?: number) => string
}
const IntelHex = intelHex as unknown as new () => HexMap

/** Whether the bytes begin as Intel HEX begins. */
export function looksLikeIntelHex(bytes: Uint8Array): boolean {
  return beginsAsHex(bytes.subarray(0, 100))
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
  try {
    return { ok: true, blocks: readHex(bytes, physical) }
  } catch (error) {
    if (!(error instanceof MalformedHex)) throw error
    return fault("hex-unreadable", `${fileName} is no whole Intel HEX file: ${error.message}.`)
  }
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

function fault(rule: string, sentence: string): { readonly ok: false; readonly faults: readonly Fault[] } {
  return { ok: false, faults: [{ rule, sentence }] }
}
