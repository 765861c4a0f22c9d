import { readFileSync } from "node:fs"
import { Value } from "typebox/value"
import { readDeviceList } from "../src/cli/device-list.ts"
import { agentCalls } from "../src/core/contract/agent-api.ts"
import { parseGroup } from "../src/core/domain/group.ts"
import { Refusal } from "../src/core/domain/refusal.ts"
import {
  applyJojodiff,
  applyToFile,
  DeltaError,
  makeJojodiff,
  makePatch,
  plainWrappings,
} from "../src/core/delta/index.ts"
import { firmwarePair } from "../src/core/delta/firmware.testing.ts"
import { ddi } from "../src/core/families/ddi/index.ts"
import { readConfirmation, readFeedback } from "../src/core/families/ddi/codec/feedback.ts"
import { readTar } from "../src/core/families/ddi/codec/tar.ts"
import { families } from "../src/core/families/index.ts"
import { decideManifest } from "../src/core/families/pic32mzw1/codec/manifest-rules.ts"
import { imageFaults } from "../src/core/families/pic32mzw1/codec/image.ts"
import { readIntelHex } from "../src/core/families/pic32mzw1/codec/intel-hex.ts"
import { parseFotaUrc } from "../src/core/families/quectel/codec/fota-urc.ts"
import { conversation } from "../src/core/families/telit/server/conversation.ts"
import { octetsOfSms, PfmCutter } from "../src/core/families/telit/codec/pfm-carriers.ts"
import { waftCodec } from "../src/core/families/telit/codec/pfm-codec.ts"
import { pfmKeys } from "../src/core/families/telit/codec/pfm-keys.ts"
import { readUrc } from "../src/core/families/telit/codec/urcs.ts"
import { askRoute } from "../src/core/families/testing/ask-route.testing.ts"
import { readProgramHex } from "../src/core/families/waspmote/codec/intel-hex.ts"
import { readOtaBinary } from "../src/core/families/waspmote/codec/ota-binary.ts"
import { concat, fromLatin1, latin1 } from "../src/core/kit/bytes.ts"
import { MalformedMessage } from "../src/core/kit/malformed-message.ts"
import { AtCutter } from "../src/core/protocols/at/at-cutter.ts"
import { parseCommandLine } from "../src/core/protocols/at/command-line.ts"
import { parseFinal } from "../src/core/protocols/at/at-result.ts"
import { CommandCutter } from "../src/core/protocols/ftp/command-cutter.ts"
import { parseCommand } from "../src/core/protocols/ftp/command.ts"
import {
  parseExtendedPassiveReply,
  parseExtendedPort,
  parsePassiveReply,
  parsePort,
} from "../src/core/protocols/ftp/data-address.ts"
import { parseTime, sizeInListLine } from "../src/core/protocols/ftp/listing.ts"
import { lookupPaths } from "../src/core/protocols/ftp/path.ts"
import { ReplyCutter } from "../src/core/protocols/ftp/reply-cutter.ts"
import { PduCutter } from "../src/core/protocols/smpp/pdu-cutter.ts"
import { decodePdu } from "../src/core/protocols/smpp/pdu.ts"
import { isReceipt, readReceipt } from "../src/core/protocols/smpp/receipt.ts"
import { parsePduLine } from "../src/core/protocols/sms/pdu-line.ts"
import { decodeFromCentre, decodeFromMobile } from "../src/core/protocols/sms/tpdu.ts"
import { parsePlanFile } from "../src/core/rollout/plan-file.ts"
import { addDevice } from "../src/server/fleet/add-device.ts"
import { httpGateway } from "../src/server/gateway/http-gateway.ts"
import { Rehearsal } from "../src/server/gateway/rehearsal.testing.ts"
import { parseRange } from "../src/server/transports/http/byte-range.ts"
import { requestPath } from "../src/server/transports/http/request-path.ts"

/** One reader of bytes from outside, and inputs that it takes. */
export interface Target {
  readonly name: string
  readonly sound: readonly Uint8Array[]
  /** Reads the bytes. May throw what its readers are documented to throw; anything else is a finding. */
  readonly read: (bytes: Uint8Array) => void
}

const bytesOf = (...texts: readonly string[]): readonly Uint8Array[] =>
  texts.map((text) => new TextEncoder().encode(text))
const project = (path: string): Uint8Array => readFileSync(new URL(`../${path}`, import.meta.url))

/** In pieces, as packets come: cut where the first byte says. */
function inPieces(bytes: Uint8Array, take: (piece: Uint8Array) => void): void {
  const cut = bytes.length === 0 ? 0 : (bytes[0] ?? 0) % bytes.length
  take(bytes.subarray(0, cut))
  take(bytes.subarray(cut))
}

/** A fleet of a board and a gateway, which requests may come from. */
const fleet = await Rehearsal.startAlone()
const board = await addDevice(fleet.needs, { id: "b1", family: "pic32mzw1", model: "v3.8" })
const { access } = await addDevice(fleet.needs, { id: "d1", family: "ddi", model: "other" })
const gateway = httpGateway({ ...fleet.needs, deviceUrl: null })
const origin = { peer: "192.0.2.7", localHost: "203.0.113.1", localPort: 8081, isTls: false }

const keys = pfmKeys("a secret of sixteen characters and more", "357464030012345")
const images = firmwarePair(4)
const patch = makePatch(images.oldBytes, images.newBytes, { profile: "tiny" }).patch
const placed = makePatch(images.oldBytes, images.newBytes, { profile: "tiny", sectorSize: 1024 }).patch
const jojodiff = makeJojodiff(images.oldBytes, images.newBytes)
const programHex = project("demo/waspmote/greenhouse-1.hex").subarray(0, 2000)

function ftpCommands(bytes: Uint8Array): void {
  const cutter = new CommandCutter(512)
  inPieces(bytes, (piece) => {
    for (const line of cutter.push(piece)) {
      const command = line === null ? null : parseCommand(line)
      if (command === null) continue
      lookupPaths("/", command.argument)
      parsePort(command.argument)
      parseExtendedPort(command.argument)
    }
  })
}

function ftpReplies(bytes: Uint8Array): void {
  const cutter = new ReplyCutter()
  inPieces(bytes, (piece) => {
    for (const { lines } of cutter.push(piece)) {
      parsePassiveReply(lines.join(" "))
      parseExtendedPassiveReply(lines.join(" "))
      for (const line of lines) {
        sizeInListLine(line)
        parseTime(line.slice(4))
      }
    }
  })
}

/** `METHOD target`, header lines, an empty line, the body. */
function httpRequest(bytes: Uint8Array): void {
  const text = fromLatin1(bytes)
  const [head = "", body = ""] = text.split("\n\n", 2)
  const [first = "", ...lines] = head.split("\n")
  const [method = "", url = ""] = first.split(" ")
  const headers = Object.fromEntries(
    lines.map((line) => [line.split(":", 1)[0]?.toLowerCase() ?? "", line.slice(line.indexOf(":") + 1).trim()]),
  )
  parseRange(headers["range"], 1000)
  const path = requestPath(url)
  if (path === null) return
  const query = url.split("?")[1] ?? ""
  gateway.find({ method, path, query, headers, origin })
  // What a device says that is known: its routes answer without a look at who it is.
  askRoute(ddi, { method, url: `${path}?${query}`, headers, body: latin1(body) })
}

function agentCall(bytes: Uint8Array): void {
  const text = new TextDecoder("utf-8").decode(bytes)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = Object.fromEntries(new URLSearchParams(text))
  }
  for (const call of Object.values(agentCalls)) {
    for (const schema of [...("body" in call ? [call.body] : []), ...("query" in call ? [call.query] : [])]) {
      if (!Value.Check(schema, value)) Value.Errors(schema, value)
    }
  }
}

function pfmMessage(bytes: Uint8Array): void {
  const octets = octetsOfSms(bytes)
  if (octets !== null) {
    waftCodec.decode(octets, keys)
    // As the holder of a module's key may send it: beyond the tag stand the fields.
    for (const key of [keys.toServer, keys.toModule]) {
      const signed = octets.subarray(0, -8)
      tolerant(() => waftCodec.decode(concat([signed, keys.hmac(key, signed).subarray(0, 8)]), keys))
    }
  }
  conversation.senderOf(bytes)
  const cutter = new PfmCutter()
  inPieces(bytes, (piece) => {
    for (const message of cutter.push(piece)) waftCodec.decode(message, keys)
  })
}

/** A reader that may refuse, with others behind it that shall see the same bytes. */
function tolerant(read: () => unknown): void {
  try {
    read()
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error
  }
}

function smpp(bytes: Uint8Array): void {
  const cutter = new PduCutter()
  inPieces(bytes, (piece) => {
    for (const octets of cutter.push(piece)) {
      const pdu = decodePdu(octets)
      if (pdu?.command === "deliverSm" && isReceipt(pdu)) readReceipt(pdu)
    }
  })
}

function atLines(bytes: Uint8Array): void {
  const cutter = new AtCutter()
  inPieces(bytes, (piece) => {
    for (const found of cutter.push(piece, (piece[0] ?? 0) % 2 === 0)) {
      if (found.kind !== "line") continue
      parseFotaUrc(found.text)
      readUrc(found.text)
      parseFinal(found.text, true)
      parseCommandLine(found.text)
    }
  })
}

function shortMessage(bytes: Uint8Array): void {
  // As a modem prints it, and as octets, of either direction.
  tolerant(() => parsePduLine(fromLatin1(bytes)))
  tolerant(() => decodeFromCentre(bytes))
  tolerant(() => decodeFromMobile(bytes))
}

function intelHex(bytes: Uint8Array): void {
  readProgramHex(bytes)
  readIntelHex("a.hex", bytes)
}

function manifest(bytes: Uint8Array): void {
  decideManifest(fromLatin1(bytes), manifestContext)
}

const manifestContext = { runningVersion: 1, stickyErase: false, holds: () => false }

function linters(bytes: Uint8Array): void {
  for (const family of families) {
    for (const linter of family.linters) {
      for (const name of ["UPGRADE.TXT", "ota.json", "PROG001", "listing.txt", "a.hex"]) {
        if (linter.matches(name, bytes) || linter.matchesInFamily?.(name, bytes) === true) linter.lint(name, bytes)
      }
    }
  }
}

/** Every reader of bytes from outside that is ours, by what it reads. */
export const targets: readonly Target[] = [
  {
    name: "FTP command stream",
    sound: bytesOf(
      "USER m1\r\nPASS secret\r\nTYPE I\r\nEPSV\r\nRETR UPGRADE.TXT\r\nQUIT\r\n",
      "PORT 127,0,0,1,200,10\r\nEPRT |1|127.0.0.1|5000|\r\nCWD .gprs/../x\r\n\xff\xf4\xff\xf2ABOR\r\nREST 100\r\nLIST -la x\r\n",
    ),
    read: ftpCommands,
  },
  {
    name: "FTP replies",
    sound: bytesOf(
      "220-Welcome\r\n x\r\n220 ready\r\n227 Entering Passive Mode (127,0,0,1,200,10)\r\n",
      "229 Entering (|||5000|)\r\n226 done\r\n213 -r--r--r-- 1 a b 1234 Jan 1 10:00 PROG001\r\n",
    ),
    read: ftpReplies,
  },
  {
    name: "HTTP requests of devices",
    sound: bytesOf(
      `GET /d/${board.access.secret}/ota.json HTTP/1.1\nHost: x\nRange: bytes=0-99\n\n`,
      `POST /DEFAULT/controller/v1/d1/deploymentBase/1/feedback HTTP/1.1\nAuthorization: TargetToken ${access.secret}\n\n{"id":"1","status":{"execution":"closed","result":{"finished":"success","progress":{"cnt":1,"of":2}},"details":["a"]}}`,
      'PUT /DEFAULT/controller/v1/d1/configData?x=1 HTTP/1.1\nHost: x\n\n{"mode":"merge","data":{"a":"b"}}',
      'GET /DEFAULT/controller/v1/d1/softwaremodules/1/artifacts/a%20b HTTP/1.1\nIf-Range: "x"\n\n',
    ),
    read: httpRequest,
  },
  {
    name: "DDI bodies",
    sound: bytesOf(
      '{"id":"1","status":{"execution":"proceeding","result":{"finished":"none","progress":{"cnt":1,"of":2}},"code":200,"details":["a","b"]}}',
      '{"confirmation":"confirmed","details":["ok"],"code":1}',
    ),
    read: (bytes) => {
      readFeedback(bytes)
      readConfirmation(bytes)
    },
  },
  {
    name: "agent API",
    sound: bytesOf(
      '{"id":"m1","model":"AG35","secret":"abcdefghijklmnopqrstuvwx","version":"A"}',
      '{"order":"u/1","state":"failed","percent":5,"urc":"+QIND: \\"FOTA\\",\\"END\\",0","code":1,"version":"B","sentence":"x"}',
      '{"mark":"a","event":"seen","sentence":"b","version":"c"}',
      "version=A&wait=110",
    ),
    read: agentCall,
  },
  {
    name: "PFM messages",
    sound: hexIn("src/core/families/telit/vectors.json"),
    read: pfmMessage,
  },
  {
    name: "SMPP",
    sound: hexIn("src/core/protocols/smpp/vectors.json"),
    read: smpp,
  },
  {
    name: "AT lines",
    sound: bytesOf(
      'AT+CMGF=0;+CNMI=2,1,0,1,0\r\r\nOK\r\n+CMTI: "SM",3\r\n',
      '\r\n+QIND: "FOTA","UPDATING",50\r\n\r\n#OTAEV: "Module Upgraded To New Fw"\r\n+CMS ERROR: 38\r\n> ',
    ),
    read: atLines,
  },
  {
    name: "short messages (PDU)",
    sound: bytesOf(
      "07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37",
      "0891683108200505F0040D91683188888888F80008110101000000230400680069",
    ),
    read: shortMessage,
  },
  {
    name: "Intel HEX",
    sound: [programHex, ...bytesOf(":020000040000FA\n:0400000001020304F2\n:00000001FF\n")],
    read: intelHex,
  },
  {
    name: "UF2 and HEX as wrappings of patches",
    sound: [uf2File(), programHex],
    read: (bytes) => {
      for (const { unwrap } of plainWrappings) unwrap(bytes)
    },
  },
  { name: "tar", sound: [tarFile()], read: (bytes) => void readTar(bytes) },
  {
    name: "images",
    sound: [new Uint8Array(1024).fill(0xf8), latin1(`FIRMWARE_FILE_FOR_WASPMOTE${"#".repeat(600)}`)],
    read: (bytes) => {
      readOtaBinary(bytes)
      if (bytes.length >= 64) imageFaults(bytes)
    },
  },
  {
    name: "manifests",
    sound: bytesOf(
      '{"ota":[{"Version":2,"URL":"http://10.0.0.2/d/k/v2.bin","Digest":"00","EraseVer":false}]}',
      '{"ota":[{"Version":3,"BaseVersion":2,"URL":"http://x/a.patch"},{"EraseVer":true,"Version":1e2}]}',
    ),
    read: manifest,
  },
  {
    name: "files that waft lint reads",
    sound: bytesOf(
      "FILE:PROG001\nPATH:/\nSIZE:1234\nVERSION:2\n",
      '{"ota":[{"Version":2,"URL":"http://10.0.0.2/d/k/v2.bin"}]}',
      "-r--r--r-- 1 waft waft 1234 Jan 01 10:00 PROG001\r\n",
    ),
    read: linters,
  },
  {
    name: "device lists",
    sound: bytesOf(
      "id,family,model,site\nm1,waspmote,4g,north\n",
      '[{"id":"m1","family":"waspmote","model":"4g"}]',
      '{"id":"m1","family":"quectel","model":"AG35"}\n{"id":"m2"}\n',
    ),
    read: (bytes) => void readDeviceList(new TextDecoder().decode(bytes)),
  },
  {
    name: "rollout plans",
    sound: bytesOf(
      "phases:\n  - name: canary\n    share: 5%\n    wait: 1h\nsilence: 3d\nwindows:\n  - days: mon-fri\n    from: 22:00\n    to: 04:00\n",
      '{"phases":[{"name":"all"}],"budget":{"sms":100}}',
    ),
    read: (bytes) => void parsePlanFile(new TextDecoder().decode(bytes)),
  },
  {
    name: "group expressions",
    sound: bytesOf("site=north and (model=4g or version<2) and not seen>3d", "id=m* or label.x!='a b'"),
    read: (bytes) => void parseGroup(new TextDecoder().decode(bytes)),
  },
  {
    name: "patches",
    sound: [patch, placed],
    read: (bytes) => void applyToFile(bytes, images.oldBytes),
  },
  {
    name: "JojoDiff patches",
    sound: [jojodiff],
    read: (bytes) => void applyJojodiff(bytes, images.oldBytes, 1 << 20),
  },
]

/** Reads one input; gives what should not have happened. */
export function finding(target: Target, bytes: Uint8Array): Error | null {
  try {
    target.read(bytes)
    return null
  } catch (error) {
    const isExpected = error instanceof MalformedMessage || error instanceof DeltaError || error instanceof Refusal
    return isExpected ? null : error instanceof Error ? error : new Error(String(error))
  }
}

/** All octets that stand in a file of vectors as hexadecimal digits. */
function hexIn(path: string): readonly Uint8Array[] {
  const found: Uint8Array[] = []
  const look = (value: unknown): void => {
    if (typeof value === "object" && value !== null) return Object.values(value).forEach(look)
    const digits = typeof value === "string" ? value.replaceAll(" ", "") : ""
    if (digits.length >= 16 && /^([0-9a-f]{2})+$/i.test(digits)) found.push(Uint8Array.from(Buffer.from(digits, "hex")))
  }
  look(JSON.parse(fromLatin1(project(path))))
  if (found.length === 0) throw new Error(`${path} holds no octets`)
  return found
}

function uf2File(): Uint8Array {
  const block = Buffer.alloc(512)
  block.writeUInt32LE(0x0a324655, 0)
  block.writeUInt32LE(0x9e5d5157, 4)
  block.writeUInt32LE(0x2000, 12)
  block.writeUInt32LE(256, 16)
  block.writeUInt32LE(1, 24)
  block.writeUInt32LE(0x0ab16f30, 508)
  return block
}

function tarFile(): Uint8Array {
  const head = Buffer.alloc(512)
  head.write("a.bin", 0)
  head.write("0000644\0", 100)
  head.write("00000000005\0", 124)
  head.write("ustar\u000000", 257)
  head.write("0", 156)
  head.write("        ", 148)
  const sum = head.reduce((all, byte) => all + byte, 0)
  head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148)
  return Buffer.concat([head, Buffer.from("hello".padEnd(512, "\0")), Buffer.alloc(1024)])
}
