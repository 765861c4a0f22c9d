import type { FastifyContextConfig, FastifyInstance, FastifyRequest } from "fastify"
import { Refusal } from "../../core/domain/refusal.ts"

export interface OperationsNeeds {
  /** Why the server cannot keep what it is told; null = it can. */
  readonly whyNotReady: () => Promise<string | null>
  readonly metrics: { readonly contentType: string; readonly text: () => Promise<string> }
  /** Whether a request comes with somebody's token. */
  readonly isKnown: (request: FastifyRequest) => boolean
}

const everybody = { permit: null } as FastifyContextConfig

/**
 * What the operator's other programs ask: `/healthz` (the process answers), `/readyz` (it can keep what it is told; 503
 * with the reason otherwise) and `/metrics` for Prometheus. The numbers are for who has a token, or asks from this very machine.
 */
export function addOperations(api: FastifyInstance, { whyNotReady, metrics, isKnown }: OperationsNeeds): void {
  const options = { schema: { hide: true }, config: everybody }
  api.get("/healthz", options, (_request, reply) => reply.type("text/plain; charset=utf-8").send("ok\n"))
  api.get("/readyz", options, async (_request, reply) => {
    const why = await whyNotReady()
    return reply
      .code(why === null ? 200 : 503)
      .type("text/plain; charset=utf-8")
      .send(why === null ? "ready\n" : `not ready: ${why}\n`)
  })
  api.get("/metrics", options, async (request, reply) => {
    if (!isFromHere(request) && !isKnown(request)) throw new Refusal("bad-token")
    return reply.type(metrics.contentType).send(await metrics.text())
  })
}

/** What a proxy on this machine passes on comes from elsewhere. */
function isFromHere({ raw }: FastifyRequest): boolean {
  const { remoteAddress } = raw.socket
  if (["x-forwarded-for", "forwarded", "via", "x-real-ip"].some((name) => name in raw.headers)) return false
  // Over the socket in the data folder there is no address.
  return remoteAddress === undefined || /^(?:127\.|::1$|::ffff:127\.)/.test(remoteAddress)
}
