/** How many URCs a module keeps for a host that does not listen; the oldest are dropped. */
const mostKept = 20

/**
 * What becomes of `#OTAEV` lines by the mode of `#OTASUAN` (AT reference): 0 keeps them in the module; 1 drops them while
 * the port carries data; 2 keeps them until it does no more. Under autobauding none can be said before the host has typed
 * something, since the module does not know the host's speed (§3.1.2).
 */
export class UrcGate {
  readonly #write: (line: string) => void
  #kept: string[] = []
  isInDataMode = false
  /** The host's speed is not known. */
  isDeaf = false

  constructor(write: (line: string) => void) {
    this.#write = write
  }

  say(line: string, mode: number): void {
    if (this.isDeaf) return
    if (mode === 0 || (mode === 2 && this.isInDataMode)) {
      this.#kept.push(line)
      if (this.#kept.length > mostKept) this.#kept.shift()
    } else if (!this.isInDataMode) this.#write(line)
  }

  /** `#OTASUAN=,1|2,bfr`: 1 says what was kept, 0 forgets it. */
  enterMode(mode: number, buffer: number): void {
    if (mode === 0) return
    const kept = this.#kept
    this.#kept = []
    if (buffer === 1) for (const line of kept) this.#write(line)
  }

  leaveDataMode(): void {
    this.isInDataMode = false
    const kept = this.#kept
    this.#kept = []
    for (const line of kept) this.#write(line)
  }

  forget(): void {
    this.#kept = []
    this.isInDataMode = false
    this.isDeaf = false
  }
}
