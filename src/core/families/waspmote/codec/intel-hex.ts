import intelHex from "nrf-intel-hex"
import { fromLatin1 } from "../../../kit/bytes.ts"
import type { Fault } from "../../family.ts"
import { beginsAsHex, plainHex } from "../../hex-text.ts"
import { largestProgramBytes } from "./ota-binary.ts"

/** A program of 120 KiB is 346 kB of HEX with records of 16 bytes, and 1.5 MB with records of a single byte. */
const largestHexCharacters = 2_000_000
/** The ATmega1281 has 128 KiB of flash. */
const flashBytes = 0x20000

/** What the reader gives that is used here. Its type file describes an ES module, but Node loads its CommonJS form. */
interface HexReader {
  readonly fromHex: (text: string) => Iterable<[number, Uint8Array]>
}

const reader = intelHex as unknown as HexReader

/** Whether the bytes begin as Intel HEX begins. */
export function looksLikeIntelHex(bytes: Uint8Array): boolean {
  return beginsAsHex(fromLatin1(bytes.subarray(0, 100)))
}

/**
 * Reads Intel HEX into the raw flash image from address 0. Gaps become 0xFF, as erased flash reads. Everything a mote
 * could not hold is a fault.
 */
export function readProgramHex(text: string): { readonly program: Uint8Array } | { readonly faults: readonly Fault[] } {
  if (text.length > largestHexCharacters) {
    return fault("hex-too-long", `The HEX file has ${text.length} characters, far more than a Waspmote program needs.`)
  }
  let blocks: [number, Uint8Array][]
  try {
    blocks = [...reader.fromHex(plainHex(text))]
  } catch (error) {
    return hexFault(error instanceof Error ? error.message : String(error))
  }
  let end = 0
  for (const [address, block] of blocks) {
    if (address + block.length > flashBytes) {
      return fault(
        "data-outside-flash",
        `The HEX file has data at address 0x${address.toString(16).toUpperCase()}, beyond the 128 KiB of flash of an ATmega1281.`,
      )
    }
    end = Math.max(end, address + block.length)
  }
  if (end > largestProgramBytes) return bootloaderFault(blocks, end)
  if (end > 0 && blocks[0]?.[0] !== 0) {
    return fault(
      "no-data-at-zero",
      `The HEX file begins at address 0x${blocks[0]?.[0].toString(16).toUpperCase()}, but a program begins with its reset vector at address 0.`,
    )
  }
  const program = new Uint8Array(end).fill(0xff)
  for (const [address, block] of blocks) program.set(block, address)
  return { program }
}

/** One block that grew over the limit is a program too large; a block of its own up there is a bootloader. */
function bootloaderFault(blocks: readonly [number, Uint8Array][], end: number): { readonly faults: readonly Fault[] } {
  if (blocks.some(([address]) => address >= largestProgramBytes)) {
    return fault(
      "data-in-bootloader",
      "The HEX file has data at 0x1E000 or above, where the mote's bootloader lives; export the program alone, without a bootloader.",
    )
  }
  return fault(
    "program-too-large",
    `The program has ${end} bytes, but a Waspmote has room for ${largestProgramBytes} below its bootloader.`,
  )
}

function hexFault(message: string): { readonly faults: readonly Fault[] } {
  const shown = message.replace(/^Malformed (\.)?hex file[:,] /i, "").slice(0, 200)
  if (message.includes("after an EOF")) {
    return fault(
      "data-after-end",
      "The HEX file goes on after its end record; two files were joined, or it is damaged.",
    )
  }
  if (message.startsWith("No EOF")) {
    return fault("no-end-record", "The HEX file has no end record; it was cut short on its way here.")
  }
  if (message.startsWith("Checksum failed")) {
    return fault("hex-checksum", `A record of the HEX file has a wrong checksum (${shown}); it is damaged.`)
  }
  if (message.startsWith("Duplicated data") || message.includes("verlap")) {
    return fault("hex-overlap", `The HEX file gives the same address twice (${shown}); two files were mixed.`)
  }
  return fault("hex-unreadable", `The HEX file cannot be read: ${shown}.`)
}

function fault(rule: string, sentence: string): { readonly faults: readonly Fault[] } {
  return { faults: [{ rule, sentence }] }
}
