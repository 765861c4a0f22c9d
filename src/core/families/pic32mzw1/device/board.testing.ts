import { makeJojodiff, padJojodiff } from "../../../delta/index.ts"
import { concat, hex, latin1 } from "../../../kit/bytes.ts"
import { sha256 } from "../../../kit/sha256.ts"
import type { RunEnd } from "../../family.ts"
import { versionMark } from "./board-hardware.ts"
import { deviceSide } from "./run.ts"
import { freshBootControl } from "../codec/image.ts"
import { writeManifest } from "../codec/manifest.ts"
import { boardModel, sectorBytes } from "../models.ts"
import { versionAsStored } from "../versions.ts"
import { type Answer, type Chips, type MemoryBoard, memoryBoard, serving } from "./memory-board.testing.ts"

/** An image for the slot whose program says its version constant. */
export function boardImage(
  version: number,
  options: { readonly model?: string; readonly codeBytes?: number } = {},
): Uint8Array {
  const { model = "v3.8", codeBytes = 5000 } = options
  const code = Uint8Array.from({ length: codeBytes }, (_, index) => (index * 7 + version) & 0xff)
  code.set(latin1(`${versionMark}${version}\0`), 16)
  return concat([freshBootControl(boardModel(model).slot), code])
}

/** The same program as of another version: only its version constant differs, and a few bytes here and there. */
export function nextImage(image: Uint8Array, version: number): Uint8Array {
  const next = image.slice()
  next.set(latin1(`${versionMark}${version}\0`), sectorBytes + 16)
  for (let at = sectorBytes + 100; at < next.length; at += 4001) next[at] = version
  return next
}

export function digestOf(image: Uint8Array): string {
  return hex(sha256(image))
}

/** Manifest and image of one version, by path. */
export function release(version: number, image = boardImage(version), erase = false): Record<string, Uint8Array> {
  const name = `v${version}.bin`
  return {
    "/d/k/ota.json": writeManifest({
      version,
      url: `http://10.0.0.2:8081/d/k/${name}`,
      digest: digestOf(image),
      erase,
    }),
    [`/d/k/${name}`]: image,
  }
}

/** What goes wrong with a patch: `patch` is served although the manifest announced another, `announced` is no good one. */
interface PatchChange {
  readonly model?: string
  readonly patch?: Uint8Array
  readonly announced?: Uint8Array
  readonly target?: Uint8Array
}

/** Manifest, image and a patch from one version to another, by path. */
export function patchRelease(from: number, to: number, change: PatchChange = {}): Record<string, Uint8Array> {
  const model = change.model ?? "v3.8"
  const base = boardImage(from, { model })
  const image = boardImage(to, { model })
  const patch = change.announced ?? padJojodiff(makeJojodiff(base, image), sectorBytes + 1)
  const directory = "http://10.0.0.2:8081/d/k/"
  const manifest = writeManifest({
    version: to,
    url: `${directory}v${to}.bin`,
    digest: digestOf(image),
    erase: false,
    patches: [
      {
        baseVersion: versionAsStored(from),
        baseDigest: digestOf(base),
        url: `${directory}v${to}-p${from}.patch`,
        patchDigest: digestOf(patch),
        targetDigest: digestOf(change.target ?? image),
      },
    ],
  })
  const names = { image: `/d/k/v${to}.bin`, patch: `/d/k/v${to}-p${from}.patch` }
  return { "/d/k/ota.json": manifest, [names.image]: image, [names.patch]: change.patch ?? patch }
}

export const manifestUrl = "http://10.0.0.2:8081/d/k/ota.json"

/** A board that a test switches on, polls and switches off. */
export class TestBoard {
  readonly chips: Chips
  readonly model: string
  #ram = new Map<string, unknown>()
  lines: string[] = []
  requests: string[] = []
  operations = 0

  constructor(model = "v3.8", chips: Chips = new Map()) {
    this.model = model
    this.chips = chips
  }

  /** One contact while the power stays on. */
  async poll(
    answer: Record<string, Uint8Array> | ((request: string) => Answer),
    options: { readonly fault?: string; readonly console?: string; readonly cutAt?: number } = {},
  ): Promise<RunEnd> {
    const board: MemoryBoard = memoryBoard({
      chips: this.chips,
      answer: typeof answer === "function" ? answer : serving(answer),
      ...(options.cutAt === undefined ? {} : { cutAt: options.cutAt }),
    })
    this.lines = board.lines
    this.requests = board.requests
    try {
      return await deviceSide.run(board.body, {
        model: this.model,
        server: { url: manifestUrl, console: options.console ?? "" },
        fault: options.fault ?? null,
        speed: 1,
        ram: this.#ram,
        signal: new AbortController().signal,
      })
    } finally {
      this.operations = board.operations()
    }
  }

  /** Power off: the RAM is gone, the flash stays. */
  powerOff(): void {
    this.#ram = new Map()
  }

  /** A board with the same flash contents. */
  copy(): TestBoard {
    return new TestBoard(this.model, new Map([...this.chips].map(([name, chip]) => [name, chip.slice()])))
  }
}
