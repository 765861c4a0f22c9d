import { cleanText } from "../../../kit/clean-text.ts"
import { isRecord, objectOf } from "./json-text.ts"

/** What a client may do with an action (`status.execution`). */
export const executions = [
  "closed",
  "proceeding",
  "canceled",
  "scheduled",
  "rejected",
  "resumed",
  "downloaded",
  "download",
] as const
export type Execution = (typeof executions)[number]

/** How it ended (`status.result.finished`). */
export const results = ["success", "failure", "none"] as const
export type Finished = (typeof results)[number]

/** A feedback to an action, as far as the server looks at it. */
export interface Feedback {
  readonly execution: Execution
  readonly finished: Finished
  /** 0 to 100, of `result.progress` with `cnt` and `of`, or a number; null = it says nothing. */
  readonly percent: number | null
  /** `status.code` as a text; null = none. */
  readonly code: string | null
  /** `status.details`, cleaned; at most twenty. */
  readonly details: readonly string[]
}

const mostDetails = 20

/**
 * Reads a feedback as clients really send it: keys that are not known, numbers for texts, a missing `timestamp`, a missing
 * `result` and one detail without its list are no faults; an execution or a result that is no word of the protocol is one.
 */
export function readFeedback(body: Uint8Array): Feedback | { readonly fault: string } {
  const value = objectOf(body)
  if ("fault" in value && Object.keys(value).length === 1) return { fault: String(value["fault"]) }
  const { status } = value as Readonly<Record<string, unknown>>
  if (!isRecord(status)) return { fault: "status is missing" }
  const execution = wordOf(executions, status["execution"])
  if (execution === null) return { fault: `status.execution takes one of ${executions.join(", ")}` }
  const result = isRecord(status["result"]) ? status["result"] : {}
  const finished = result["finished"] === undefined ? "none" : wordOf(results, result["finished"])
  if (finished === null) return { fault: `status.result.finished takes one of ${results.join(", ")}` }
  return {
    execution,
    finished,
    percent: percentOf(result["progress"]),
    code: codeOf(status["code"]),
    details: detailsOf(status["details"]),
  }
}

/** Takes a word in any case. */
function wordOf<Word extends string>(words: readonly Word[], value: unknown): Word | null {
  if (typeof value !== "string") return null
  return words.find((word) => word === value.toLowerCase()) ?? null
}

function percentOf(progress: unknown): number | null {
  const { cnt, of } = isRecord(progress) ? progress : { cnt: progress, of: 100 }
  const [done, whole] = [Number(cnt ?? Number.NaN), Number(of ?? 100)]
  if (typeof cnt === "boolean" || !Number.isFinite(done) || !(whole > 0)) return null
  return Math.max(0, Math.min(100, Math.floor((100 * done) / whole)))
}

function codeOf(code: unknown): string | null {
  if (typeof code === "number" && Number.isFinite(code)) return String(code)
  return typeof code === "string" && code !== "" ? cleanText(code.trim(), "code") : null
}

function detailsOf(details: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(details) ? details : [details]
  return list
    .slice(-mostDetails)
    .flatMap((one) =>
      typeof one === "string" || typeof one === "number" ? [cleanText(String(one).trim(), "words")] : [],
    )
    .filter((one) => one !== "")
}

/** Whether the device agrees to an action that waits for that. */
export function readConfirmation(
  body: Uint8Array,
): { readonly isConfirmed: boolean; readonly details: readonly string[] } | { readonly fault: string } {
  const value = objectOf(body)
  const word = wordOf(["confirmed", "denied"], (value as Readonly<Record<string, unknown>>)["confirmation"])
  if (word === null) return { fault: "confirmation takes confirmed or denied" }
  return {
    isConfirmed: word === "confirmed",
    details: detailsOf((value as Readonly<Record<string, unknown>>)["details"]),
  }
}
