import { sha256 } from "@noble/hashes/sha2.js"
import { equalBytes } from "../../kit/bytes.ts"
import { BinaryCoder, type CoderState } from "../code/binary-coder.ts"
import { codePreamble, sectorCount, targetCoder } from "../code/session.ts"
import type { TargetCoder } from "../code/target-coder.ts"
import { isSourceDigest, type Patch, readPatch, spareSectors } from "../container.ts"
import { DeltaError } from "../delta-error.ts"
import type { Flash, FlashLayout } from "./flash.ts"
import { Journal, type Progress } from "./journal.ts"
import { OldImage } from "./old-image.ts"
import { groupsOf, type Run, type Step } from "./order.ts"

/**
 * Overwrites the image in flash with the patch's target, or goes on where a power cut stopped it: call it again, on
 * the same flash, after every restart until it returns. Each step decodes one sector, stages it, records it in the
 * journal, programs it, and records that it is done; what is staged and recorded can be done again any number of times.
 *
 * Throws `DeltaError` before the first write when patch, source or layout do not fit. The whole patch must be in
 * non-volatile memory.
 */
export function updateInPlace(patchBytes: Uint8Array, flash: Flash, layout: FlashLayout): void {
  const steps = updateInPlaceSteps(patchBytes, flash, layout)
  while (steps.next().done !== true);
}

/**
 * The same, stopping after each sector that it writes to give the share that is done, 0 … 1: for who shows progress, or
 * does something else between two sectors.
 */
export function* updateInPlaceSteps(
  patchBytes: Uint8Array,
  flash: Flash,
  layout: FlashLayout,
): Generator<number, void> {
  const patch = readPatch(patchBytes)
  checkLayout(patch, flash, layout)
  yield* new InPlaceUpdate(patch, flash, layout).run()
}

function checkLayout({ header }: Patch, flash: Flash, layout: FlashLayout): void {
  if (header.sectorSize === 0) throw new DeltaError("unsupported", "the patch was made to be streamed")
  if (header.sectorSize !== flash.sectorSize) {
    throw new DeltaError("unsupported", `sectors of ${header.sectorSize} bytes, the flash has ${flash.sectorSize}`)
  }
  if (spareSectors(header) > layout.preserve.length) {
    throw new DeltaError(
      "too-little-memory",
      `${spareSectors(header)} spare sectors are needed, there is room for ${layout.preserve.length}`,
    )
  }
  const end = layout.image + Math.max(sectorCount(header) * header.sectorSize, header.sourceSize)
  if (end > flash.size) throw new DeltaError("too-little-memory", "the image does not fit into the flash")
  for (const sector of [layout.staging, ...layout.journal, ...layout.preserve]) {
    if (sector >= layout.image && sector < end)
      throw new DeltaError("too-little-memory", "the image would reach into the working sectors")
  }
}

class InPlaceUpdate {
  private readonly patch: Patch
  private readonly flash: Flash
  private readonly layout: FlashLayout
  private readonly journal: Journal
  private readonly old: OldImage
  private readonly sector: Uint8Array
  /** Reads back what was programmed, a piece at a time. */
  private readonly check = new Uint8Array(64)

  constructor(patch: Patch, flash: Flash, layout: FlashLayout) {
    const { header } = patch
    this.patch = patch
    this.flash = flash
    this.layout = layout
    this.journal = new Journal(flash, layout.journal, header.payloadCrc)
    this.sector = new Uint8Array(header.sectorSize)
    this.old = new OldImage({
      sectors: sectorCount(header),
      slots: header.preserveSlots,
      sectorSize: header.sectorSize,
      sourceSize: header.sourceSize,
      phase: header.phase.old,
      readImage: (offset, into) => flash.read(layout.image + offset, into),
      readSlot: (slot, offset, into) => flash.read((layout.preserve[slot] as number) + offset, into),
    })
  }

  *run(): Generator<number, void> {
    const before = this.journal.open()
    if (before?.type === "finished") return
    if (before === null) this.checkSource()
    const { header, payload } = this.patch
    const coder = BinaryCoder.decoder(payload)
    const isDelta = header.algorithm === "delta"
    const preamble = isDelta
      ? codePreamble(coder, header, null)
      : { relation: null, runs: inOrder(sectorCount(header)) }
    if (before === null) this.record("begun", 0, coder.state())
    const progress = before ?? { type: "begun", step: 0, coder: coder.state(), kept: [] }
    const target = targetCoder(coder, header, preamble.relation, this.old.read)
    this.resume(progress, preamble.runs, coder)
    let step = 0
    for (const group of groupsOf(preamble.runs, header.stagingSectors)) {
      const last = step + group.length - 1
      if (!isDone(progress, last)) {
        for (const [i, { sector, keep }] of group.entries()) {
          const isKept = progress.type === "kept" && step + i <= progress.step
          if (keep > 0 && !isKept) this.keep({ step: step + i, sector, slot: keep - 1, coder: coder.state() })
        }
        this.stage(target, group)
        this.record("staged", last, coder.state())
        this.place(last, group, coder.state())
        yield (last + 1) / sectorCount(header)
      }
      step = last + 1
    }
    this.checkTarget()
    this.record("finished", step, coder.state())
  }

  /** Brings memory to where the journal says the update stood, and finishes a group that was staged. */
  private resume(progress: Progress, runs: readonly Run[], coder: BinaryCoder): void {
    coder.restore(progress.coder)
    for (const [slot, sector] of progress.kept.entries())
      if (sector >= 0 && slot < this.old.kept.length) this.old.keep(slot, sector)
    let step = 0
    for (const group of groupsOf(runs, this.patch.header.stagingSectors)) {
      const last = step + group.length - 1
      if (!isDone(progress, last)) return
      for (const { sector } of group) this.old.written.add(sector)
      if (last === progress.step && progress.type === "staged") this.place(last, group, progress.coder)
      step = last + 1
    }
  }

  private checkSource(): void {
    const { header } = this.patch
    if (!isSourceDigest(header, this.digest(header.sourceSize))) {
      throw new DeltaError("wrong-source", "the image in flash has another digest")
    }
  }

  private checkTarget(): void {
    const { header } = this.patch
    if (!equalBytes(this.digest(header.targetSize), header.targetSha256)) {
      throw new DeltaError("wrong-target", "the image in flash has another digest")
    }
  }

  private digest(size: number): Uint8Array {
    const hash = sha256.create()
    for (let at = 0; at < size; at += this.sector.length) {
      const part = this.sector.subarray(0, Math.min(this.sector.length, size - at))
      this.flash.read(this.layout.image + at, part)
      hash.update(part)
    }
    return hash.digest()
  }

  private keep(parts: {
    readonly step: number
    readonly sector: number
    readonly slot: number
    readonly coder: CoderState
  }): void {
    this.flash.read(this.layout.image + parts.sector * this.sector.length, this.sector)
    this.rewrite(this.layout.preserve[parts.slot] as number)
    this.old.keep(parts.slot, parts.sector)
    this.record("kept", parts.step, parts.coder)
  }

  private decode(target: TargetCoder, index: number): void {
    const { header, payload } = this.patch
    const from = index * header.sectorSize
    const part = this.sector.subarray(0, Math.min(header.sectorSize, header.targetSize - from))
    this.sector.fill(0xff)
    if (header.algorithm === "stored") return part.set(payload.subarray(from, from + part.length))
    if (header.algorithm === "full") return target.literals(part)
    target.seek(from + header.phase.new)
    target.group(part, from + header.phase.new, null)
  }

  /** Decodes a group. Until all of it is staged, all old bytes are where they were. */
  private stage(target: TargetCoder, group: readonly Step[]): void {
    target.reset()
    for (const [i, { sector }] of group.entries()) {
      this.decode(target, sector)
      this.rewrite(this.stagingAt(i))
    }
  }

  /** Where the sector of a group goes first: behind the first one, into the spare sectors that keep nothing. */
  private stagingAt(index: number): number {
    if (index === 0) return this.layout.staging
    return this.layout.preserve[this.patch.header.preserveSlots + index - 1] as number
  }

  /** Copies the staged sectors to their places. May be done any number of times. */
  private place(last: number, group: readonly Step[], coder: CoderState): void {
    for (const [i, { sector }] of group.entries()) {
      this.flash.read(this.stagingAt(i), this.sector)
      this.rewrite(this.layout.image + sector * this.sector.length)
      this.old.written.add(sector)
    }
    this.record("done", last, coder)
  }

  /** Erases a sector, programs the buffer into it and reads it back. */
  private rewrite(address: number): void {
    this.flash.erase(address)
    this.flash.program(address, this.sector)
    const { check } = this
    for (let at = 0; at < this.sector.length; at += check.length) {
      this.flash.read(address + at, check)
      if (!equalBytes(check, this.sector.subarray(at, at + check.length))) {
        throw new DeltaError("flash-failed", `at address ${address + at}`)
      }
    }
  }

  private record(type: Progress["type"], step: number, coder: CoderState): void {
    this.journal.append({ type, step, coder, kept: [...this.old.kept] })
  }
}

/** Whether a group that ends with a step needs no decoding any more. */
function isDone({ type, step }: Progress, last: number): boolean {
  return last < step || (last === step && (type === "done" || type === "staged"))
}

function inOrder(sectors: number): Run[] {
  return [{ start: 0, length: sectors, step: 1, keep: 0 }]
}
