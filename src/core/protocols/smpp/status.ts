/** `command_status` values (§5.1.3) with their names, and what a sender should make of them. */

export interface SmppStatus {
  readonly code: number
  readonly name: string
  readonly words: string
  /** The same message may be taken later; the others never. */
  readonly isTemporary: boolean
}

type Row = readonly [code: number, name: string, words: string, isTemporary?: "temporary"]

const rows: readonly Row[] = [
  [0x00, "ESME_ROK", "no error"],
  [0x01, "ESME_RINVMSGLEN", "invalid message length"],
  [0x02, "ESME_RINVCMDLEN", "invalid command length"],
  [0x03, "ESME_RINVCMDID", "invalid command id"],
  [0x04, "ESME_RINVBNDSTS", "wrong bind status for this command", "temporary"],
  [0x05, "ESME_RALYBND", "already bound", "temporary"],
  [0x06, "ESME_RINVPRTFLG", "invalid priority"],
  [0x07, "ESME_RINVREGDLVFLG", "invalid registered delivery flag"],
  [0x08, "ESME_RSYSERR", "system error", "temporary"],
  [0x0a, "ESME_RINVSRCADR", "invalid source address"],
  [0x0b, "ESME_RINVDSTADR", "invalid destination address"],
  [0x0c, "ESME_RINVMSGID", "invalid message id"],
  [0x0d, "ESME_RBINDFAIL", "bind failed", "temporary"],
  [0x0e, "ESME_RINVPASWD", "invalid password"],
  [0x0f, "ESME_RINVSYSID", "invalid system id"],
  [0x14, "ESME_RMSGQFUL", "message queue full", "temporary"],
  [0x15, "ESME_RINVSERTYP", "invalid service type"],
  [0x43, "ESME_RINVESMCLASS", "invalid esm_class"],
  [0x45, "ESME_RSUBMITFAIL", "submit failed", "temporary"],
  [0x48, "ESME_RINVSRCTON", "invalid source type of number"],
  [0x49, "ESME_RINVSRCNPI", "invalid source numbering plan"],
  [0x50, "ESME_RINVDSTTON", "invalid destination type of number"],
  [0x51, "ESME_RINVDSTNPI", "invalid destination numbering plan"],
  [0x53, "ESME_RINVSYSTYP", "invalid system type"],
  [0x58, "ESME_RTHROTTLED", "message limit exceeded", "temporary"],
  [0x61, "ESME_RINVSCHED", "invalid scheduled delivery time"],
  [0x62, "ESME_RINVEXPIRY", "invalid validity period"],
  [0x64, "ESME_RX_T_APPN", "temporary error at the receiver", "temporary"],
  [0x65, "ESME_RX_P_APPN", "permanent error at the receiver"],
  [0x66, "ESME_RX_R_APPN", "the receiver rejects the message"],
  [0xc0, "ESME_RINVOPTPARSTREAM", "error in the optional parameters"],
  [0xc2, "ESME_RINVPARLEN", "invalid parameter length"],
  [0xfe, "ESME_RDELIVERYFAILURE", "delivery failure", "temporary"],
  [0xff, "ESME_RUNKNOWNERR", "unknown error", "temporary"],
]

const byCode = new Map<number, SmppStatus>(
  rows.map(([code, name, words, temporary]) => [code, { code, name, words, isTemporary: temporary !== undefined }]),
)

/** Codes that this program itself gives or acts upon. */
export const statusCode = {
  ok: 0x00,
  invalidLength: 0x02,
  invalidCommand: 0x03,
  wrongBindStatus: 0x04,
  systemError: 0x08,
  invalidDestination: 0x0b,
  invalidPassword: 0x0e,
  queueFull: 0x14,
  throttled: 0x58,
  temporaryAtReceiver: 0x64,
  permanentAtReceiver: 0x65,
} as const

/** What a code says; vendors' own codes are kept as numbers and taken for permanent. */
export function smppStatus(code: number): SmppStatus {
  const name = `0x${code.toString(16).padStart(8, "0")}`
  return byCode.get(code) ?? { code, name, words: "a code of the centre's own", isTemporary: false }
}
