import type { BodyRadio } from "./radio.ts"

/**
 * The body of a virtual device: all that a device side may touch. The device side of a family is an async function over
 * a `Body`, read from top to bottom; the same function runs on real sockets and files (`virtual/`), and in a test on
 * memory whose n-th operation cuts the power.
 */
export interface Body {
  readonly clock: BodyClock
  readonly net: BodyNet
  readonly storage: BodyStorage
  /** 0 <= value < 1. */
  readonly random: () => number
  /** One line of what the device prints on its console, without a line end. */
  readonly log: (line: string) => void
  /** The serial port at which a host drives the device; absent on devices, and in contacts, that have none. */
  readonly port?: BodyPort
  /** The SIM slot and the radio; absent on devices that have none. */
  readonly radio?: BodyRadio
}

/** A module's serial port, the module's end. What hosts type is kept for a while; what nobody has open to read is lost. */
export interface BodyPort {
  /** The next bytes that a host typed, at least one and at most `maxBytes`. Rejects when the power is taken away. */
  readonly read: (maxBytes: number) => Promise<Uint8Array>
  readonly write: (bytes: Uint8Array) => void
  /** USB leaves the bus: every host has lost its port, and what it typed last. */
  readonly detach: () => void
  /** USB is back, perhaps under another name; hosts have to open the port again. */
  readonly attach: () => void
  /** Whether a host has the port open now. */
  readonly isOpen: () => boolean
  /** Sets a V.24 line of the module. */
  readonly setLine: (line: PortLine, isOn: boolean) => void
}

/** V.24 lines that a module drives. */
export type PortLine = "CTS" | "DCD" | "DSR" | "RI" | "RTS"

export interface BodyClock {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now: () => number
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
}

export interface BodyNet {
  /** Opens a TCP connection. Rejects with `LinkError`. `hostName` is a name or an address. */
  readonly connect: (target: ConnectTarget) => Promise<ByteStream>
  /** Waits for one TCP connection on a free local port (FTP active mode); the address is the one other streams left from. */
  readonly listenOnce: (beside: ByteStream) => Promise<Listening>
}

export interface ConnectTarget {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
  /** TLS without checking the certificate, as the devices do; absent = plain TCP. */
  readonly tls?: boolean
}

export interface Listening {
  readonly host: string
  readonly port: number
  readonly accept: (timeoutMs: number) => Promise<ByteStream>
  readonly close: () => void
}

/** One TCP connection as the device sees it. */
export interface ByteStream {
  readonly localHost: string
  /**
   * The next bytes, at most `maxBytes`; an empty array when the peer has ended. Rejects with `LinkError`: "timeout" after
   * `timeoutMs` without a byte, "reset" when the connection broke.
   */
  readonly read: (maxBytes: number, timeoutMs: number) => Promise<Uint8Array>
  readonly write: (bytes: Uint8Array) => Promise<void>
  /** Ends politely (FIN) and reads no more. */
  readonly end: () => void
  /** Ends at once (RST). */
  readonly destroy: () => void
}

/** Why a connection could not be had or kept. */
export class LinkError extends Error {
  override readonly name = "LinkError"
  readonly kind: "dns" | "refused" | "timeout" | "reset"

  constructor(kind: LinkError["kind"], message: string) {
    super(message)
    this.kind = kind
  }
}

export interface BodyStorage {
  /** A memory of fixed size: EEPROM or flash. New memory is filled with 0xFF. It keeps its content between runs. */
  readonly memory: (name: string, geometry: MemoryGeometry) => Promise<NonVolatileMemory>
  /** A file system: an SD card, a module's file area. It keeps its content between runs. */
  readonly files: (name: string) => Promise<DeviceFiles>
}

export interface MemoryGeometry {
  readonly sizeBytes: number
  /** Flash: erase unit in bytes; programming can only clear bits. Absent = EEPROM, any byte may be written. */
  readonly sectorBytes?: number
}

/** EEPROM or flash. Every `write` and `erase` is one operation at which power may fail. */
export interface NonVolatileMemory {
  readonly sizeBytes: number
  readonly read: (offset: number, length: number) => Promise<Uint8Array>
  /** EEPROM: stores. Flash: clears bits; bits that are 0 stay 0. */
  readonly write: (offset: number, bytes: Uint8Array) => Promise<void>
  /** Flash only: sets the whole sector that holds `offset` to 0xFF. */
  readonly erase: (offset: number) => Promise<void>
}

/** Files of a device. Every call that changes something is one operation at which power may fail. */
export interface DeviceFiles {
  readonly list: () => Promise<readonly string[]>
  /** Size in bytes, or null when there is no such file. */
  readonly size: (name: string) => Promise<number | null>
  readonly read: (name: string, offset: number, length: number) => Promise<Uint8Array>
  /** Makes an empty file, or empties it. */
  readonly create: (name: string) => Promise<void>
  readonly append: (name: string, bytes: Uint8Array) => Promise<void>
  readonly remove: (name: string) => Promise<void>
}

/** Thrown by a body whose power fails; nothing may catch it but the one who runs the device. */
export class PowerCut extends Error {
  override readonly name = "PowerCut"
}
