import * as openid from "openid-client"
import type { ClaimRights } from "../../core/domain/provider-rights.ts"
import type { IdentityProvider } from "./sign-in.ts"

export interface OpenidSettings {
  /** OpenID Connect Discovery §4; plain HTTP on loopback alone. */
  readonly issuer: string
  readonly clientId: string
  /** Empty = a public client, which PKCE alone protects. */
  readonly clientSecret: string
  readonly scopes: string
  readonly rights: readonly ClaimRights[]
}

/** Its answers are waited for so long, seconds. */
const timeoutSeconds = 10
/** What its document says is believed so long, ms. */
const documentMs = 3_600_000
/** Clocks may differ by so much, seconds. */
const toleranceSeconds = 60

/**
 * An OpenID provider: authorization code with PKCE, state and nonce (OpenID Connect Core §3.1). It is found when somebody first
 * signs in, so that a provider that is down keeps no server from starting; its document is read anew every hour.
 */
export function openidProvider(settings: OpenidSettings, monotonic: () => number): IdentityProvider {
  const issuer = new URL(settings.issuer)
  let found: { readonly config: Promise<openid.Configuration>; readonly at: number } | null = null
  const configuration = (): Promise<openid.Configuration> => {
    if (found !== null && monotonic() < found.at + documentMs) return found.config
    const attempt = { config: discover(settings, issuer), at: monotonic() }
    found = attempt
    attempt.config.catch(() => {
      if (found === attempt) found = null
    })
    return attempt.config
  }
  return {
    title: issuer.host,
    rights: settings.rights,
    begin: async (redirectUri) => {
      const verifier = openid.randomPKCECodeVerifier()
      const [state, nonce] = [openid.randomState(), openid.randomNonce()]
      const url = openid.buildAuthorizationUrl(await configuration(), {
        redirect_uri: redirectUri,
        scope: settings.scopes,
        code_challenge: await openid.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        state,
        nonce,
      })
      return { url: url.href, redirectUri, verifier, state, nonce }
    },
    finish: async ({ redirectUri, verifier, state, nonce }, answer) => {
      const config = await configuration()
      const url = new URL(redirectUri)
      url.search = answer.search
      const tokens = await openid.authorizationCodeGrant(config, url, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      })
      const claims = tokens.claims()
      if (claims === undefined) throw new Error("it sent no ID token")
      // Many say who somebody is in the token, and what groups they are in here alone.
      const more =
        config.serverMetadata().userinfo_endpoint === undefined
          ? {}
          : await openid.fetchUserInfo(config, tokens.access_token, claims.sub)
      return { ...more, ...claims }
    },
  }
}

function discover({ clientId, clientSecret }: OpenidSettings, issuer: URL): Promise<openid.Configuration> {
  const isPlain = issuer.protocol === "http:"
  return openid.discovery(
    issuer,
    clientId,
    { [openid.clockTolerance]: toleranceSeconds },
    clientSecret === "" ? openid.None() : openid.ClientSecretBasic(clientSecret),
    { timeout: timeoutSeconds, execute: isPlain ? [openid.allowInsecureRequests] : [] },
  )
}
