import type { WebhookView } from "../../core/contract/schemas.ts"
import type { Webhook } from "../../core/domain/people.ts"
import type { FleetNeeds } from "../fleet/fleet-needs.ts"
import { actorOf, type Caller } from "../people/caller.ts"
import { messageOf } from "../webhooks/deliver.ts"
import { type Message, NotTaken } from "../webhooks/post.ts"
import { createWebhook, removeWebhook, resumeWebhook, standingOf, webhookByName } from "../webhooks/webhooks.ts"
import { smallPage } from "./page.ts"
import type { Handlers } from "./handler.ts"

export interface WebhookNeeds extends Pick<FleetNeeds, "clock" | "store" | "events" | "live"> {
  /** Random bytes, base64. */
  readonly randomKey: () => string
  readonly post: (message: Message) => Promise<number>
  /** A webhook was made, or is to go on at once. */
  readonly stirWebhook: (name: string) => void
}

type Names = "createWebhook" | "listWebhooks" | "testWebhook" | "resumeWebhook" | "removeWebhook"

/** Other servers that are told of events. */
export function webhookHandlers(needs: WebhookNeeds): Pick<Handlers, Names> {
  const by = (caller: Caller) => ({ ...needs, actor: actorOf(caller) })
  const nameOf = (params: unknown): string => (params as { name: string }).name
  const view = async (webhook: Webhook): Promise<WebhookView> =>
    webhookView(needs, webhook, await needs.store.lastEventSeq())
  return {
    createWebhook: async ({ body }, caller) => {
      const webhook = await createWebhook(by(caller), body)
      needs.stirWebhook(webhook.name)
      return { ...(await view(webhook)), secret: webhook.secret }
    },
    listWebhooks: async ({ query }) => {
      const last = await needs.store.lastEventSeq()
      return smallPage({
        rows: needs.live.webhooks.values(),
        query,
        sorts: { name: ({ name }) => name, created: ({ createdAt }) => createdAt },
        idOf: ({ name }) => name,
        view: (webhook) => webhookView(needs, webhook, last),
      })
    },
    testWebhook: async ({ params }) => {
      const from = needs.clock.monotonic()
      const message = messageOf(webhookByName(needs, nameOf(params)), [], needs.clock.now())
      const tookMs = (): number => Math.round(needs.clock.monotonic() - from)
      try {
        return { ok: true, status: await needs.post(message), trouble: null, tookMs: tookMs() }
      } catch (error) {
        if (!(error instanceof NotTaken)) throw error
        return { ok: false, status: error.status, trouble: error.message, tookMs: tookMs() }
      }
    },
    resumeWebhook: async ({ params, query: { skip = false } }, caller) => {
      const name = nameOf(params)
      await resumeWebhook(by(caller), name, skip)
      needs.stirWebhook(name)
      return view(webhookByName(needs, name))
    },
    removeWebhook: async ({ params }, caller) => {
      const name = nameOf(params)
      await removeWebhook(by(caller), name)
      return { name }
    },
  }
}

function webhookView(needs: WebhookNeeds, { name, url, kinds, createdAt }: Webhook, last: number): WebhookView {
  const { seq, state, failures, failingSince, trouble, deliveredAt } = standingOf(needs, name)
  const behind = Math.max(0, last - seq)
  return { name, url, kinds: [...kinds], createdAt, state, seq, behind, failures, failingSince, trouble, deliveredAt }
}
