import { parseClaimRights } from "../core/domain/provider-rights.ts"
import { ConfigError } from "./config-error.ts"
import type { OpenidSettings } from "./people/openid-provider.ts"

interface Texts {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string | null
  readonly scopes: string
  readonly rights: string
}

/** The settings of `--oidc-…`; null = no identity provider. Throws `ConfigError`. */
export function parseOidc({ issuer, clientId, clientSecret, scopes, rights }: Texts): OpenidSettings | null {
  if (issuer === "" && clientId === "" && clientSecret === null && rights === "") return null
  if (issuer === "" || clientId === "") {
    throw new ConfigError(
      "--oidc-issuer and --oidc-client-id go together, and the other settings of an identity provider go with them.",
    )
  }
  if (!/^[\w :/.-]+$/.test(scopes) || !scopes.split(" ").includes("openid")) {
    throw new ConfigError(`--oidc-scopes takes words with blanks between, openid among them, not "${scopes}".`)
  }
  return {
    issuer: parseIssuer(issuer),
    clientId,
    clientSecret: clientSecret ?? "",
    scopes,
    rights: parseRights(rights),
  }
}

/** Whoever can change what the provider says can be anybody: plain HTTP stays on this machine. */
function parseIssuer(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const isHere = url?.protocol === "http:" && /^(localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname)
  if (url !== null && (url.protocol === "https:" || isHere) && url.username === "" && url.search === "") return text
  throw new ConfigError(
    `--oidc-issuer takes the provider's address, https://HOST[/PATH] (http on this machine alone), not "${text}".`,
  )
}

function parseRights(text: string): OpenidSettings["rights"] {
  try {
    return parseClaimRights(text)
  } catch (error) {
    throw new ConfigError(
      `--oidc-rights takes CLAIM=VALUE => ROLE [GROUP], separated by semicolons: ${(error as Error).message}.`,
      {
        cause: error,
      },
    )
  }
}
