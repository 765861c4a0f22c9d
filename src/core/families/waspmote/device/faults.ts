import type { VirtualFault } from "../../family.ts"
import { gprsBinaryOffset, resultCode, successCode } from "../result-codes.ts"
import type { FaultAction, HeldProgram, ModemAnswer, Phase, SdFault } from "./fault-action.ts"
import { gprsStepCodes } from "./modem-gprs.ts"

/** A named fault: what it does to the mote, and the code that a run with it ends in when the server offers an update. */
export interface NamedFault {
  readonly model: string
  readonly fault: string
  readonly code: string
  readonly action: FaultAction
}

type FaultRow = readonly [fault: string, code: string | number, action: FaultAction]

const answer = (phase: Phase, step: string, text: ModemAnswer): FaultAction => ({ answer: { phase, step, with: text } })
const sd = (phase: Phase, deed: SdFault["deed"]): FaultAction => ({ sd: { phase, deed } })
const notice = (edit: (text: string, held: HeldProgram) => string): FaultAction => ({ notice: edit })

/** UPGRADE.TXT as it might have been written by hand, whatever the server wrote. */
const noticeWith = {
  noFileLabel: notice(() => "PATH:/\nSIZE:46999\nVERSION:10\n"),
  noPathLabel: notice(() => "FILE:PROG001\nSIZE:46999\nVERSION:10\n"),
  noSizeLabel: notice(() => "FILE:PROG001\nPATH:/\nVERSION:10\n"),
  noVersionLabel: notice(() => "FILE:PROG001\nPATH:/\nSIZE:46999\n"),
  carriageReturns: notice((text) => text.replaceAll("\n", "\r\n")),
  nothingToDo: notice(() => "FILE:NO_FILE\nPATH:\nSIZE:\nVERSION:\n"),
  /** Nothing is above itself; but 255 in EEPROM takes everything on 4G, and there 0 is as good. */
  oldVersion: notice((_text, held) => {
    const version = held.version === 255 ? 0 : held.version
    return `FILE:${held.programId}\nPATH:/\nSIZE:46999\nVERSION:${version}\n`
  }),
  /** This one needs a program to fetch: its SIZE is one too high. */
  otherSize: notice((text) => text.replace(/SIZE:(\d+)/, (_all, size: string) => `SIZE:${Number(size) + 1}`)),
} as const

const fourG: readonly FaultRow[] = [
  ["sd-absent", 1, sd("setup", "start")],
  ["upgrade-txt-not-found", 2, answer("notice", "AT#FTPFSIZE", "ERROR")],
  ["upgrade-txt-empty", 2, answer("notice", "AT#FTPFSIZE", "zero")],
  ["ftp-open-refused", 3, answer("notice", "AT#FTPOPEN", "ERROR")],
  ["upgrade-txt-with-cr", 4, noticeWith.carriageReturns],
  ["no-file-label", 5, noticeWith.noFileLabel],
  ["no-file", 6, noticeWith.nothingToDo],
  ["no-path-label", 7, noticeWith.noPathLabel],
  ["no-size-label", 8, noticeWith.noSizeLabel],
  ["no-version-label", 9, noticeWith.noVersionLabel],
  ["version-not-above", 10, noticeWith.oldVersion],
  ["size-in-upgrade-txt-wrong", 11, noticeWith.otherSize],
  ["server-size-zero", 12, answer("binary", "AT#FTPFSIZE", "zero")],
  ["server-size-unknown", 13, answer("binary", "AT#FTPFSIZE", "ERROR")],
  ["sd-removed", 14, sd("binary", "start")],
  ["sd-create-fails", 15, sd("binary", "create")],
  ["sd-open-fails", 16, sd("binary", "open")],
  ["sd-seek-fails", 17, sd("binary", "seek")],
  ["get-refused", 18, answer("binary", "AT#FTPGETPKT", "ERROR")],
  ["receive-error", 19, answer("binary", "AT#FTPRECV", "ERROR")],
  ["packet-size-unreadable", 20, answer("binary", "AT#FTPRECV", "garbled")],
  ["packet-size-mismatch", 21, answer("binary", "AT#FTPRECV", "short")],
  ["sd-write-fails", 22, sd("binary", "write")],
  ["no-data", 23, answer("binary", "AT#FTPRECV", "empty")],
  ["sd-loses-data", 24, sd("binary", "lose")],
  ["ftp-close-fails", 25, answer("binary", "AT#FTPCLOSE", "ERROR")],
  ["ftp-reopen-refused", 26, answer("binary", "AT#FTPOPEN", "ERROR")],
]

const wifi: readonly FaultRow[] = [
  ["sd-absent", "ERROR_CODE_0010", sd("setup", "start")],
  ["ftp-open-refused", "ERROR_CODE_0021", answer("notice", "AT+iFOPN", "ERROR")],
  ["upgrade-txt-not-found", "ERROR_CODE_0021", answer("notice", "AT+iFRCV", "ERROR")],
  ["upgrade-txt-with-cr", "ERROR_CODE_0022", noticeWith.carriageReturns],
  ["no-file-label", "ERROR_CODE_0023", noticeWith.noFileLabel],
  ["no-file", "ERROR_CODE_0024", noticeWith.nothingToDo],
  ["no-path-label", "ERROR_CODE_0025", noticeWith.noPathLabel],
  ["no-size-label", "ERROR_CODE_0026", noticeWith.noSizeLabel],
  ["no-version-label", "ERROR_CODE_0027", noticeWith.noVersionLabel],
  ["version-not-above", "ERROR_CODE_0028", noticeWith.oldVersion],
  ["size-in-upgrade-txt-wrong", "ERROR_CODE_0029", noticeWith.otherSize],
  ["sd-loses-data", "ERROR_CODE_0029", sd("binary", "lose")],
  ["receive-error", "ERROR_CODE_0030", answer("binary", "AT+iFRCV", "ERROR")],
  ["sd-write-fails", "ERROR_CODE_0030", sd("binary", "write")],
]

const threeG: readonly FaultRow[] = [
  ["apn-refused", -2, answer("setup", "AT+CGSOCKCONT", "ERROR")],
  ["server-error", -3, answer("setup", "AT+CFTPSERV", "ERROR")],
  ["server-cme", -13, answer("setup", "AT+CFTPSERV", "CME")],
  ["port-error", -4, answer("setup", "AT+CFTPPORT", "ERROR")],
  ["port-cme", -14, answer("setup", "AT+CFTPPORT", "CME")],
  ["mode-error", -5, answer("setup", "AT+CFTPMODE", "ERROR")],
  ["mode-cme", -15, answer("setup", "AT+CFTPMODE", "CME")],
  ["type-error", -6, answer("setup", "AT+CFTPTYPE", "ERROR")],
  ["type-cme", -16, answer("setup", "AT+CFTPTYPE", "CME")],
  ["user-error", -7, answer("setup", "AT+CFTPUN", "ERROR")],
  ["user-cme", -17, answer("setup", "AT+CFTPUN", "CME")],
  ["password-error", -8, answer("setup", "AT+CFTPPW", "ERROR")],
  ["password-cme", -18, answer("setup", "AT+CFTPPW", "CME")],
  ["upgrade-txt-no-answer", -19, answer("notice", "AT+CFTPGETFILE", "silence")],
  ["upgrade-txt-cme", -21, answer("notice", "AT+CFTPGETFILE", "CME")],
  ["upgrade-txt-not-copied", -22, answer("notice", "AT+CFTRANTX", "ERROR")],
  ["sd-absent", -22, sd("notice", "start")],
  ["no-file-label", -23, noticeWith.noFileLabel],
  ["no-path-label", -24, noticeWith.noPathLabel],
  ["no-version-label", -25, noticeWith.noVersionLabel],
  ["no-file", -26, noticeWith.nothingToDo],
  ["version-not-above", -27, noticeWith.oldVersion],
  ["binary-no-answer", -28, answer("binary", "AT+CFTPGETFILE", "silence")],
  ["binary-cme", -31, answer("binary", "AT+CFTPGETFILE", "CME")],
  ["binary-not-copied", -32, answer("binary", "AT+CFTRANTX", "ERROR")],
  ["sd-write-fails", -32, sd("binary", "write")],
]

/** Short names of the GPRS steps, for the names of their faults. */
const gprsStepNames: Readonly<Record<string, string>> = {
  "AT+SAPBR=1,1": "connection",
  "AT+SAPBR=2,1": "ip-address",
  "AT+FTPCID": "ftp-id",
  "AT+FTPMODE": "mode",
  "AT+FTPTYPE": "type",
  "AT+FTPSERV": "server",
  "AT+FTPPORT": "port",
  "AT+FTPUN": "user",
  "AT+FTPPW": "password",
  "AT+FTPGETNAME for AT+FTPSIZE": "size-name",
  "AT+FTPGETPATH for AT+FTPSIZE": "size-path",
  "AT+FTPSIZE": "size",
  "AT+FTPGETNAME": "name",
  "AT+FTPGETPATH": "path",
  "AT+FTPGET=1": "session",
  "AT+FTPGET=2": "data",
  "AT+FTPGET=2 again": "more-data",
}

function gprsStepRows(phase: "notice" | "binary"): readonly FaultRow[] {
  const offset = phase === "notice" ? 0 : gprsBinaryOffset
  const file = phase === "notice" ? "upgrade-txt" : "binary"
  const steps = Object.entries(gprsStepCodes).flatMap(([step, [error, cme]]): FaultRow[] => {
    const name = `${file}-${gprsStepNames[step] ?? step}`
    const row: FaultRow = [`${name}-error`, error + offset, answer(phase, step, "ERROR")]
    return cme === error ? [row] : [row, [`${name}-cme`, cme + offset, answer(phase, step, "CME")]]
  })
  return [
    ...steps,
    [`${file}-ftp-busy`, -65 + offset, answer(phase, "AT+FTPGET=1", "busy")],
    [`${file}-sd-absent`, -24 + offset, sd(phase, "start")],
    [`${file}-sd-create-fails`, -25 + offset, sd(phase, "create")],
    [`${file}-sd-write-fails`, -27 + offset, sd(phase, "write")],
    [`${file}-sd-loses-data`, -10 + offset, sd(phase, "lose")],
  ]
}

const gprs: readonly FaultRow[] = [
  ["modem-silent", -2, answer("setup", "AT", "silence")],
  ["connection-type-refused", -4, answer("setup", 'AT+SAPBR=3,1,"CONTYPE"', "ERROR")],
  ["apn-refused", -5, answer("setup", 'AT+SAPBR=3,1,"APN"', "ERROR")],
  ["login-refused", -6, answer("setup", 'AT+SAPBR=3,1,"USER"', "ERROR")],
  ["login-password-refused", -7, answer("setup", 'AT+SAPBR=3,1,"PWD"', "ERROR")],
  ["configuration-not-saved", -8, answer("setup", "AT+SAPBR=5,1", "ERROR")],
  ...gprsStepRows("notice"),
  ["no-file-label", -66, noticeWith.noFileLabel],
  ["no-path-label", -67, noticeWith.noPathLabel],
  ["no-version-label", -68, noticeWith.noVersionLabel],
  ["no-file", -69, noticeWith.nothingToDo],
  ["version-not-above", -70, noticeWith.oldVersion],
  ...gprsStepRows("binary"),
]

const anyModel: readonly FaultRow[] = [
  ["bootloader-refuses", "checkNewProgram 0", { damagesHeader: true, tellsCheck: true }],
  ["reprogrammed", "checkNewProgram 1", { tellsCheck: true }],
  ["normal-start", "checkNewProgram 2", { startsOnly: true, tellsCheck: true }],
]

const tables: Readonly<Record<string, readonly FaultRow[]>> = {
  "4g": fourG,
  "3g": threeG,
  "gprs-pro": gprs,
  "gprs-gps": gprs,
  "wifi-pro": wifi,
}

/** Every named fault of every model, `none` first; those of `any` work on every model. */
export const namedFaults: readonly NamedFault[] = [
  ...Object.entries(tables).flatMap(([model, rows]) =>
    [["none", successCode[model] ?? "0", {}] as const, ...rows].map((row) => named(model, row)),
  ),
  ...anyModel.map((row) => named("any", row)),
]

function named(model: string, [fault, code, action]: FaultRow): NamedFault {
  return { model, fault, code: String(code), action }
}

/** The faults as they are listed: with the code's words. */
export const virtualFaults: readonly VirtualFault[] = namedFaults.map(({ model, fault, code }) => ({
  model,
  fault,
  code,
  words: resultCode(model, code)?.words ?? "",
}))

/** The fault of that name for a model, or undefined. */
export function faultOf(model: string, fault: string): NamedFault | undefined {
  return namedFaults.find((row) => row.fault === fault && (row.model === model || row.model === "any"))
}
