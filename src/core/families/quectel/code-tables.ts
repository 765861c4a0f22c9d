import type { CodeTable } from "./models.ts"

/**
 * What follows from a code (quectel.md 4.7.6). `none`: it is no failure. `transient`: repeat the command after a pause, at most ten times.
 * `permanent`: server or URL are wrong, repeating changes nothing. `wrong-package`: stop, and look at the catalogue.
 * `device`: something on the module has to change. `self-retrying`: the module may still be at it; wait, then read its version.
 */
export type RetryClass = "none" | "transient" | "permanent" | "wrong-package" | "device" | "self-retrying"

/** The URCs that carry a code. */
export type EndEvent = "FTPEND" | "HTTPEND" | "FILEEND" | "END"

/** Code, words of the document, what follows, and the sentence an operator reads. */
export type CodeRow = readonly [code: number, words: string, retry: RetryClass, sentence: string]

const ftpDone: CodeRow = [
  0,
  "FTP download operation successful",
  "none",
  "The package is on the module, which now restarts to install it.",
]
const ftpUnknown: CodeRow = [
  601,
  "FTP unknown error",
  "transient",
  "The FTP download failed for a reason the module does not name; the network is the usual one, so the command is repeated.",
]

/** quectel.md 4.4. The FTP replies in the words are those that the names come from. */
const ftp: readonly CodeRow[] = [
  ftpDone,
  ftpUnknown,
  [
    602,
    "FTP server blocked",
    "transient",
    "The FTP service of the module is blocked by something else it does; the command is repeated.",
  ],
  [603, "FTP busy", "transient", "The module's FTP client is busy with another transfer; the command is repeated."],
  [
    604,
    "DNS parse failed",
    "transient",
    "The module could not resolve the server's name; check the name and the DNS of its network if this stays.",
  ],
  [
    605,
    "network error",
    "transient",
    "The module has no working data connection, or its PDP context is the wrong one; check APN and signal if this stays.",
  ],
  [
    606,
    "control connection closed",
    "transient",
    "The FTP control connection was closed under way; the command is repeated.",
  ],
  [
    607,
    "data connection closed",
    "transient",
    "The FTP data connection was closed under way; the command is repeated.",
  ],
  [
    608,
    "connection closed by peer",
    "transient",
    "The server or something between closed the connection; the command is repeated.",
  ],
  [609, "timeout", "transient", "The FTP transfer stood still for too long; the command is repeated."],
  [
    610,
    "invalid parameter",
    "permanent",
    "The module found something wrong in the FTP parameters; the URL must be made anew.",
  ],
  [
    611,
    "failed to open file",
    "permanent",
    "The module could not open the file to store the package in, or the server could not open it; look at both.",
  ],
  [
    612,
    "file position invalid",
    "permanent",
    "The module could not position in the file of the package; free its file area and order the update anew.",
  ],
  [
    613,
    "file error",
    "permanent",
    "The module could not write the package into its file area; free it and order the update anew.",
  ],
  [
    614,
    "service not available, closing control connection (421)",
    "transient",
    "The server answered 421: it takes no more sessions now; the command is repeated.",
  ],
  [
    615,
    "open data connection failed (425)",
    "transient",
    "The server answered 425: no data connection could be had; check its passive ports if this stays.",
  ],
  [
    616,
    "connection closed, transfer aborted (426)",
    "transient",
    "The server answered 426: it broke the transfer off; the command is repeated.",
  ],
  [
    617,
    "file action not taken (450)",
    "permanent",
    "The server answered 450: the file cannot be read now; look at the server.",
  ],
  [
    618,
    "action aborted, local error in processing (451)",
    "permanent",
    "The server answered 451: it has an error of its own; look at the server.",
  ],
  [619, "insufficient storage (452)", "permanent", "The server answered 452: it lacks storage; look at the server."],
  [
    620,
    "syntax error, command unrecognised (500)",
    "permanent",
    "The server answered 500: it does not know a command of the module; use another server or HTTP.",
  ],
  [
    621,
    "syntax error in parameters (501)",
    "permanent",
    "The server answered 501: it does not take a parameter, perhaps the file's name; publish under a plain name.",
  ],
  [
    622,
    "command not implemented (502)",
    "permanent",
    "The server answered 502: it lacks a command that the module needs; use another server or HTTP.",
  ],
  [
    623,
    "bad sequence of commands (503)",
    "permanent",
    "The server answered 503: it expected another order of commands; use another server or HTTP.",
  ],
  [
    624,
    "command parameter not implemented (504)",
    "permanent",
    "The server answered 504: it lacks a form that the module needs; use another server or HTTP.",
  ],
  [
    625,
    "not logged in (530)",
    "permanent",
    "The server answered 530: user or password are wrong, or the login of this update is over; order the update anew.",
  ],
  [
    626,
    "need account for storing files (532)",
    "permanent",
    "The server answered 532: it wants an account that the module does not have; use another server.",
  ],
  [
    627,
    "requested action not taken (550)",
    "permanent",
    "The server answered 550: there is no such file for this login, or the offer was withdrawn; order the update anew.",
  ],
  [
    628,
    "page type unknown (551)",
    "permanent",
    "The server answered 551: it does not take the transfer's type; use another server or HTTP.",
  ],
  [
    629,
    "file action aborted, exceeded storage (552)",
    "permanent",
    "The server answered 552: it broke off for its own storage; look at the server.",
  ],
  [
    630,
    "file name invalid (553)",
    "permanent",
    "The server answered 553: it does not take the file's name; publish under a plain name.",
  ],
  [631, "SSL authentication failed", "permanent", "The TLS handshake with the FTP server failed; use a plain ftp URL."],
]

const httpDone: CodeRow = [
  0,
  "HTTP download operation successful",
  "none",
  "The package is on the module, which now restarts to install it.",
]
const httpUnknown: CodeRow = [
  701,
  "HTTP unknown error",
  "transient",
  "The HTTP download failed for a reason the module does not name; the network is the usual one, so the command is repeated.",
]

const http: readonly CodeRow[] = [
  httpDone,
  httpUnknown,
  [702, "HTTP timeout", "transient", "The HTTP download took too long; the command is repeated."],
  [703, "HTTP busy", "transient", "The module's HTTP client is busy; the command is repeated."],
  [704, "HTTP UART busy", "transient", "The module's port is busy with other data; the command is repeated."],
  [705, "HTTP no GET/POST request", "transient", "The module's HTTP client lost its request; the command is repeated."],
  [
    706,
    "HTTP network busy",
    "transient",
    "The module's network is busy, perhaps with a call; the command is repeated.",
  ],
  [
    707,
    "HTTP network open failed",
    "transient",
    "The module could not open its data connection; check APN and signal if this stays.",
  ],
  [
    708,
    "HTTP network no configuration",
    "transient",
    "The module's PDP context is not configured; set it by the command of its guide if this stays.",
  ],
  [709, "HTTP network deactivated", "transient", "The network took the data connection away; the command is repeated."],
  [710, "HTTP network error", "transient", "The data connection failed; the command is repeated."],
  [711, "HTTP URL error", "permanent", "The module does not accept the URL; it must be made anew."],
  [712, "HTTP empty URL", "permanent", "The module found an empty URL; it must be made anew."],
  [
    713,
    "HTTP IP address error",
    "permanent",
    "The address in the URL cannot be used; give the server another public address.",
  ],
  [
    714,
    "HTTP DNS error",
    "transient",
    "The module could not resolve the server's name; check the name and the DNS of its network if this stays.",
  ],
  [715, "HTTP socket create error", "transient", "The module had no socket free; the command is repeated."],
  [
    716,
    "HTTP socket connect error",
    "transient",
    "The module could not reach the server; check its public address and port if this stays.",
  ],
  [
    717,
    "HTTP socket read error",
    "transient",
    "The connection broke while the package was read; the command is repeated.",
  ],
  [718, "HTTP socket write error", "transient", "The request could not be sent; the command is repeated."],
  [
    719,
    "HTTP socket closed",
    "transient",
    "The connection was closed before the package was whole; the command is repeated.",
  ],
  [720, "HTTP data encode error", "transient", "The module could not write its request; the command is repeated."],
  [
    721,
    "HTTP data decode error",
    "transient",
    "The module could not read the server's answer; check what stands between if this stays.",
  ],
  [722, "HTTP read timeout", "transient", "Nothing came from the server for too long; the command is repeated."],
  [
    723,
    "HTTP response failed",
    "permanent",
    "The server's answer was not 200: the URL is over or withdrawn; order the update anew.",
  ],
  [724, "incoming call busy", "transient", "An incoming call took the module's radio; the command is repeated."],
  [725, "voice call busy", "transient", "A voice call took the module's radio; the command is repeated."],
  [
    726,
    "HTTP input timeout",
    "transient",
    "The module waited for data on its port that did not come; the command is repeated.",
  ],
  [727, "HTTP wait data timeout", "transient", "The module waited too long for data; the command is repeated."],
  [728, "HTTP wait response timeout", "transient", "The server did not answer in time; the command is repeated."],
  [
    729,
    "HTTP memory allocation failed",
    "device",
    "The module has no memory for the download; restart it and order the update anew.",
  ],
  [
    730,
    "HTTP invalid parameter",
    "permanent",
    "The module found something wrong in the command; the URL must be made anew.",
  ],
]

/** The same numbers with other meanings (quectel.md 4.4). */
const bg96Http: readonly CodeRow[] = [
  httpDone,
  httpUnknown,
  [
    702,
    "HTTP server connection failed",
    "transient",
    "The module could not reach the server; check its public address and port if this stays.",
  ],
  [703, "HTTP request failed", "transient", "The module's request failed; the command is repeated."],
  [704, "HTTP download timeout", "transient", "The download took too long; the command is repeated."],
  [
    706,
    "HTTP file does not exist",
    "permanent",
    "The server has no such file: the URL is over or withdrawn; order the update anew.",
  ],
  [
    707,
    "HTTP file write failed",
    "device",
    "The module could not write the package into its file area; free it and order the update anew.",
  ],
  [
    708,
    "HTTP file too large",
    "device",
    "The package is larger than the module's file area; free it, or go by a version between.",
  ],
]

const done: CodeRow = [
  0,
  "DFOTA upgrade successful",
  "none",
  "The module has installed the package and restarts; its version is read to be sure.",
]
const noSpace: CodeRow = [
  511,
  "the file system has not enough space for upgrade",
  "device",
  "The module's file system has no room to upgrade; free it and order the update anew.",
]
const notForSource: CodeRow = [
  510,
  "the patch does not match the source file in the module",
  "wrong-package",
  "The package was made for another version than the module runs; look at the versions it was published with.",
]

/** AG35 guide Table 1: 520-530 and 540-546 share their words. */
function upgradeFailures(): readonly CodeRow[] {
  const codes = [520, 521, 522, 523, 524, 525, 526, 527, 528, 529, 530, 540, 541, 542, 543, 544, 545, 546]
  return codes.map((code) => [
    code,
    "firmware upgrade failed; the module retries",
    "self-retrying",
    `The module could not write the new firmware (its reason ${code} is not documented) and tries again by itself; its version is read later.`,
  ])
}

const ag35End: readonly CodeRow[] = [
  done,
  [
    502,
    "unpredictable error, or the upgrade package is incorrect",
    "self-retrying",
    "The upgrade stopped with an error the module cannot name, or the package is wrong; the module checks three times before it gives up.",
  ],
  [
    505,
    "upgrade package check failed",
    "wrong-package",
    "The module found the package damaged three times; publish the vendor's file again, unchanged.",
  ],
  notForSource,
  noSpace,
  ...upgradeFailures(),
]

const ep06End: readonly CodeRow[] = [
  done,
  [
    502,
    "unpredictable error",
    "self-retrying",
    "The upgrade stopped with an error the module cannot name; its version is read later.",
  ],
  [
    504,
    "upgrade package file wrong",
    "self-retrying",
    "The module calls the package file wrong and may still be trying; its version is read later.",
  ],
  [
    505,
    "upgrade package file wrong",
    "wrong-package",
    "The module calls the package file wrong; publish the vendor's file again, unchanged.",
  ],
  notForSource,
  noSpace,
  ...upgradeFailures(),
]

const quecOpenEnd: readonly CodeRow[] = [
  done,
  [
    1,
    "backup area update failed",
    "device",
    "The module runs the new firmware but could not renew its backup area; a further update may be refused.",
  ],
  [
    501,
    "unzip failed or no space",
    "device",
    "The module could not unpack the package, often for want of space; free its file system and order the update anew.",
  ],
  [
    502,
    "updater crashed",
    "self-retrying",
    "The module's updater crashed and starts again by itself; its version is read later.",
  ],
  [
    510,
    "verify failed",
    "wrong-package",
    "The package does not fit what the module runs; look at the versions it was published with.",
  ],
  noSpace,
]

const standardAEnd: readonly CodeRow[] = [
  done,
  [
    504,
    "upgrade failed",
    "self-retrying",
    "The upgrade failed and the module may still be trying; its version is read later.",
  ],
  [
    505,
    "package check error",
    "wrong-package",
    "The module found the package damaged; publish the vendor's file again, unchanged.",
  ],
  [506, "MD5 check error", "wrong-package", "The package's MD5 is wrong; publish the vendor's file again, unchanged."],
  [
    507,
    "firmware version mismatch",
    "wrong-package",
    "The package was made for another version than the module runs; look at the versions it was published with.",
  ],
  [
    552,
    "project mismatch",
    "wrong-package",
    "The package is for another project of this module; ask the vendor for the one of its exact name.",
  ],
  [
    553,
    "baseline mismatch",
    "wrong-package",
    "The package is for another baseline of this module; ask the vendor for the one of its exact version.",
  ],
]

const bg96End: readonly CodeRow[] = [
  done,
  [
    504,
    "upgrade failed",
    "self-retrying",
    "The upgrade failed and the module may still be trying; its version is read later.",
  ],
  [
    505,
    "package does not exist",
    "wrong-package",
    "The module finds no package where it should lie; order the update anew.",
  ],
  [
    506,
    "package check failed",
    "wrong-package",
    "The module found the package damaged; publish the vendor's file again, unchanged.",
  ],
  [
    511,
    "package does not match the firmware",
    "wrong-package",
    "The package was made for another version than the module runs; look at the versions it was published with.",
  ],
]

const file: readonly CodeRow[] = [
  [0, "file transfer successful", "none", "The package is on the module, which now restarts to install it."],
  [500, "file transfer error", "transient", "The host did not send the package whole; it is sent again."],
]

/** Every code of every profile, by the URC that carries it. A profile without a transport has no rows for it. */
export const codeTables: Readonly<Record<CodeTable, Readonly<Record<EndEvent, readonly CodeRow[]>>>> = {
  // The guide's Table 1 gives no other download codes.
  ag35: { FTPEND: [ftpDone, ftpUnknown], HTTPEND: [httpDone, httpUnknown], FILEEND: [], END: ag35End },
  ep06: { FTPEND: ftp, HTTPEND: http, FILEEND: [], END: ep06End },
  quecopen: { FTPEND: ftp, HTTPEND: http, FILEEND: [], END: quecOpenEnd },
  "standard-a": { FTPEND: ftp, HTTPEND: http, FILEEND: file, END: standardAEnd },
  bg96: { FTPEND: [], HTTPEND: bg96Http, FILEEND: [], END: bg96End },
}
