import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from "fastify"
import { Refusal } from "../../core/domain/refusal.ts"
import { limits } from "../../core/kit/limits.ts"
import type { OpenedSession, Visit } from "../people/sessions.ts"
import { type BegunSignIn, type IdentityProvider, signInByClaims } from "../people/sign-in.ts"
import type { LoginNeeds } from "./login-handlers.ts"

export interface ProviderOptions {
  readonly needs: LoginNeeds
  readonly cookieName: string
  readonly visitOf: (request: FastifyRequest) => Visit
  readonly keepSession: (request: FastifyRequest, reply: FastifyReply, opened: OpenedSession) => void
  readonly complain: (what: string, error: unknown) => void
}

/** Somebody may take so long at the provider, ms. */
const longestMs = 600_000
const path = "/api/oidc"
const open = { schema: { hide: true }, config: { permit: null } as FastifyContextConfig }

/**
 * Where a browser begins a sign-in at the identity provider, and where the provider sends it back to. Nothing is kept here in
 * between: what belongs to a sign-in is the browser's own, in a cookie that only this process can read.
 */
export function addProviderRoutes(api: FastifyInstance, options: ProviderOptions): void {
  const { needs, complain } = options
  const sealed = new SealedCookie(options.cookieName, () => needs.clock.monotonic())
  let running = 0
  /** Each asks the provider something: no more at a time than limits say, whoever sends browsers here. */
  const inTurn = async <Result>(deed: (provider: IdentityProvider) => Promise<Result>): Promise<Result> => {
    if (needs.provider === null) throw new Refusal("no-provider")
    if (running >= limits["login.provider"].most) {
      needs.hits.hit("login.provider")
      throw new Refusal("busy")
    }
    running++
    try {
      return await deed(needs.provider)
    } finally {
      running--
    }
  }
  const asked = async <Result>(question: Promise<Result>): Promise<Result> => {
    try {
      return await question
    } catch (error) {
      complain("the identity provider could not be asked, or its answer is not sound", error)
      throw new Refusal("provider-failed", { detail: wordsOf(error) })
    }
  }
  const orBack = async (reply: FastifyReply, deed: () => Promise<void>): Promise<FastifyReply> => {
    try {
      await deed()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      // A browser is here: the sign-in page says why.
      return reply.redirect(`/#refused=${error.code}`)
    }
    return reply
  }
  api.get(`${path}/begin`, open, (request, reply) =>
    orBack(reply, async () => {
      const redirectUri = `${request.protocol}://${request.headers.host}${path}/callback`
      const begun = await inTurn((provider) => asked(provider.begin(redirectUri)))
      sealed.set(request, reply, begun)
      reply.redirect(begun.url)
    }),
  )
  api.get(`${path}/callback`, open, (request, reply) =>
    orBack(reply, async () => {
      const begun = sealed.take(request, reply)
      if (begun === null) throw new Refusal("sign-in-over")
      const answer = new URL(request.url, begun.redirectUri)
      const opened = await inTurn(async (provider) => {
        const claims = await asked(provider.finish(begun, answer))
        return signInByClaims({ ...needs, provider }, claims, options.visitOf(request))
      })
      options.keepSession(request, reply, opened)
      reply.redirect("/")
    }),
  )
}

/** A cookie for one sign-in: it comes along when the provider's page sends the browser back, so it is `Lax`, not `Strict`. */
class SealedCookie {
  readonly #name: string
  readonly #now: () => number
  readonly #key = randomBytes(32)

  constructor(name: string, now: () => number) {
    this.#name = `${name}-sign-in`
    this.#now = now
  }

  set(request: FastifyRequest, reply: FastifyReply, begun: BegunSignIn): void {
    const nonce = randomBytes(12)
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce)
    const text = JSON.stringify({ ...begun, url: "", until: this.#now() + longestMs })
    const value = Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()])
    this.#send(request, reply, value.toString("base64url"), longestMs / 1000)
  }

  /** What `set` was given; null = this browser began nothing here, or too long ago. It can be used no second time by an honest browser. */
  take(request: FastifyRequest, reply: FastifyReply): BegunSignIn | null {
    const pairs = (request.headers.cookie ?? "").split(";", 50).map((pair) => pair.trim())
    const value = pairs.find((pair) => pair.startsWith(`${this.#name}=`))?.slice(this.#name.length + 1)
    if (value === undefined) return null
    this.#send(request, reply, "", 0)
    try {
      const bytes = Buffer.from(value, "base64url")
      const decipher = createDecipheriv("aes-256-gcm", this.#key, bytes.subarray(0, 12), { authTagLength: 16 })
      decipher.setAuthTag(bytes.subarray(-16))
      const text = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString("utf8")
      const { until, ...begun } = JSON.parse(text) as BegunSignIn & { readonly until: number }
      return until > this.#now() ? begun : null
    } catch {
      // Not from this process: made up, or begun before a restart.
      return null
    }
  }

  #send(request: FastifyRequest, reply: FastifyReply, value: string, seconds: number): void {
    const secure = request.protocol === "https" ? "; Secure" : ""
    const kept = `${this.#name}=${value}; Path=${path}; HttpOnly; SameSite=Lax${secure}; Max-Age=${seconds}`
    // Fastify adds a further one to those that are there.
    reply.header("Set-Cookie", kept)
  }
}

/** What went wrong, as a library's error says it. */
function wordsOf(error: unknown): string {
  const { message, cause } = error as Error
  const inner = cause instanceof Error ? `: ${cause.message}` : ""
  return `${message}${inner}`.replace(/\.$/, "")
}
