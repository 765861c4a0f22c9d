import { Failure } from "../failure.ts"

/** What is read of hawkBit's management API (`/rest/v1`), as far as it is looked at. */
export interface HawkbitTarget {
  readonly controllerId: string
  readonly name?: string
  readonly group?: string
  readonly securityToken?: string
  readonly targetTypeName?: string
}

export interface HawkbitTag {
  readonly id: number
  readonly name: string
}

export interface HawkbitModule {
  readonly id: number
  readonly name: string
  readonly version: string
  readonly type: string
  readonly encrypted?: boolean
}

export interface HawkbitSet {
  readonly id: number
  readonly name: string
  readonly version: string
  readonly deleted?: boolean
  readonly valid?: boolean
  readonly complete?: boolean
  readonly modules: readonly HawkbitModule[]
}

export interface HawkbitArtifact {
  readonly id: number
  readonly providedFilename: string
  readonly size: number
  readonly hashes: { readonly sha256?: string }
}

export interface HawkbitLogin {
  /** Scheme, host and port, and perhaps a path before `/rest/v1`. */
  readonly url: string
  /** A bearer token, or `user:password`. */
  readonly token: string
}

const pageSize = 500
const mostPages = 2000

/** Reads hawkBit's management API, page by page. Rejects with `Failure`. */
export class HawkbitApi {
  readonly #base: string
  readonly #authorization: string

  constructor({ url, token }: HawkbitLogin) {
    this.#base = `${url.replace(/\/+$/, "").replace(/\/rest\/v1$/, "")}/rest/v1`
    this.#authorization = token.includes(":") ? `Basic ${Buffer.from(token).toString("base64")}` : `Bearer ${token}`
  }

  targets(): Promise<readonly HawkbitTarget[]> {
    return this.#all("/targets")
  }

  tags(): Promise<readonly HawkbitTag[]> {
    return this.#all("/targettags")
  }

  targetsWith(tag: number): Promise<readonly HawkbitTarget[]> {
    return this.#all(`/targettags/${tag}/assigned`)
  }

  sets(): Promise<readonly HawkbitSet[]> {
    return this.#all("/distributionsets")
  }

  targetsRunning(set: number): Promise<readonly HawkbitTarget[]> {
    return this.#all(`/distributionsets/${set}/installedTargets`)
  }

  /** The artifacts of a module; a list without pages. */
  async artifacts(module: number): Promise<readonly HawkbitArtifact[]> {
    const path = `/softwaremodules/${module}/artifacts`
    const list = await this.#json(path)
    if (!Array.isArray(list)) throw this.#isOther(path)
    return list as readonly HawkbitArtifact[]
  }

  async download(module: number, artifact: number): Promise<Uint8Array> {
    const path = `/softwaremodules/${module}/artifacts/${artifact}/download`
    return new Uint8Array(await this.#whole(path, (answer) => answer.arrayBuffer()))
  }

  async #all<One>(path: string): Promise<readonly One[]> {
    const found: One[] = []
    for (let page = 0; page < mostPages; page++) {
      const answer = await this.#json(`${path}?offset=${found.length}&limit=${pageSize}`)
      const { content, total } = (answer ?? {}) as { readonly content?: readonly One[]; readonly total?: number }
      if (!Array.isArray(content)) throw this.#isOther(path)
      found.push(...content)
      if (content.length === 0 || found.length >= (total ?? 0)) break
    }
    return found
  }

  async #json(path: string): Promise<unknown> {
    const text = await this.#whole(path, (answer) => answer.text())
    try {
      return JSON.parse(text)
    } catch {
      throw this.#isOther(path)
    }
  }

  #isOther(path: string): Failure {
    return new Failure(`${this.#base}${path.replace(/\?.*/, "")} does not answer as hawkBit's management API.`)
  }

  /** An answer with all of its body: a connection that breaks in the middle is named, too. */
  async #whole<Body>(path: string, read: (answer: Response) => Promise<Body>): Promise<Body> {
    const answer = await this.#get(path)
    return read(answer).catch((error: unknown) => {
      throw new Failure(
        `hawkBit's ${path.replace(/\?.*/, "")} broke off in the middle: ${causeOf(error)}. Run it again; what was added stays.`,
      )
    })
  }

  async #get(path: string): Promise<Response> {
    const headers = { Authorization: this.#authorization, Accept: "application/json, */*" }
    const answer = await fetch(`${this.#base}${path}`, { headers }).catch((error: unknown) => {
      throw new Failure(`hawkBit cannot be reached at ${this.#base}: ${causeOf(error)}.`)
    })
    if (answer.ok) return answer
    await answer.body?.cancel()
    throw new Failure(
      `hawkBit's ${path.replace(/\?.*/, "")} cannot be read: ${reasons[answer.status] ?? `it answers ${answer.status}`}.`,
    )
  }
}

/** What a refusal means, and what mends it. */
const reasons: Readonly<Record<number, string>> = {
  401: "it does not know this token (a bearer token, or USER:PASSWORD)",
  403: "the user of this token may not read that (READ_TARGET, READ_REPOSITORY and DOWNLOAD_REPOSITORY_ARTIFACT are needed)",
  404: "it is not there; --url takes the server's own address, with the path that may stand before /rest/v1",
  429: "it has had too many requests; wait a minute and run it again",
}

function causeOf(error: unknown): string {
  const { cause, message } = error as Error
  return cause instanceof Error ? cause.message : message
}
