/** Flash as a device has it: erased by sector to 0xFF, programmed in granules from 1 to 0 only. */
export interface Flash {
  readonly sectorSize: number
  /** Bytes that are programmed at a time: addresses and lengths are multiples of it. */
  readonly granularity: 1 | 4 | 8
  readonly size: number
  read(address: number, into: Uint8Array): void
  program(address: number, bytes: Uint8Array): void
  /** Erases the sector that begins at `address`. */
  erase(address: number): void
}

/** Where an in-place update keeps its things; all are sectors of one flash and do not overlap. */
export interface FlashLayout {
  /** First byte of the image. */
  readonly image: number
  /** A sector into which new bytes go first. */
  readonly staging: number
  /** Two sectors of records. */
  readonly journal: readonly [number, number]
  /** Spare sectors: one for each slot of the patch, then those beside `staging` that it stages in. */
  readonly preserve: readonly number[]
}
