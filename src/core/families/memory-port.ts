import type { BodyPort, PortLine } from "./body.ts"

/** What a UART or a USB endpoint keeps while the module does not read, bytes; what comes beyond is lost. */
const mostPendingBytes = 64 * 1024

/** A host's end of a port, as the port sees it. */
export interface PortHost {
  /** The module sent this. Called in the same turn; it must not throw. */
  readonly receive: (bytes: Uint8Array) => void
  /** The port is gone: it left the bus, or the module has no power. Nothing more comes. */
  readonly vanish: () => void
}

/** What a host holds that has a port open. */
export interface OpenPort {
  /** Types bytes. They are lost when the port has vanished. */
  readonly write: (bytes: Uint8Array) => void
  readonly close: () => void
}

/** What whoever stands beside the port may want to see: a pseudo-terminal that comes and goes with it, a test. */
export interface PortWatcher {
  readonly attached?: () => void
  readonly detached?: () => void
  readonly lineChanged?: (line: PortLine, isOn: boolean) => void
  /** A host opened or closed the port, or lost it; so many have it open now. */
  readonly hostsChanged?: (count: number) => void
}

/**
 * The serial port of a virtual module in this process: the module has the `BodyPort`, hosts open the other end. Several
 * hosts see the same port, as programs on one machine would.
 */
export class MemoryPort implements BodyPort {
  readonly #hosts = new Set<PortHost>()
  readonly #watchers = new Set<PortWatcher>()
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #reader: {
    readonly maxBytes: number
    readonly resolve: (bytes: Uint8Array) => void
    readonly reject: (reason: unknown) => void
  } | null = null
  #isAttached = false
  #off: { readonly reason: unknown } | null = null

  // ---- the module's end

  readonly read = (maxBytes: number): Promise<Uint8Array> => {
    if (this.#off !== null) return Promise.reject(this.#off.reason)
    if (this.#reader !== null) return Promise.reject(new Error("the port is being read already"))
    if (this.#pending.length > 0) return Promise.resolve(this.#take(maxBytes))
    return new Promise((resolve, reject) => {
      this.#reader = { maxBytes, resolve, reject }
    })
  }

  readonly write = (bytes: Uint8Array): void => {
    if (!this.#isAttached) return
    for (const host of this.#hosts) host.receive(bytes)
  }

  readonly detach = (): void => {
    if (!this.#isAttached) return
    this.#isAttached = false
    this.#pending = []
    this.#pendingBytes = 0
    this.#loseHosts()
    for (const watcher of this.#watchers) watcher.detached?.()
  }

  readonly attach = (): void => {
    if (this.#isAttached || this.#off !== null) return
    this.#isAttached = true
    for (const watcher of this.#watchers) watcher.attached?.()
  }

  readonly isOpen = (): boolean => this.#hosts.size > 0

  readonly setLine = (line: PortLine, isOn: boolean): void => {
    for (const watcher of this.#watchers) watcher.lineChanged?.(line, isOn)
  }

  // ---- the host's end

  /** Whether a host could open the port now. */
  get isAttached(): boolean {
    return this.#isAttached
  }

  /** Opens the port; null when it is not there. */
  open(host: PortHost): OpenPort | null {
    if (!this.#isAttached) return null
    this.#hosts.add(host)
    this.#tellHosts()
    return {
      write: (bytes) => {
        if (this.#hosts.has(host)) this.#type(bytes)
      },
      close: () => {
        if (this.#hosts.delete(host)) this.#tellHosts()
      },
    }
  }

  /** Watches the port come and go; the returned function ends it. */
  watch(watcher: PortWatcher): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Takes the power away: hosts lose the port, and the module's read rejects with `reason`. */
  powerOff(reason: unknown): void {
    if (this.#off !== null) return
    this.detach()
    this.#loseHosts()
    this.#off = { reason }
    const reader = this.#reader
    this.#reader = null
    reader?.reject(reason)
  }

  #type(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const room = mostPendingBytes - this.#pendingBytes
    const kept = bytes.slice(0, room)
    if (kept.length === 0) return
    this.#pending.push(kept)
    this.#pendingBytes += kept.length
    const reader = this.#reader
    this.#reader = null
    reader?.resolve(this.#take(reader.maxBytes))
  }

  #take(maxBytes: number): Uint8Array {
    const first = this.#pending.shift() ?? new Uint8Array(0)
    const taken = first.subarray(0, maxBytes)
    if (taken.length < first.length) this.#pending.unshift(first.subarray(taken.length))
    this.#pendingBytes -= taken.length
    return taken
  }

  #loseHosts(): void {
    const hosts = [...this.#hosts]
    this.#hosts.clear()
    for (const host of hosts) host.vanish()
    if (hosts.length > 0) this.#tellHosts()
  }

  #tellHosts(): void {
    for (const watcher of this.#watchers) watcher.hostsChanged?.(this.#hosts.size)
  }
}
