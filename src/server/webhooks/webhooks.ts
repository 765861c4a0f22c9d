import { type WaftEvent } from "../../core/domain/events/table.ts"
import type { Webhook, WebhookStanding } from "../../core/domain/people.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { commit, eventOf } from "../fleet/commit.ts"
import type { FleetNeeds, OnBehalf } from "../fleet/fleet-needs.ts"
import { checkName } from "../people/tokens.ts"
import { secretPrefix } from "./sign.ts"

/** Each costs a look at the log for every burst of events. */
const mostWebhooks = 20

export interface WebhookWish {
  readonly name: string
  readonly url: string
  /** Absent = every kind. */
  readonly kinds?: readonly string[] | undefined
  /** `whsec_` and base64; absent = one is made. */
  readonly secret?: string | undefined
}

type Needs = Pick<FleetNeeds, "clock" | "store" | "events" | "live"> &
  OnBehalf & {
    /** Random bytes, base64. */
    readonly randomKey: () => string
  }

/** Makes a webhook: it is told of what happens from now on. Refuses `webhook-exists`, `bad-webhook`, `too-many-webhooks`. */
export async function createWebhook(needs: Needs, wish: WebhookWish): Promise<Webhook> {
  const { name, kinds = ["*"], secret = `${secretPrefix}${needs.randomKey()}` } = wish
  checkName(name)
  checkSecret(secret)
  const url = checkedUrl(wish.url)
  if (needs.live.webhooks.has(name)) throw new Refusal("webhook-exists", { name })
  if (needs.live.webhooks.size >= mostWebhooks) throw new Refusal("too-many-webhooks", { most: mostWebhooks })
  const at = needs.clock.now()
  const webhook: Webhook = { name, url, kinds, secret, createdAt: at }
  const seq = await needs.store.lastEventSeq()
  if (needs.live.webhooks.has(name)) throw new Refusal("webhook-exists", { name })
  const sentence = `The webhook ${name} tells ${new URL(url).host} of ${kinds.join(", ")}.`
  await commit(needs, needs.actor, [
    { put: "webhook", webhook },
    { put: "standing", standing: freshStanding(name, seq) },
    eventOf({ at, kind: "webhook.created", sentence, data: { name, kinds: [...kinds] } }),
  ])
  return webhook
}

export async function removeWebhook(needs: Needs, name: string): Promise<void> {
  webhookByName(needs, name)
  const sentence = `The webhook ${name} was removed.`
  await commit(needs, needs.actor, [
    { remove: "webhook", id: name },
    { remove: "standing", id: name },
    eventOf({ at: needs.clock.now(), kind: "webhook.removed", sentence }),
  ])
}

/** Lets a webhook go on at once: where it stopped, or with what happens from now on. */
export async function resumeWebhook(needs: Needs, name: string, skips: boolean): Promise<void> {
  webhookByName(needs, name)
  const seq = skips ? await needs.store.lastEventSeq() : standingOf(needs, name).seq
  const sentence = `The webhook ${name} goes on after event ${seq}.`
  await commit(needs, needs.actor, [
    { put: "standing", standing: freshStanding(name, seq) },
    eventOf({ at: needs.clock.now(), kind: "webhook.resumed", sentence, data: { name, after: seq } }),
  ])
}

export function webhookByName({ live }: Pick<Needs, "live">, name: string): Webhook {
  const webhook = live.webhooks.get(name)
  if (webhook === undefined) throw new Refusal("no-such-webhook", { name })
  return webhook
}

export function standingOf({ live }: Pick<Needs, "live">, name: string): WebhookStanding {
  return live.standings.get(name) ?? freshStanding(name, 0)
}

/** Whether a webhook is told of an event. */
export function isToldOf({ kinds }: Pick<Webhook, "kinds">): (event: WaftEvent) => boolean {
  return ({ kind }) =>
    kinds.some((wanted) => (wanted.endsWith("*") ? kind.startsWith(wanted.slice(0, -1)) : kind === wanted))
}

export function freshStanding(name: string, seq: number): WebhookStanding {
  return { name, seq, state: "working", failingSince: null, failures: 0, trouble: null, deliveredAt: null }
}

function checkedUrl(text: string): string {
  const bad = (detail: string): Refusal => new Refusal("bad-webhook", { detail })
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw bad("The address is none; it is written as https://host/path.")
  }
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw bad("The address must begin with https:// or http://.")
  if (url.username !== "" || url.password !== "") throw bad("The address must carry no user and no password.")
  url.hash = ""
  return url.href
}

function checkSecret(secret: string): void {
  const bytes = Buffer.from(secret.slice(secretPrefix.length), "base64")
  const isWhole = bytes.toString("base64").replace(/=+$/, "") === secret.slice(secretPrefix.length).replace(/=+$/, "")
  if (secret.startsWith(secretPrefix) && isWhole && bytes.length >= 24 && bytes.length <= 64) return
  throw new Refusal("bad-webhook", { detail: "A webhook's secret is whsec_ and the base64 of 24 to 64 bytes." })
}
