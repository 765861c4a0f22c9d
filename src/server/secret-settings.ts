import { readFileSync } from "node:fs"
import { ConfigError } from "./config-error.ts"

/**
 * Settings that hold a secret. None has a flag that takes the secret itself: whoever may list processes would read it. Each is
 * read from the file of `--NAME-file`, or from the variable `WAFT_NAME`.
 */
export const secretSettings = {
  "smpp-password": "password of --smpp",
  "sms-modem-pin": "PIN of the modem's SIM",
  "oidc-client-secret": "secret of this server at the identity provider; without one it is a public client",
} as const satisfies Readonly<Record<string, string>>

export type SecretName = keyof typeof secretSettings

/** The variable that holds a secret itself. */
export function secretVariable(name: SecretName): string {
  return `WAFT_${name.toUpperCase().replaceAll("-", "_")}`
}

/** A secret; null = it is given in neither way. Throws `ConfigError`, which never holds it. */
export function readSecret(
  name: SecretName,
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): string | null {
  const variable = secretVariable(name)
  const given = environment[variable]
  if (given !== undefined && file !== "") {
    throw new ConfigError(`--${name}-file and ${variable} both give the ${secretSettings[name]}: give one of them.`)
  }
  if (file === "") return given ?? null
  try {
    return readFileSync(file, "utf8").split(/\r?\n/, 1)[0] ?? ""
  } catch (error) {
    throw new ConfigError(`The file of --${name}-file cannot be read: ${(error as Error).message}.`, { cause: error })
  }
}
