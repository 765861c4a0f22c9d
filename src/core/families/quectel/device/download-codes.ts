import type { CodeTable } from "../models.ts"

/** What goes wrong in a download, as the module's own software sees it. */
export type DownloadFailure =
  | "offline"
  | "dns"
  | "connect"
  | "send"
  | "read"
  | "closed"
  | "timeout"
  | "answer"
  | "status"
  | "missing"
  | "too-large"

/** FTP replies and the codes whose names come from them (quectel.md 4.4). */
const ftpReplies: Readonly<Record<number, number>> = {
  421: 614,
  425: 615,
  426: 616,
  450: 617,
  451: 618,
  452: 619,
  500: 620,
  501: 621,
  502: 622,
  503: 623,
  504: 624,
  530: 625,
  532: 626,
  550: 627,
  551: 628,
  552: 629,
  553: 630,
}

const ftpFailures: Readonly<Record<DownloadFailure, number>> = {
  // A network that is gone ends in 601 or 602 (quectel.md 4.5).
  offline: 601,
  dns: 604,
  connect: 605,
  send: 606,
  read: 607,
  closed: 608,
  timeout: 609,
  answer: 601,
  status: 601,
  missing: 627,
  "too-large": 613,
}

const httpFailures: Readonly<Record<DownloadFailure, number>> = {
  offline: 701,
  dns: 714,
  connect: 716,
  send: 718,
  read: 717,
  closed: 719,
  timeout: 722,
  answer: 721,
  status: 723,
  missing: 723,
  "too-large": 729,
}

const bg96Failures: Readonly<Record<DownloadFailure, number>> = {
  offline: 701,
  dns: 702,
  connect: 702,
  send: 703,
  read: 704,
  closed: 704,
  timeout: 704,
  answer: 703,
  status: 703,
  missing: 706,
  "too-large": 708,
}

/** The code of a failed FTP download; `reply` is the server's refusal where there was one. */
export function ftpCode(codes: CodeTable, failure: DownloadFailure, reply: number | null = null): number {
  // The AG35's guide knows one number.
  if (codes === "ag35") return 601
  return (reply === null ? undefined : ftpReplies[reply]) ?? ftpFailures[failure]
}

/** The code of a failed HTTP download. */
export function httpCode(codes: CodeTable, failure: DownloadFailure): number {
  if (codes === "ag35") return 701
  return (codes === "bg96" ? bg96Failures : httpFailures)[failure]
}
