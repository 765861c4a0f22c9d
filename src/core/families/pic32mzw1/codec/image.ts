import { hex } from "../../../kit/bytes.ts"
import type { Fault } from "../../family.ts"
import { address, type Slot, sectorBytes, slots } from "../models.ts"

/** The first sector of an image and of the slot in program flash (pic32mzw1.md 2.6, `ota_image.h`). Little-endian. */
export interface BootControl {
  readonly status: number
  readonly slot: number
  readonly order: number
  readonly type: number
  readonly sizeBytes: number
  readonly version: number
  readonly bootAddress: number
  /** 32 bytes. */
  readonly digest: Uint8Array
  readonly signature: number
}

/** Each step only clears bits, as flash allows. */
export const imageStatus = {
  blank: 0xff,
  downloaded: 0xfe,
  unbooted: 0xfc,
  valid: 0xf8,
  disabled: 0xf0,
} as const

export const imageType = { flashProgrammer: 0, production: 1, debug: 2, factoryReset: 3 } as const

const statusNames: Readonly<Record<number, string>> = {
  255: "blank",
  254: "downloaded",
  252: "unbooted",
  248: "valid",
  240: "disabled",
}

const typeNames: Readonly<Record<number, string>> = {
  0: "flash programmer",
  1: "production",
  2: "debug",
  3: "factory reset",
}

/** Last byte of the boot-control sector. */
export const signatureByte = 0xf8
const signatureOffset = sectorBytes - 1

/** Offsets inside the boot-control sector. */
export const bootControlOffset = {
  status: 0,
  slot: 1,
  order: 2,
  type: 3,
  size: 4,
  version: 8,
  bootAddress: 12,
  digest: 16,
  signature: signatureOffset,
} as const

/** Reads the fields; `bytes` holds a whole boot-control sector or more. */
export function readBootControl(bytes: Uint8Array): BootControl {
  if (bytes.length < sectorBytes) throw new RangeError("a boot-control sector has 4096 bytes")
  const view = new DataView(bytes.buffer, bytes.byteOffset, sectorBytes)
  return {
    status: view.getUint8(0),
    slot: view.getUint8(1),
    order: view.getUint8(2),
    type: view.getUint8(3),
    sizeBytes: view.getUint32(4, true),
    version: view.getUint32(8, true),
    bootAddress: view.getUint32(12, true),
    digest: bytes.slice(16, 48),
    signature: view.getUint8(signatureOffset),
  }
}

/** A boot-control sector as a linker puts it into a fresh image. */
export function freshBootControl(slot: Slot): Uint8Array {
  const sector = new Uint8Array(sectorBytes).fill(0xff)
  const view = new DataView(sector.buffer)
  view.setUint8(bootControlOffset.type, imageType.factoryReset)
  view.setUint32(bootControlOffset.version, 1, true)
  view.setUint32(bootControlOffset.bootAddress, slot.bootAddress, true)
  view.setUint8(signatureOffset, signatureByte)
  return sector
}

/** Whether nothing has been programmed into the fields of a boot-control sector. */
export function isBlank(control: BootControl): boolean {
  return control.status === 0xff && control.type === 0xff && control.bootAddress === 0xffffffff
}

/** The slot that an image's boot address belongs to, or null. */
export function slotOf(image: Uint8Array): Slot | null {
  if (image.length < sectorBytes) return null
  const { bootAddress } = readBootControl(image)
  return slots.find((slot) => slot.bootAddress === bootAddress) ?? null
}

/** What a board or its bootloader would choke on (2.6, server-side upload check); empty = none. */
export function imageFaults(image: Uint8Array): readonly Fault[] {
  if (image.length <= sectorBytes) {
    return [
      {
        rule: "image-too-short",
        sentence: `The image has ${image.length} bytes, but a board decides nothing before it has the whole boot-control sector of 4096 bytes and something behind it; make it with \`waft image make\`.`,
      },
    ]
  }
  const faults: Fault[] = []
  const control = readBootControl(image)
  const slot = slots.find((candidate) => candidate.bootAddress === control.bootAddress)
  if (slot === undefined) {
    faults.push({
      rule: "boot-address",
      sentence: `Bytes 12 to 15 of the image are ${hex(image.subarray(12, 16))}, not 001002b0 (${address(slots[0]?.bootAddress ?? 0)}): it has no boot-control sector, or is not linked for the OTA slot; the bootloader would jump into the void.`,
    })
  }
  if (control.signature !== signatureByte) {
    faults.push({
      rule: "signature-byte",
      sentence: `Byte 4095 of the image is ${control.signature.toString(16).padStart(2, "0").toUpperCase()}, not F8: the boot-control sector is missing or incomplete; make the file with \`waft image make\`.`,
    })
  }
  const most = slot?.sizeBytes ?? slots[0]?.sizeBytes ?? 0
  if (image.length > most) {
    faults.push({
      rule: "image-too-large",
      sentence: `The image has ${image.length} bytes, but the slot has room for ${most}; the bootloader would write beyond it.`,
    })
  }
  return faults
}

/** Every field of an image's boot-control sector, for people. */
export function describeBootControl(
  control: BootControl,
): readonly { readonly name: string; readonly value: string }[] {
  const blankDigest = control.digest.every((byte) => byte === 0xff)
  return [
    { name: "status", value: `${byteText(control.status)} (${statusNames[control.status] ?? "unknown"})` },
    { name: "slot", value: byteText(control.slot) },
    { name: "order", value: byteText(control.order) },
    { name: "type", value: `${byteText(control.type)} (${typeNames[control.type] ?? "unknown"})` },
    { name: "size", value: control.sizeBytes === 0xffffffff ? "FFFFFFFF (blank)" : String(control.sizeBytes) },
    { name: "version", value: `${control.version} (not used to decide updates; the manifest's Version is)` },
    { name: "boot address", value: address(control.bootAddress) },
    { name: "digest", value: blankDigest ? "blank" : hex(control.digest) },
    { name: "signature byte", value: byteText(control.signature) },
  ]
}

function byteText(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, "0")
}
