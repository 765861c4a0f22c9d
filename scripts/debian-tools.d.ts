/** A program and the Debian package that has it. */
export interface DebianTool {
  readonly program: string
  readonly package: string
}

/** Programs that tests use as witnesses. */
export const testTools: readonly DebianTool[]

/** Installs what is missing when this process may; returns the tools that are still missing. */
export function installMissing(tools: readonly DebianTool[]): DebianTool[]
