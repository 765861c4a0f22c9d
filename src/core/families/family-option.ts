/** A setting of a family's own, as it is typed: `--name VALUE`, or `--set name=VALUE`. */
export interface FamilyOption {
  /** Kebab-case. */
  readonly name: string
  /** What stands for the value in the help text; absent = a flag without a value. */
  readonly value?: string
  readonly help: string
  /** The value is a secret: a command takes it from a file or the environment too. */
  readonly isSecret?: true
}
