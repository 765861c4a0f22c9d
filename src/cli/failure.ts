/** Why a command ends without success. `exitCode` 1: it failed; 2: it was used wrongly. */
export class Failure extends Error {
  override readonly name = "Failure"
  readonly exitCode: 1 | 2
  /** The refusal's code, or a word of our own, for `--json`. */
  readonly title: string

  constructor(message: string, { exitCode = 1, title = "failed" }: { exitCode?: 1 | 2; title?: string } = {}) {
    super(message)
    this.exitCode = exitCode
    this.title = title
  }
}
