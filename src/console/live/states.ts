import type { LucideIcon } from "lucide-react"
import {
  ArrowDownToLine,
  CircleCheck,
  CircleDashed,
  CircleDot,
  CircleMinus,
  CirclePause,
  CircleSlash,
  Handshake,
  HardDriveDownload,
  LoaderCircle,
  OctagonX,
  Replace,
  Unplug,
} from "lucide-react"
import { type UpdateState, updateStates } from "../../core/domain/update.ts"

/** Each state's glyph; its colours stand in tokens.css under its name. A state without a row does not compile. */
export const stateGlyphs: Readonly<Record<UpdateState, LucideIcon>> = {
  waiting: CircleDashed,
  offered: CircleDot,
  accepted: Handshake,
  downloading: ArrowDownToLine,
  downloaded: HardDriveDownload,
  installing: LoaderCircle,
  succeeded: CircleCheck,
  failed: OctagonX,
  "no-show": Unplug,
  declined: CircleMinus,
  cancelled: CircleSlash,
  superseded: Replace,
}

/** In bars: what is done from the left, trouble at the right. */
export const barOrder: readonly UpdateState[] = [
  "succeeded",
  "installing",
  "downloaded",
  "downloading",
  "accepted",
  "offered",
  "waiting",
  "no-show",
  "failed",
  "declined",
  "cancelled",
  "superseded",
]

/** In filter chips: trouble first, then the update's life. */
export const troubleStates: readonly UpdateState[] = ["failed", "no-show", "declined"]
export const lifeStates: readonly UpdateState[] = [
  "waiting",
  "offered",
  "accepted",
  "downloading",
  "downloaded",
  "installing",
  "succeeded",
]

/** `No-show`, with what it means for hovering. */
export function stateWord(state: UpdateState): { readonly word: string; readonly means: string } {
  return { word: state.slice(0, 1).toUpperCase() + state.slice(1), means: updateStates[state].means }
}

/** A rollout's state in an update state's colours, with a glyph of its own where it pauses. */
export const rolloutLooks: Readonly<Record<string, { readonly as: UpdateState; readonly glyph: LucideIcon }>> = {
  running: { as: "downloading", glyph: ArrowDownToLine },
  paused: { as: "no-show", glyph: CirclePause },
  succeeded: { as: "succeeded", glyph: CircleCheck },
  failed: { as: "failed", glyph: OctagonX },
  aborted: { as: "cancelled", glyph: CircleSlash },
}

export function isUpdateState(text: string): text is UpdateState {
  return Object.hasOwn(updateStates, text)
}

/** States in which an update has come to its end. */
export const overStates: readonly UpdateState[] = barOrder.filter((state) => updateStates[state].over)
