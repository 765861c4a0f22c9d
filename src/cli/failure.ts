/** How a command can end without success: it failed, it was used wrongly, or what it watched was lost from sight. */
type ExitCode = 1 | 2 | 3

/** Why a command ends without success. */
export class Failure extends Error {
  override readonly name = "Failure"
  readonly exitCode: ExitCode
  /** The refusal's code, or a word of our own, for `--json`. */
  readonly title: string
  /** HTTP status of the server's refusal; null = it is none of a server. */
  readonly status: number | null

  constructor(
    message: string,
    {
      exitCode = 1,
      title = "failed",
      status = null,
    }: { readonly exitCode?: ExitCode; readonly title?: string; readonly status?: number | null } = {},
  ) {
    super(message)
    this.exitCode = exitCode
    this.title = title
    this.status = status
  }
}
