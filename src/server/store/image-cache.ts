import type { ImageRef } from "../../core/domain/records.ts"
import type { ImageHold } from "../fleet/needs.ts"

interface Cached {
  readonly bytes: Promise<Uint8Array>
  readonly sizeBytes: number
  holds: number
}

/**
 * One buffer an image, shared by every transfer of it and counted; images that nobody fetches make room for others,
 * the longest unused first. An image in use stays whatever the limit, so a thousand readers still cost one buffer.
 */
export class ImageCache {
  readonly #limitBytes: number
  readonly #load: (image: ImageRef) => Promise<Uint8Array>
  /** In order of last use, oldest first. */
  readonly #images = new Map<string, Cached>()
  #usedBytes = 0

  constructor(limitBytes: number, load: (image: ImageRef) => Promise<Uint8Array>) {
    this.#limitBytes = limitBytes
    this.#load = load
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  async hold(image: ImageRef): Promise<ImageHold> {
    const cached = this.#images.get(image.sha256) ?? this.#add(image)
    this.#images.delete(image.sha256)
    this.#images.set(image.sha256, cached)
    cached.holds++
    this.#trim()
    try {
      return this.#holdOn(cached, await cached.bytes)
    } catch (error) {
      cached.holds--
      if (this.#images.get(image.sha256) === cached) this.#drop(image.sha256, cached)
      throw error
    }
  }

  #add(image: ImageRef): Cached {
    const cached: Cached = { bytes: this.#load(image), sizeBytes: image.sizeBytes, holds: 0 }
    this.#images.set(image.sha256, cached)
    this.#usedBytes += image.sizeBytes
    return cached
  }

  #holdOn(cached: Cached, bytes: Uint8Array): ImageHold {
    let held = true
    return {
      sizeBytes: bytes.length,
      read: (offset, maxBytes) => bytes.subarray(offset, offset + maxBytes),
      release: () => {
        if (!held) return
        held = false
        cached.holds--
        this.#trim()
      },
    }
  }

  #trim(): void {
    for (const [sha256, cached] of this.#images) {
      if (this.#usedBytes <= this.#limitBytes) return
      if (cached.holds === 0) this.#drop(sha256, cached)
    }
  }

  #drop(sha256: string, cached: Cached): void {
    this.#images.delete(sha256)
    this.#usedBytes -= cached.sizeBytes
  }
}
