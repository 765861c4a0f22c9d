import { authorOf, engine } from "../../core/domain/actor.ts"
import type { EventKind, WaftEvent } from "../../core/domain/events/table.ts"
import type { Webhook, WebhookStanding } from "../../core/domain/people.ts"
import { commit, eventOf } from "../fleet/commit.ts"
import type { FleetNeeds } from "../fleet/fleet-needs.ts"
import type { Change } from "../fleet/needs.ts"
import { type Message, NotTaken } from "./post.ts"
import { signedHeaders } from "./sign.ts"
import { isToldOf, standingOf } from "./webhooks.ts"

/** Events that one message carries at most. */
const mostEvents = 100
const eventsAtOnce = 500
/** Events that are no webhook's are passed over without a write, up to so many. */
const passedUnsaved = 5000
const firstPauseMs = 1000
const longestPauseMs = 3_600_000
/** A server that takes nothing is told on the log at this try, and given up after so long. */
const toldAtFailure = 5
export const givenUpAfterMs = 3 * 86_400_000

export interface DeliverNeeds extends Pick<FleetNeeds, "clock" | "store" | "events" | "live"> {
  readonly post: (message: Message) => Promise<number>
}

/** What one step of a webhook came to: there is more, it is at the end of the log, it has to wait, or is not tried any more. */
export type Step = "more" | "at-end" | "failed" | "stopped"

/** One webhook on its way through the log. */
export class Delivery {
  readonly #needs: DeliverNeeds
  readonly #name: string
  /** As far as it has come; the store may be behind by what was none of its kinds. */
  #seq: number

  constructor(needs: DeliverNeeds, name: string) {
    this.#needs = needs
    this.#name = name
    this.#seq = standingOf(needs, name).seq
  }

  /**
   * Tells of the next events. They count as told once the server has answered and that is stored: after a crash in between
   * they are told again, under the same id.
   */
  async step(): Promise<Step> {
    const webhook = this.#needs.live.webhooks.get(this.#name)
    const standing = standingOf(this.#needs, this.#name)
    if (webhook === undefined || standing.state === "given-up") return "stopped"
    // Somebody may have let it go on from elsewhere.
    if (standing.seq > this.#seq) this.#seq = standing.seq
    const page = await this.#needs.store.events({ after: this.#seq, limit: eventsAtOnce })
    const isTold = isToldOf(webhook)
    const told = page.filter(isTold).slice(0, mostEvents)
    const last = told.length < mostEvents ? page.at(-1) : told.at(-1)
    if (last === undefined) return "at-end"
    if (told.length > 0) return this.#tell(webhook, told, last.seq)
    this.#seq = last.seq
    if (last.seq - standing.seq >= passedUnsaved) await this.#save({ ...standing, seq: last.seq })
    return page.length < eventsAtOnce ? "at-end" : "more"
  }

  /** How long to wait after the failures so far, ms. */
  pauseMs(): number {
    const { failures } = standingOf(this.#needs, this.#name)
    return Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures - 1, 20))
  }

  async #tell(webhook: Webhook, events: readonly WaftEvent[], upTo: number): Promise<Step> {
    try {
      await this.#needs.post(messageOf(webhook, events, this.#needs.clock.now()))
    } catch (error) {
      if (!(error instanceof NotTaken)) throw error
      return this.#failed(error.message)
    }
    this.#seq = upTo
    await this.#delivered(upTo)
    return "more"
  }

  async #delivered(seq: number): Promise<void> {
    const { name, failures } = standingOf(this.#needs, this.#name)
    const at = this.#needs.clock.now()
    const wasTold = failures >= toldAtFailure
    await this.#save(
      { name, seq, state: "working", failingSince: null, failures: 0, trouble: null, deliveredAt: at },
      wasTold ? this.#event("webhook.recovered", `The webhook ${name} is told of events again.`) : null,
    )
  }

  async #failed(trouble: string): Promise<Step> {
    const before = standingOf(this.#needs, this.#name)
    const now = this.#needs.clock.now()
    const failures = before.failures + 1
    // A date that was set back makes nothing last longer.
    const failingSince = Math.min(before.failingSince ?? now, now)
    const isOver = now - failingSince >= givenUpAfterMs
    const standing = { ...before, state: isOver ? "given-up" : "failing", failures, failingSince, trouble } as const
    await this.#save(standing, this.#failureEvent(standing))
    return isOver ? "stopped" : "failed"
  }

  #failureEvent({ name, state, failures, trouble }: WebhookStanding): Change | null {
    if (state === "given-up") {
      const cure = `\`waft webhook resume ${name}\` tries again`
      return this.#event("webhook.given-up", `The webhook ${name} was given up after three days (${trouble}); ${cure}.`)
    }
    if (failures !== toldAtFailure) return null
    return this.#event("webhook.failing", `The webhook ${name} could not be told ${failures} times: ${trouble}.`)
  }

  #event(
    kind: Extract<EventKind, `webhook.${string}`> & ("webhook.failing" | "webhook.recovered" | "webhook.given-up"),
    sentence: string,
  ): Change {
    return eventOf({ at: this.#needs.clock.now(), kind, sentence, data: { name: this.#name } })
  }

  /** It may have been removed, or sent elsewhere, while its server was asked. */
  async #save(standing: WebhookStanding, event: Change | null = null): Promise<void> {
    if (!this.#needs.live.webhooks.has(this.#name)) return
    await commit(this.#needs, engine, [{ put: "standing", standing }, ...(event === null ? [] : [event])])
  }
}

/** The message that tells of events: the same events have the same id, and every try its own time. */
export function messageOf(webhook: Webhook, events: readonly WaftEvent[], atMs: number): Message {
  const body = JSON.stringify({ webhook: webhook.name, events: events.map(toldEvent) })
  const id = `msg_${webhook.name}-${webhook.createdAt}-${events[0]?.seq ?? 0}-${events.at(-1)?.seq ?? 0}`
  return { url: webhook.url, body, headers: signedHeaders(webhook.secret, { id, atMs, body }) }
}

/** An event as the stream tells it. */
function toldEvent(event: WaftEvent): object {
  return { ...event, actor: event.actor === null ? null : authorOf(event.actor) }
}
