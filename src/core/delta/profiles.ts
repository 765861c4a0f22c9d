/** What a decoder may spend. A device declares one profile; a patch names the one it was made for. */
export interface Profile {
  readonly code: number
  readonly name: ProfileName
  /** Most pieces of the address map. */
  readonly mapCap: number
  /** Most pieces of the value map. */
  readonly valueCap: number
  /** Most regions of the image. */
  readonly regionCap: number
  /** Most runs in the order of an in-place patch. */
  readonly runCap: number
  /** Most sectors of an image that is overwritten in place. */
  readonly sectorCap: number
  /** Whether the model does with fewer contexts. */
  readonly isSmall: boolean
  /** Model slots that are addressed by hash, three bytes each. */
  readonly hashedSlots: number
  /** The same from format version 3 on in the smallest profile, in the same memory: it has fewer direct slots. */
  readonly sparingSlots?: number
  /** Size of the C decoder's state on a 32-bit machine, in bytes. */
  readonly stateSize: number
  /** Decoder memory beyond one sector, in bytes, all in. */
  readonly ramLimit: number
}

export type ProfileName = "tiny" | "mcu" | "std" | "gateway"

export const profiles: Readonly<Record<ProfileName, Profile>> = {
  tiny: {
    code: 0,
    name: "tiny",
    mapCap: 64,
    valueCap: 16,
    regionCap: 4,
    sectorCap: 1024,
    runCap: 24,
    hashedSlots: 360,
    sparingSlots: 552,
    isSmall: true,
    stateSize: 7096,
    ramLimit: 8192,
  },
  mcu: {
    code: 1,
    name: "mcu",
    mapCap: 448,
    valueCap: 64,
    regionCap: 16,
    sectorCap: 4096,
    runCap: 128,
    hashedSlots: 4608,
    isSmall: false,
    stateSize: 31376,
    ramLimit: 32768,
  },
  std: {
    code: 2,
    name: "std",
    mapCap: 3584,
    valueCap: 512,
    regionCap: 16,
    sectorCap: 16384,
    runCap: 1024,
    hashedSlots: 22528,
    isSmall: false,
    stateSize: 126992,
    ramLimit: 131072,
  },
  gateway: {
    code: 3,
    name: "gateway",
    mapCap: 16384,
    valueCap: 2048,
    regionCap: 16,
    sectorCap: 65534,
    runCap: 4096,
    hashedSlots: 65536,
    isSmall: false,
    stateSize: 420904,
    ramLimit: 524288,
  },
}
