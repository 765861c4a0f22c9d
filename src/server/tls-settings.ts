import { readFileSync } from "node:fs"
import { createSecureContext } from "node:tls"
import { ConfigError } from "./config-error.ts"

/** Where a listener's PEM files are. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
  readonly clientCa?: string
}

/** PEM texts of a listener, and where they come from. */
export interface TlsPair {
  readonly cert: string
  readonly key: string
  readonly files: TlsFiles
}

/** The pair of `--PREFIX-tls-cert` and `--PREFIX-tls-key`; null = no TLS. Throws `ConfigError`. */
export function parseTls(prefix: string, cert: string, key: string): TlsPair | null {
  if (cert === "" && key === "") return null
  if (cert === "" || key === "") {
    throw new ConfigError(`--${prefix}-tls-cert and --${prefix}-tls-key go together: give both, or neither.`)
  }
  const pair = { cert: readPem(`${prefix}-tls-cert`, cert), key: readPem(`${prefix}-tls-key`, key) }
  try {
    createSecureContext(pair)
  } catch (error) {
    const why = (error as Error).message
    throw new ConfigError(`--${prefix}-tls-cert and --${prefix}-tls-key are no pair that can be used: ${why}.`, {
      cause: error,
    })
  }
  return { ...pair, files: { cert, key } }
}

export function readPem(flag: string, file: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch (error) {
    throw new ConfigError(`The file of --${flag} cannot be read: ${(error as Error).message}.`, { cause: error })
  }
}
