import { limits } from "../../../core/kit/limits.ts"

/** What clients may ask of the FTP server. */
export interface FtpLimits {
  readonly maxSessions: number
  /** Control connections from one address; many devices share one behind a carrier's NAT. */
  readonly maxSessionsPerPeer: number
  /** Of them not logged in. Beyond it the oldest that has said nothing for a while is closed: nobody is refused. */
  readonly maxStrangersPerPeer: number
  /** How long such a session must have been silent, ms. */
  readonly strangerGraceMs: number
  /** Sessions of one login, unless its view says otherwise. Beyond it the one that has been idle longest is closed. */
  readonly maxSessionsPerAccount: number
  /** Longest command line, bytes. */
  readonly maxCommandBytes: number
  /** Bytes of over-long lines after which the connection is closed. */
  readonly maxDiscardedBytes: number
  readonly maxCommandsBeforeLogin: number
  /** Commands sent ahead of their answers; reading stops at an eighth of it. */
  readonly maxQueuedCommands: number
  /** Wrong passwords in one session. */
  readonly maxFailedLogins: number
  /** Time from connecting to being logged in. */
  readonly loginTimeoutMs: number
  /** Time until a password that came too soon after too many others is answered, without being looked at. */
  readonly unheardGuessMs: number
  /** Time without a command, outside transfers. */
  readonly idleTimeoutMs: number
  /** Time to wait for a data connection after the command that needs it. */
  readonly dataConnectTimeoutMs: number
  /** Time without one byte of progress in a transfer. There is no limit on a transfer's whole length. */
  readonly progressTimeoutMs: number
  /** How long a peer that has taken everything may leave its side of the data connection open before we stop waiting. */
  readonly lateCloseGraceMs: number
  /** The same where the system cannot tell us what was acknowledged. */
  readonly blindCloseGraceMs: number
  /** How long a passive port nobody came to is not given to the same address again. */
  readonly passiveQuarantineMs: number
  /** Ports in quarantine that one login of one address may have; its next one is then the oldest of them. */
  readonly maxQuarantinedPerAccount: number
  /** Passive ports that one login of one address may hold at a time, as a share of all; at least eight. */
  readonly passiveShare: number
  /** How long after a data connection came a second one to its port from the same address makes it doubtful. */
  readonly contestMs: number
}

export const defaultFtpLimits: FtpLimits = {
  maxSessions: limits["ftp.connections"].most,
  maxSessionsPerPeer: limits["ftp.connections-per-address"].most,
  maxStrangersPerPeer: limits["ftp.strangers-per-address"].most,
  strangerGraceMs: 5000,
  maxSessionsPerAccount: limits["ftp.sessions-per-login"].most,
  maxCommandBytes: 2048,
  maxDiscardedBytes: 16_384,
  maxCommandsBeforeLogin: 40,
  maxQueuedCommands: 512,
  maxFailedLogins: 3,
  loginTimeoutMs: 60_000,
  unheardGuessMs: 10_000,
  idleTimeoutMs: 300_000,
  dataConnectTimeoutMs: 30_000,
  progressTimeoutMs: 120_000,
  lateCloseGraceMs: 1000,
  blindCloseGraceMs: 20_000,
  passiveQuarantineMs: 60_000,
  maxQuarantinedPerAccount: 4,
  passiveShare: limits["ftp.passive-share"].most,
  contestMs: 30_000,
}
