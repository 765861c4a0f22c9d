import { createServer, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import { Provider } from "oidc-provider"

/** A real OpenID provider on loopback (`oidc-provider` of npm), whose people are whoever types their name. */
export interface TestProvider {
  readonly issuer: string
  /** Lets it know the server at this address as the client `waft`, with the secret `a secret of the client`. */
  readonly know: (server: string) => void
  /** What it says of people, by subject, beside their subject. */
  readonly people: Map<string, Readonly<Record<string, unknown>>>
  /** Lets the next answers be wrong ones. */
  readonly tamper: { answer: ((path: string, text: string) => string) | null }
  /** Requests so far, as `METHOD /path`. */
  readonly asked: string[]
  readonly close: () => Promise<void>
}

export const clientSecret = "a secret of the client"

/** `host`: the name under which it is asked, of this machine. */
export async function startProvider(host = "127.0.0.1"): Promise<TestProvider> {
  let answer: RequestListener = (_request, response) => {
    response.writeHead(503).end()
  }
  const asked: string[] = []
  const tamper: TestProvider["tamper"] = { answer: null }
  const people: TestProvider["people"] = new Map()
  const server = createServer((request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? ""
    asked.push(`${request.method} ${path}`)
    const { answer: change } = tamper
    if (change !== null) {
      const end = response.end.bind(response)
      response.end = ((chunk?: unknown, ...rest: never[]) => {
        if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) return end(chunk as never, ...rest)
        const text = change(path, Buffer.from(chunk as string).toString("utf8"))
        response.setHeader("content-length", Buffer.byteLength(text))
        return end(text)
      }) as typeof response.end
    }
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const issuer = `http://${host}:${(server.address() as AddressInfo).port}`
  const know = (url: string): void => {
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: "waft",
          client_secret: clientSecret,
          redirect_uris: [`${url}/api/oidc/callback`],
          grant_types: ["authorization_code"],
        },
      ],
      pkce: { required: () => true },
      cookies: { keys: ["of a test"] },
      claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
      ttl: { Session: 600, Interaction: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
      findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub, ...people.get(sub) }) }),
    })
    const called = provider.callback()
    answer = (request, response) => void called(request, response)
  }
  return {
    issuer,
    know,
    people,
    tamper,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Page {
  readonly url: URL
  readonly status: number
  readonly text: string
}

/** As much of a browser as a sign-in takes: cookies by host, redirects, one form a page. */
export class FormBrowser {
  readonly cookies = new Map<string, Map<string, string>>()

  async go(url: string | URL, form?: Readonly<Record<string, string>>): Promise<Page> {
    let at = new URL(url)
    let body: URLSearchParams | null = form === undefined ? null : new URLSearchParams(form)
    for (let hops = 0; hops < 20; hops++) {
      const jar = this.jar(at.host)
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ")
      const response = await fetch(at, {
        method: body === null ? "GET" : "POST",
        headers: { cookie },
        redirect: "manual",
        ...(body === null ? {} : { body }),
      })
      for (const one of response.headers.getSetCookie()) keep(jar, one)
      const { status } = response
      const to = response.headers.get("location")
      const text = await response.text()
      if (to === null) return { url: at, status, text }
      at = new URL(to, at)
      body = null
    }
    throw new Error(`too many redirects, the last to ${at.href}`)
  }

  jar(host: string): Map<string, string> {
    const jar = this.cookies.get(host) ?? new Map<string, string>()
    this.cookies.set(host, jar)
    return jar
  }

  /** Begins at `url`, types `name` into the provider's form and agrees; gives the page on which that ends. */
  async signIn(url: string, name: string): Promise<Page> {
    let page = await this.go(url)
    for (let forms = 0; forms < 3 && page.url.pathname.startsWith("/interaction/"); forms++) {
      const isLogin = page.text.includes('name="login"')
      const prompt = isLogin ? { prompt: "login", login: name, password: "any" } : { prompt: "consent" }
      page = await this.go(page.url, prompt)
    }
    return page
  }
}

function keep(jar: Map<string, string>, header: string): void {
  const [pair = ""] = header.split(";")
  const end = pair.indexOf("=")
  const [name, value] = [pair.slice(0, end), pair.slice(end + 1)]
  if (value === "" || /max-age=0|expires=thu, 01 jan 1970/i.test(header)) jar.delete(name)
  else jar.set(name, value)
}
