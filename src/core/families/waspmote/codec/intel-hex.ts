import type { Fault } from "../../family.ts"
import { beginsAsHex, type HexBlock, type HexFault, MalformedHex, readHex } from "../../hex-text.ts"
import { largestProgramBytes } from "./ota-binary.ts"

/** A program of 120 KiB is 346 kB of HEX with records of 16 bytes, and 1.5 MB with records of a single byte. */
const largestHexBytes = 2_000_000
/** The ATmega1281 has 128 KiB of flash. */
const flashBytes = 0x20000

/** Whether the bytes begin as Intel HEX begins. */
export function looksLikeIntelHex(bytes: Uint8Array): boolean {
  return beginsAsHex(bytes.subarray(0, 100))
}

/**
 * Reads Intel HEX into the raw flash image from address 0. Gaps become 0xFF, as erased flash reads. Everything a mote
 * could not hold is a fault.
 */
export function readProgramHex(
  bytes: Uint8Array,
): { readonly program: Uint8Array } | { readonly faults: readonly Fault[] } {
  if (bytes.length > largestHexBytes) {
    return fault("hex-too-long", `The HEX file has ${bytes.length} bytes, far more than a Waspmote program needs.`)
  }
  let blocks: readonly HexBlock[]
  try {
    blocks = readHex(bytes)
  } catch (error) {
    if (!(error instanceof MalformedHex)) throw error
    return hexFault(error)
  }
  let end = 0
  for (const { address, bytes: block } of blocks) {
    if (address + block.length > flashBytes) {
      return fault(
        "data-outside-flash",
        `The HEX file has data at address 0x${address.toString(16).toUpperCase()}, beyond the 128 KiB of flash of an ATmega1281.`,
      )
    }
    end = Math.max(end, address + block.length)
  }
  if (end > largestProgramBytes) return bootloaderFault(blocks, end)
  if (end > 0 && blocks[0]?.address !== 0) {
    return fault(
      "no-data-at-zero",
      `The HEX file begins at address 0x${blocks[0]?.address.toString(16).toUpperCase()}, but a program begins with its reset vector at address 0.`,
    )
  }
  const program = new Uint8Array(end).fill(0xff)
  for (const { address, bytes: block } of blocks) program.set(block, address)
  return { program }
}

/** One block that grew over the limit is a program too large; a block of its own up there is a bootloader. */
function bootloaderFault(blocks: readonly HexBlock[], end: number): { readonly faults: readonly Fault[] } {
  if (blocks.some(({ address }) => address >= largestProgramBytes)) {
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

/** Rule and sentence for each thing that may be wrong with the file itself. */
const hexFaults: Readonly<Record<HexFault, readonly [rule: string, sentence: (shown: string) => string]>> = {
  "after-end": [
    "data-after-end",
    () => "The HEX file goes on after its end record; two files were joined, or it is damaged.",
  ],
  "no-end": ["no-end-record", () => "The HEX file has no end record; it was cut short on its way here."],
  checksum: ["hex-checksum", (shown) => `A record of the HEX file has a wrong checksum (${shown}); it is damaged.`],
  overlap: ["hex-overlap", (shown) => `The HEX file gives the same address twice (${shown}); two files were mixed.`],
  unreadable: ["hex-unreadable", (shown) => `The HEX file cannot be read: ${shown}.`],
}

function hexFault({ fault: found, message }: MalformedHex): { readonly faults: readonly Fault[] } {
  const [rule, sentence] = hexFaults[found]
  return fault(rule, sentence(message))
}

function fault(rule: string, sentence: string): { readonly faults: readonly Fault[] } {
  return { faults: [{ rule, sentence }] }
}
