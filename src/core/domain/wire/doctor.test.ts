import { describe, expect, it } from "vitest"
import { diagnose, doctorRules, isPrivateAddress } from "./doctor.ts"
import type { Speaker, Transcript, WireChannel } from "./transcript.ts"

const speakers: Readonly<Record<string, Speaker>> = { ">": "device", "<": "server", "=": "note" }

/** `> ` the device says, `< ` the server says, `= ` the server saw. */
function transcript(channel: WireChannel, text: string, peer = "198.51.100.9"): Transcript {
  const lines = text
    .trim()
    .split("\n")
    .map((line) => line.trim())
    .map((line, i) => ({
      at: i,
      from: speakers[line.charAt(0)] ?? "note",
      text: line.slice(2).replaceAll("<CR>", "\r"),
    }))
  return { number: 1, channel, peer, startedAt: 0, endedAt: 9, lines, dropped: 0, repeats: 0 }
}

const login = `
  < 220 Waft FTP server ready
  > USER mote-1
  < 331 Password required
  > PASS ****
  < 230 Logged in
  > TYPE I
  < 200 Type set to I`

/** One of each rule, and the line that shows it. */
const cases: Readonly<Record<string, readonly [Transcript, shows: string]>> = {
  "private-pasv-address": [
    transcript("ftp", `${login}\n> PASV\n< 227 Entering Passive Mode (192,168,1,20,117,48)\n> RETR UPGRADE.TXT`),
    "227 Entering Passive Mode (192,168,1,20,117,48)",
  ],
  "data-from-another-address": [
    transcript(
      "ftp",
      `${login}\n> PASV\n< 227 Entering Passive Mode (203,0,113,7,117,48)\n= a data connection came from 198.51.100.44, and the control connection from 198.51.100.9`,
    ),
    "a data connection came from 198.51.100.44, and the control connection from 198.51.100.9",
  ],
  "no-data-connection": [
    transcript(
      "ftp",
      `${login}\n> PASV\n< 227 Entering Passive Mode (203,0,113,7,117,48)\n> RETR UPGRADE.TXT\n< 150 Opening\n< 425 Can't open data connection`,
    ),
    "425 Can't open data connection",
  ],
  "port-to-another-address": [
    transcript("ftp", `${login}\n> PORT 10,64,3,9,19,137\n< 501 That is not the address of your control connection`),
    "PORT 10,64,3,9,19,137",
  ],
  "ascii-transfer": [
    transcript("ftp", `${login}\n> TYPE A\n< 200 Type set to A\n> RETR UPGRADE.TXT`),
    "RETR UPGRADE.TXT",
  ],
  "cr-in-a-name": [transcript("ftp", `${login}\n> SIZE PROG001<CR>\n< 550 No such file`), "SIZE PROG001\r"],
  "path-too-long": [
    transcript(
      "ftp",
      `${login}\n> CWD /firmware/waspmote/greenhouse/site-north/2026-11/candidates\n< 550 No such directory`,
    ),
    "CWD /firmware/waspmote/greenhouse/site-north/2026-11/candidates",
  ],
  "wrong-apn": [
    transcript("agent", "> AT#SGACT=1,1\n> +CME ERROR: 149\n= the module could not open its data connection"),
    "+CME ERROR: 149",
  ],
  "proxy-in-between": [
    transcript(
      "http",
      "> GET /d/****/ota.json HTTP/1.1\n> host: ota.example\n> via: 1.1 gw7.carrier.example (squid)\n< 200",
    ),
    "via: 1.1 gw7.carrier.example (squid)",
  ],
  "breaks-at-the-same-byte": [
    transcript(
      "ftp",
      `${login}\n= PROG001: broke off after at least 65536 of 120000 bytes (reset)\n> REST 0\n= PROG001: broke off after at least 65300 of 120000 bytes (reset)`,
    ),
    "PROG001: broke off after at least 65300 of 120000 bytes (reset)",
  ],
  "wrong-password": [
    transcript(
      "ftp",
      "< 220 Waft FTP server ready\n> USER mote-1\n> PASS ****\n< 530 Wrong user or password\n= the login is a device's, and its password was refused",
    ),
    "the login is a device's, and its password was refused",
  ],
  probe: [
    transcript("http", "> GET /d/****/ota.json HTTP/1.1\n> user-agent: zgrab/0.x\n< 200"),
    "user-agent: zgrab/0.x",
  ],
  "message-not-delivered": [
    transcript("sms", "< command transaction=71\n= message 71-1 failed: no receipt came", "+393331234567"),
    "message 71-1 failed: no receipt came",
  ],
}

describe("the protocol doctor", () => {
  it.each(doctorRules.map(({ rule }) => rule))("knows %s by its line, and nothing else in that transcript", (rule) => {
    const [seen, shows] = cases[rule] ?? [transcript("ftp", "= nothing"), "no transcript for this rule"]
    const findings = diagnose(seen)
    expect(findings.map((finding) => finding.rule)).toEqual([rule])
    expect(seen.lines[findings[0]?.line ?? -1]?.text).toBe(shows)
  })

  it.each([
    [
      "a quiet poll",
      transcript(
        "ftp",
        `${login}\n> PASV\n< 227 Entering Passive Mode (203,0,113,7,117,48)\n> RETR UPGRADE.TXT\n< 150 Opening\n= UPGRADE.TXT: 8 bytes, whole\n< 226 Transfer complete\n> QUIT\n< 221 Goodbye`,
      ),
    ],
    [
      "a private network of one's own",
      transcript("ftp", `${login}\n> PASV\n< 227 Entering Passive Mode (192,168,1,20,117,48)`, "192.168.1.77"),
    ],
    [
      "active mode from its own address",
      transcript("ftp", `${login}\n> PORT 198,51,100,9,19,137\n< 200 PORT command successful`),
    ],
    ["a board's poll", transcript("http", "> GET /d/****/ota.json HTTP/1.1\n> host: ota.example\n< 200, 110 bytes")],
    [
      "an update that an agent tells of",
      transcript("agent", '> +QIND: "FOTA","FTPSTART"\n> +QIND: "FOTA","FTPEND",0\n> +CME ERROR: 4011'),
    ],
    [
      "two breaks at different bytes",
      transcript(
        "ftp",
        "= A: broke off after at least 1000 of 9000 bytes (reset)\n= A: broke off after at least 4000 of 9000 bytes (reset)",
      ),
    ],
  ])("finds nothing in %s", (_, seen) => {
    expect(diagnose(seen)).toEqual([])
  })

  it("knows which addresses nobody reaches from outside", () => {
    const inside = [
      "10.1.2.3",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.0.1",
      "100.64.0.1",
      "100.127.9.9",
      "169.254.1.1",
      "::ffff:10.0.0.1",
      "fd00::1",
    ]
    const outside = [
      "9.255.0.1",
      "11.0.0.1",
      "172.15.0.1",
      "172.32.0.1",
      "192.167.1.1",
      "100.63.0.1",
      "100.128.0.1",
      "203.0.113.7",
      "2001:db8::1",
    ]
    expect(inside.filter((address) => !isPrivateAddress(address))).toEqual([])
    expect(outside.filter(isPrivateAddress)).toEqual([])
  })
})
