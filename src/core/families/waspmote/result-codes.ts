/**
 * Every return code of `requestOTA` and `checkNewProgram`: the guide's words (OTA guide 7.1, sections 3.3 to 3.7), what lies
 * behind it, and the sentence for an operator: what happened, and what will change it.
 */
export interface ResultCode {
  /** Model id, or `any`. */
  readonly model: string
  /** As the guide writes it. */
  readonly code: string
  readonly words: string
  readonly sentence: string
}

type Row = readonly [code: string, words: string, sentence: string]

const fourG: readonly Row[] = [
  [
    "0",
    "success",
    "The mote has stored the program and reboots into its bootloader; its next poll shows whether it runs.",
  ],
  ["1", "SD not present", "The mote finds no SD card, and the program must be stored on one; put a working card in."],
  [
    "2",
    "error downloading UPGRADE.TXT",
    "The mote could not fetch UPGRADE.TXT; check that its login sees the file and that SIZE and passive data connections work from the mobile network.",
  ],
  [
    "3",
    "error opening FTP session",
    "The mote could not open an FTP session; check host, port, user and password in its sketch (together under 75 characters) and that the server is reachable.",
  ],
  [
    "4",
    "filename is different to 7 bytes",
    "The name in UPGRADE.TXT is not seven characters long, often because the lines end in CR LF; let the server write the file.",
  ],
  ["5", "no 'FILE' pattern found", "UPGRADE.TXT has no FILE label; let the server write the file."],
  ["6", "'NO_FILE' is the filename", "The mote has nothing to do: UPGRADE.TXT says NO_FILE."],
  [
    "7",
    "no 'PATH' pattern found",
    "UPGRADE.TXT has no PATH label, which 4G wants although it never uses it; let the server write the file.",
  ],
  ["8", "no 'SIZE' pattern found", "UPGRADE.TXT has no SIZE label; let the server write the file."],
  ["9", "no 'VERSION' pattern found", "UPGRADE.TXT has no VERSION label; let the server write the file."],
  [
    "10",
    "invalid program version number",
    "The mote already holds a program of that name with the same or a higher VERSION, so it stays as it is; offer a higher VERSION or another name.",
  ],
  [
    "11",
    "file size does not match in UPGRADE.TXT and server",
    "The stored program is not as long as SIZE says, so the mote drops it; UPGRADE.TXT and the binary do not belong together, or the SD card loses data.",
  ],
  [
    "12",
    "error downloading binary file: server file size is zero",
    "The server gave the program a size of zero; publish it again.",
  ],
  [
    "13",
    "error downloading binary file: reading the file size",
    "The server did not tell the size of the program; the file that UPGRADE.TXT names is missing in the login directory, or SIZE is not answered in binary mode.",
  ],
  [
    "14",
    "error downloading binary file: SD not present",
    "The SD card went away between UPGRADE.TXT and the program; seat it firmly or replace it.",
  ],
  [
    "15",
    "error downloading binary file: error creating the file in SD",
    "The mote could not create the program's file on its SD card; the card is full, read-only or its file system is damaged.",
  ],
  [
    "16",
    "error downloading binary file: error opening the file",
    "The mote could not open the file it had just created; its SD card is failing.",
  ],
  [
    "17",
    "error downloading binary file: error setting the pointer of the file",
    "The mote could not position in the program's file; its SD card is failing.",
  ],
  [
    "18",
    "error downloading binary file: error opening the GET connection",
    "The modem could not start the download; the server refused it, or passive data connections do not get through.",
  ],
  [
    "19",
    "error downloading binary file: error module returns error code after requesting data",
    "The modem reported an error in the middle of the download; the connection broke, and the mote tries again at its next poll.",
  ],
  [
    "20",
    "error downloading binary file: error getting packet size",
    "The mote could not read how much data the modem had for it; the serial line is disturbed, and the mote tries again at its next poll.",
  ],
  [
    "21",
    "error downloading binary file: packet size mismatch",
    "The modem delivered less data than it announced; the serial line is disturbed, and the mote tries again at its next poll.",
  ],
  [
    "22",
    "error downloading binary file: error writing SD",
    "The mote could not write the program to its SD card; the card is full or failing.",
  ],
  [
    "23",
    "error downloading binary file: no more retries getting data",
    "The modem had no data for the mote five times over; the link is too slow or stalled, and the mote tries again at its next poll.",
  ],
  [
    "24",
    "error downloading binary file: size mismatch",
    "The stored program is not as long as the server announced; the SD card lost data or the file changed under way.",
  ],
  [
    "25",
    "error closing the FTP session",
    "The modem could not close its first FTP session; it is stuck, and the mote tries again at its next poll.",
  ],
  [
    "26",
    "error opening the second FTP session",
    "The modem could not open its second FTP session; a server that allows one session a login, or a network that drops the second, causes this.",
  ],
]

const wifi: readonly Row[] = [
  [
    "0",
    "success",
    "The mote has stored the program and reboots into its bootloader; its next poll shows whether it runs.",
  ],
  [
    "ERROR_CODE_0010",
    "SD not present",
    "The mote finds no SD card, and the program must be stored on one; put a working card in.",
  ],
  [
    "ERROR_CODE_0021",
    "error downloading UPGRADE.TXT",
    "The mote could not fetch UPGRADE.TXT; check host, port, user and password, and that active or passive data connections reach the mote's network.",
  ],
  [
    "ERROR_CODE_0022",
    "filename in UPGRADE.TXT is not a 7-byte name",
    "The name in UPGRADE.TXT is not seven characters long, often because the lines end in CR LF; let the server write the file.",
  ],
  [
    "ERROR_CODE_0023",
    "no FILE label is found in UPGRADE.TXT",
    "UPGRADE.TXT has no FILE label; let the server write the file.",
  ],
  [
    "ERROR_CODE_0024",
    "NO_FILE is defined as FILE in UPGRADE.TXT",
    "The mote has nothing to do: UPGRADE.TXT says NO_FILE.",
  ],
  [
    "ERROR_CODE_0025",
    "no PATH label is found in UPGRADE.TXT",
    "UPGRADE.TXT has no PATH label; let the server write the file.",
  ],
  [
    "ERROR_CODE_0026",
    "no SIZE label is found in UPGRADE.TXT",
    "UPGRADE.TXT has no SIZE label; let the server write the file.",
  ],
  [
    "ERROR_CODE_0027",
    "no VERSION label is found in UPGRADE.TXT",
    "UPGRADE.TXT has no VERSION label; let the server write the file.",
  ],
  [
    "ERROR_CODE_0028",
    "version indicated in UPGRADE.TXT is lower/equal to Waspmote's version",
    "The mote already holds a program of that name with the same or a higher VERSION, so it stays as it is; offer a higher VERSION or another name.",
  ],
  [
    "ERROR_CODE_0029",
    "file size does not match the indicated in UPGRADE.TXT",
    "The stored program is not as long as SIZE says, so the mote drops it; UPGRADE.TXT and the binary do not belong together, or the SD card loses data.",
  ],
  [
    "ERROR_CODE_0030",
    "error downloading binary file",
    "The mote could not fetch the program; the connection broke, stalled for ten seconds, or the file is missing, and the mote tries again at its next poll.",
  ],
]

const threeG: readonly Row[] = [
  [
    "1",
    "on success",
    "The mote has stored the program and reboots into its bootloader; its next poll shows whether it runs.",
  ],
  [
    "-2",
    "error setting the connection parameters (APN)",
    "The modem did not take the APN settings; check APN, login and password in the mote's library.",
  ],
  [
    "-19",
    "error downloading the OTA version file",
    "The modem got no answer when it fetched UPGRADE.TXT; check that the server is reachable from the mobile network.",
  ],
  [
    "-21",
    "error with CME code (FTP error) downloading the OTA version file",
    "The server refused UPGRADE.TXT or the login; check user and password and that the login sees the file.",
  ],
  [
    "-22",
    "error sending the OTA version file from 3G module to Waspmote's SD",
    "UPGRADE.TXT is in the modem but did not reach the SD card; the card is missing or failing.",
  ],
  ["-23", "there isn't FILE tag", "UPGRADE.TXT has no FILE label; let the server write the file."],
  ["-24", "there isn't PATH tag", "UPGRADE.TXT has no PATH label; let the server write the file."],
  ["-25", "there isn't VERSION tag", "UPGRADE.TXT has no VERSION label; let the server write the file."],
  ["-26", "OTA is not necessary", "The mote has nothing to do: UPGRADE.TXT says NO_FILE."],
  [
    "-27",
    "OTA files are the same program version",
    "The mote already holds a program of that name with the same or a higher VERSION, so it stays as it is; offer a higher VERSION or another name.",
  ],
  [
    "-28",
    "error downloading the OTA file",
    "The modem got no answer when it fetched the program; the connection broke, and the mote tries again at its next poll.",
  ],
  [
    "-31",
    "error with CME code (FTP error) downloading the OTA file",
    "The server refused the program; the file that PATH and FILE name together, without a slash between them, is missing.",
  ],
  [
    "-32",
    "error sending the OTA file from 3G module to Waspmote's SD",
    "The program is in the modem but did not reach the SD card; the card is full, missing or failing.",
  ],
]

/** Settings of the 3G modem: code, code when it gave a CME error, and what was set. */
const threeGSettings: readonly (readonly [code: string, cme: string, what: string, cure: string])[] = [
  ["-3", "-13", "FTP server", "check the server address in the sketch"],
  ["-4", "-14", "FTP port", "check the port in the sketch"],
  ["-5", "-15", "FTP mode", "restart the modem; if it stays, its firmware is not the one the library expects"],
  ["-6", "-16", "FTP type", "restart the modem; if it stays, its firmware is not the one the library expects"],
  ["-7", "-17", "user name", "check the FTP user in the sketch"],
  ["-8", "-18", "FTP password", "check the FTP password in the sketch"],
]

function settingRows([code, cme, what, cure]: (typeof threeGSettings)[number]): readonly Row[] {
  return [
    [code, `error setting the ${what}`, `The modem did not take the ${what}; ${cure}.`],
    [
      cme,
      `error setting the ${what} (CME error available)`,
      `The modem refused the ${what} with a CME error; ${cure}.`,
    ],
  ]
}

const gprsWhole: readonly Row[] = [
  [
    "1",
    "success",
    "The mote has stored the program and reboots into its bootloader; its next poll shows whether it runs.",
  ],
  [
    "-2",
    "error",
    "The modem did not answer at all; check its power and that the sketch switches it on before requestOTA.",
  ],
  [
    "-4",
    "error setting the type of Internet connection",
    "The modem did not take the type of connection; restart it, and check that its firmware is the ENHANCE version that the guide names.",
  ],
  ["-5", "error setting the apn", "The modem did not take the APN; check AT_GPRS_APN in the mote's library."],
  [
    "-6",
    "error setting the user name",
    "The modem did not take the provider's user name; check AT_GPRS_LOGIN in the mote's library.",
  ],
  [
    "-7",
    "error setting the password",
    "The modem did not take the provider's password; check AT_GPRS_PASSW in the mote's library.",
  ],
  [
    "-8",
    "error saving the configuration",
    "The modem could not save its connection settings; restart it, and check its firmware.",
  ],
  ["-66", "there isn't FILE tag", "UPGRADE.TXT has no FILE label; let the server write the file."],
  ["-67", "there isn't PATH tag", "UPGRADE.TXT has no PATH label; let the server write the file."],
  ["-68", "there isn't VERSION tag", "UPGRADE.TXT has no VERSION label; let the server write the file."],
  ["-69", "OTA is not necessary", "The mote has nothing to do: UPGRADE.TXT says NO_FILE."],
  [
    "-70",
    "OTA files are the same program version",
    "The mote already holds a program of that name, and VERSION, read as a signed byte, is not above the stored one, so it stays as it is; offer a higher VERSION up to 127, or another name.",
  ],
]

/**
 * Steps that a GPRS modem takes for each of the two files: code while fetching UPGRADE.TXT, code when a CME error was
 * available, the guide's words, what happened, and what changes it. While fetching the program every code is lower by 62.
 */
const gprsSteps: readonly (readonly [code: number, cme: number | null, words: string, what: string, cure: string])[] = [
  [
    -9,
    null,
    "error opening connection with the GPRS provider",
    "the modem could not open its connection to the provider",
    "check coverage, the SIM's data plan and the APN",
  ],
  [-11, null, "error getting the IP address", "the modem got no IP address", "check the SIM's data plan"],
  [
    -12,
    -50,
    "error setting the FTP/HTTP ID",
    "the modem did not take the number of its FTP connection",
    "restart the modem and check its firmware",
  ],
  [
    -13,
    -51,
    "error setting the FTP mode",
    "the modem did not take the FTP mode",
    "restart the modem and check its firmware",
  ],
  [
    -14,
    -52,
    "error setting the FTP type",
    "the modem did not take the FTP transfer type",
    "restart the modem and check its firmware",
  ],
  [
    -15,
    -53,
    "error setting the FTP server",
    "the modem did not take the address of the FTP server",
    "check the server address in the sketch",
  ],
  [
    -16,
    -54,
    "error setting the FTP port",
    "the modem did not take the port of the FTP server",
    "check the port in the sketch",
  ],
  [-17, -55, "error setting the user name", "the modem did not take the FTP user", "check the FTP user in the sketch"],
  [
    -18,
    -56,
    "error setting the password",
    "the modem did not take the FTP password",
    "check the FTP password in the sketch",
  ],
  [
    -21,
    -57,
    "error setting the file name in the FTP server",
    "the modem did not take the name of the file",
    "let the server write UPGRADE.TXT, so that the name is one the modem takes",
  ],
  [
    -22,
    -58,
    "error setting the path of the file in the FTP server",
    "the modem did not take the directory of the file",
    "let the server write UPGRADE.TXT, so that PATH is / alone",
  ],
  [
    -23,
    -59,
    "error opening the FTP session",
    "the modem could not open the FTP session",
    "check user and password, and that passive data connections get through",
  ],
  [-24, null, "error starting the SD", "the mote could not start its SD card", "put a working SD card in"],
  [
    -25,
    null,
    "error creating the file",
    "the mote could not create the file on its SD card",
    "the SD card is full, read-only or damaged; replace it",
  ],
  [
    -26,
    -60,
    "error requesting data to the FTP",
    "the modem got no data from the server",
    "the connection broke, and the mote tries again at its next poll",
  ],
  [
    -27,
    null,
    "error saving data into the SD",
    "the mote could not write to its SD card",
    "the SD card is full or failing; replace it",
  ],
  [
    -28,
    -61,
    "error requesting more data to the FTP",
    "the modem stopped getting data from the server",
    "the connection broke, and the mote tries again at its next poll",
  ],
  [
    -30,
    -62,
    "setting the file name in the FTP to get the file size",
    "the modem did not take the name of the file whose size it wanted",
    "let the server write UPGRADE.TXT, so that the name is one the modem takes",
  ],
  [
    -31,
    -63,
    "setting the path in the FTP to get the file size",
    "the modem did not take the directory of the file whose size it wanted",
    "let the server write UPGRADE.TXT, so that PATH is / alone",
  ],
  [
    -32,
    -64,
    "error getting the file size",
    "the modem was not told the size of the file",
    "check that the login sees the file under .gprs and that the server answers SIZE",
  ],
  [-65, null, "FTP is busy", "the modem was busy with another FTP session", "the mote tries again at its next poll"],
]

/** What the guide subtracts from a code of UPGRADE.TXT to name the same failure with the program. */
export const gprsBinaryOffset = -62

function gprsStepRows([code, cme, words, what, cure]: (typeof gprsSteps)[number]): readonly Row[] {
  return [
    { offset: 0, file: "UPGRADE.TXT" },
    { offset: gprsBinaryOffset, file: "the program" },
  ].flatMap(({ offset, file }): Row[] => {
    const row: Row = [`${code + offset}`, words, `While fetching ${file}, ${what}; ${cure}.`]
    if (cme === null) return [row]
    return [
      row,
      [
        `${cme + offset}`,
        `${words} (CME error available)`,
        `While fetching ${file}, ${what} and gave a CME error; ${cure}.`,
      ],
    ]
  })
}

const gprsDownloads: readonly Row[] = [
  [
    "-10",
    "error downloading OTA version file",
    "UPGRADE.TXT did not arrive whole in three tries or 300 seconds; check coverage, and the mote tries again at its next poll.",
  ],
  [
    "-72",
    "error downloading OTA file",
    "The program did not arrive whole in three tries or 300 seconds; a smaller program or better coverage helps, and the mote tries again at its next poll.",
  ],
]

const anyModel: readonly Row[] = [
  [
    "checkNewProgram 0",
    "Reprogramming error",
    "The bootloader did not install the program: its header does not carry the name that UPGRADE.TXT gave, or the file on the SD card is damaged; the mote runs its old program.",
  ],
  ["checkNewProgram 1", "Reprogramming OK", "The mote runs the new program."],
  ["checkNewProgram 2", "Normal starting (no OTA process)", "The mote started as usual; no update was under way."],
]

const gprs: readonly Row[] = [...gprsWhole, ...gprsSteps.flatMap(gprsStepRows), ...gprsDownloads]

const tables: Readonly<Record<string, readonly Row[]>> = {
  "gprs-pro": gprs,
  "gprs-gps": gprs,
  "3g": [...threeG, ...threeGSettings.flatMap(settingRows)],
  "4g": fourG,
  "wifi-pro": wifi,
  any: anyModel,
}

/** All codes of all models, in the order of the guide's tables as far as they are numbered. */
export const resultCodes: readonly ResultCode[] = Object.entries(tables).flatMap(([model, rows]) =>
  rows.map(([code, words, sentence]) => ({ model, code, words, sentence })).sort((a, b) => rank(a.code) - rank(b.code)),
)

/** 0 and 1 first, then by distance from zero; codes that are words keep their order. */
function rank(code: string): number {
  const value = Number(code)
  return Number.isNaN(value) ? Number(/\d+$/.exec(code)?.[0] ?? 0) : Math.abs(value)
}

/** The row of a code; a code of `any` is found under every model. Undefined when the guide knows no such code. */
export function resultCode(model: string, code: string): ResultCode | undefined {
  return resultCodes.find((row) => (row.model === model || row.model === "any") && row.code === code)
}

/** What `requestOTA` returns when it worked, by model. */
export const successCode: Readonly<Record<string, string>> = {
  "gprs-pro": "1",
  "gprs-gps": "1",
  "3g": "1",
  "4g": "0",
  "wifi-pro": "0",
}
