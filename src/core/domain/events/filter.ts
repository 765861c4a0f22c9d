import type { WaftEvent } from "./table.ts"

/** What of the event log somebody wants; what is absent leaves nothing out. */
export interface EventFilter {
  readonly device?: string | undefined
  readonly rollout?: string | undefined
  /** Kinds separated by commas; `update.*` = all of that beginning. */
  readonly kind?: string | undefined
  /** Stands somewhere in the sentence, in any case. */
  readonly text?: string | undefined
}

/** Whether an event is wanted. */
export function eventFilter({ device, rollout, kind, text }: EventFilter): (event: WaftEvent) => boolean {
  const kinds = kind?.split(",") ?? []
  const exact = new Set(kinds.filter((one) => !one.endsWith("*")))
  const beginnings = kinds.filter((one) => one.endsWith("*")).map((one) => one.slice(0, -1))
  const isKind = (given: string): boolean =>
    kinds.length === 0 || exact.has(given) || beginnings.some((beginning) => given.startsWith(beginning))
  const words = text?.toLowerCase() ?? ""
  return (event) =>
    (device === undefined || event.deviceId === device) &&
    (rollout === undefined || event.rolloutId === rollout) &&
    isKind(event.kind) &&
    (words === "" || event.sentence.toLowerCase().includes(words))
}
