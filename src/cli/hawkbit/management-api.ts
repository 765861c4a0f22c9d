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
    return (await this.#get(`/softwaremodules/${module}/artifacts`).then((answer) =>
      answer.json(),
    )) as HawkbitArtifact[]
  }

  async download(module: number, artifact: number): Promise<Uint8Array> {
    const answer = await this.#get(`/softwaremodules/${module}/artifacts/${artifact}/download`)
    return new Uint8Array(await answer.arrayBuffer())
  }

  async #all<One>(path: string): Promise<readonly One[]> {
    const found: One[] = []
    for (let page = 0; page < mostPages; page++) {
      const answer = await this.#get(`${path}?offset=${found.length}&limit=${pageSize}`)
      const { content, total } = (await answer.json()) as { readonly content?: readonly One[]; readonly total?: number }
      if (!Array.isArray(content))
        throw new Failure(`${this.#base}${path} does not answer as hawkBit's management API.`)
      found.push(...content)
      if (content.length === 0 || found.length >= (total ?? 0)) break
    }
    return found
  }

  async #get(path: string): Promise<Response> {
    const headers = { Authorization: this.#authorization, Accept: "application/json, */*" }
    const answer = await fetch(`${this.#base}${path}`, { headers }).catch((error: unknown) => {
      const { cause, message } = error as Error
      throw new Failure(
        `hawkBit cannot be reached at ${this.#base}: ${cause instanceof Error ? cause.message : message}.`,
      )
    })
    if (answer.ok) return answer
    const why =
      answer.status === 401
        ? "it does not know this token (a bearer token, or USER:PASSWORD)"
        : `it answers ${answer.status}`
    throw new Failure(`hawkBit's ${path.replace(/\?.*/, "")} cannot be read: ${why}.`)
  }
}
