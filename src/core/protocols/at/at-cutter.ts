import { fromLatin1 } from "../../kit/bytes.ts"

/** One piece of what a module says. */
export type AtPiece =
  /** A line without its end, never empty. */
  | { readonly kind: "line"; readonly text: string }
  /** `>` without a line end (3GPP TS 27.005 §3.5.1 has a blank behind it, modems exist that have none): it waits for data. */
  | { readonly kind: "prompt" }
  /** A line longer than the limit; its text is lost, because half a line can say what the whole one does not. */
  | { readonly kind: "overlong" }

const carriageReturn = 0x0d
const lineFeed = 0x0a
const none = new Uint8Array(0)

/**
 * Cuts what a module sends into lines, however the bytes were cut. CR and LF each end a line, so that verbose codes
 * (`CR LF OK CR LF`), numeric ones (`0 CR`, V.250 §6.2.6) and echoes (`AT CR`) are all seen as soon as they are whole;
 * empty lines vanish. NUL bytes, which a UART makes while its other end boots, are dropped.
 */
export class AtCutter {
  readonly #maxLineBytes: number
  #pending: Uint8Array = none
  #length = 0
  #isOverlong = false
  /** The prompt was told by its `>`; its blank may still come. */
  #mayBlankFollow = false

  constructor(maxLineBytes = 1024) {
    this.#maxLineBytes = maxLineBytes
  }

  /** Whether a line has begun and not ended. */
  get isMidLine(): boolean {
    return this.#length > 0 || this.#isOverlong
  }

  /** Takes in some bytes; gives what they completed. `expectsPrompt`: a line that begins with `>` is the prompt. */
  push(bytes: Uint8Array, expectsPrompt = false): readonly AtPiece[] {
    const pieces: AtPiece[] = []
    for (const byte of bytes) {
      if (byte === carriageReturn || byte === lineFeed) {
        this.#mayBlankFollow = false
        const piece = this.#finish()
        if (piece !== null) pieces.push(piece)
        continue
      }
      if (byte === 0) continue
      const isBlankOfPrompt = this.#mayBlankFollow && byte === 0x20
      this.#mayBlankFollow = false
      if (isBlankOfPrompt) continue
      this.#keep(byte)
      if (expectsPrompt && this.#isPrompt()) {
        this.#length = 0
        this.#mayBlankFollow = true
        pieces.push({ kind: "prompt" })
      }
    }
    return pieces
  }

  /** Forgets an unfinished line: the port behind it is gone. */
  reset(): void {
    this.#length = 0
    this.#isOverlong = false
    this.#mayBlankFollow = false
  }

  #keep(byte: number): void {
    if (this.#isOverlong) return
    if (this.#length >= this.#maxLineBytes) {
      this.#isOverlong = true
      return
    }
    if (this.#length >= this.#pending.length) this.#grow()
    this.#pending[this.#length++] = byte
  }

  #grow(): void {
    const larger = new Uint8Array(Math.min(this.#maxLineBytes, Math.max(64, this.#pending.length * 2)))
    larger.set(this.#pending)
    this.#pending = larger
  }

  #isPrompt(): boolean {
    return this.#length === 1 && this.#pending[0] === 0x3e
  }

  #finish(): AtPiece | null {
    const text = fromLatin1(this.#pending, 0, this.#length)
    const isOverlong = this.#isOverlong
    this.reset()
    if (isOverlong) return { kind: "overlong" }
    return text === "" ? null : { kind: "line", text }
  }
}
