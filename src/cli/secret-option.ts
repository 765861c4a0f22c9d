import { type Command, Option } from "commander"
import { Failure } from "./failure.ts"
import { readSecretFile } from "./password.ts"

/** An option that takes a secret. */
export interface SecretOption {
  /** Without its dashes. */
  readonly flag: string
  readonly value: string
  readonly help: string
  /** The environment variable that may hold it instead. */
  readonly variable: string
  readonly fallback?: string
}

/**
 * Adds an option for a secret in three forms: itself, which everybody who lists processes can read; `--FLAG-file`, the first line of a
 * file; and an environment variable. Whoever reads the command's options finds it under its own name, however it was given.
 */
export function secretOption(command: Command, { flag, value, help, variable, fallback }: SecretOption): Command {
  const option = new Option(`--${flag} <${value}>`, help).env(variable)
  command.addOption(fallback === undefined ? option : option.default(fallback))
  command.option(
    `--${flag}-file <FILE>`,
    `file whose first line is that, which \`ps\` does not show; - = standard input`,
  )
  const [key, fileKey] = [option.attributeName(), new Option(`--${flag}-file <FILE>`).attributeName()]
  return command.hook("preAction", async (_command, called) => {
    const file: unknown = called.getOptionValue(fileKey)
    if (typeof file !== "string") return
    if (called.getOptionValueSource(key) === "cli") {
      throw new Failure(`--${flag} and --${flag}-file say the same; give one.`, { exitCode: 2, title: "usage" })
    }
    called.setOptionValueWithSource(key, await readSecretFile(`--${flag}-file`, file), "cli")
    called.setOptionValue(fileKey, undefined)
  })
}
