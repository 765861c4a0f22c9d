import type { CommandContext, CommandRow } from "./command-row.ts"

const writing = "STOR STOU APPE DELE RMD XRMD MKD XMKD RNFR RNTO MFMT MFCT MFF COMB".split(" ")
const absent = "SITE SMNT REIN MIC CONF ENC ADAT LANG HOST".split(" ")

const refuseWrite = (context: CommandContext): void => context.reply(550, "Nothing can be written here")
const tellAbsent = (context: CommandContext): void => context.reply(502)

/** Commands that are known and not served: devices fetch, and never write. */
export const refusedCommands: readonly CommandRow[] = [
  ...writing.map((name) => ({ name, needsLogin: true, run: refuseWrite })),
  ...absent.map((name) => ({ name, needsLogin: false, run: tellAbsent })),
]
