import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Writable } from "node:stream"
import { connect } from "node:tls"
import { Client } from "basic-ftp"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type FtpServer, startFtpServer } from "../../src/server/transports/ftp/ftp-server.ts"
import { MemoryHost, passwordOf } from "../../src/server/transports/ftp/memory-host.testing.ts"
import { RawClient } from "../../src/server/transports/ftp/raw-client.testing.ts"
import { notice, wallClock } from "../../src/server/transports/ftp/started-server.testing.ts"
import { runWell } from "./run-program.ts"

// Clients that nobody here wrote, against the FTP server: curl, lftp, Python's ftplib and basic-ftp. Active data
// connections under TLS are lftp's and Python's part: Debian's curl 7.88 stops after it has accepted one.

const user = "mote-1"
const password = passwordOf(user)
const image = Buffer.from(Uint8Array.from({ length: 1_500_000 }, (_, i) => (i * 2654435761) >>> 13))
/** A login that is excused from resuming. */
const old = "old"
const files = { "UPGRADE.TXT": notice, IMAGE: image }
const host = new MemoryHost({ [user]: files, [old]: files })
let server: FtpServer
let port = 0
let folder = ""
let certificate = ""

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-ftp-"))
  certificate = join(folder, "cert.pem")
  const keyFile = join(folder, "key.pem")
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
  const newKey = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
  await runWell("openssl", [...newKey, "-keyout", keyFile, "-out", certificate, ...subject])
  server = await startFtpServer({
    listen: { host: "127.0.0.1", port: 0 },
    passive: { minPort: 0, maxPort: 0 },
    tls: { key: readFileSync(keyFile, "utf8"), cert: readFileSync(certificate, "utf8") },
    host,
    // Python's ftplib resumes no session.
    mustResume: (login) => login !== old,
    clock: wallClock,
  })
  port = server.address.port
})

beforeEach(() => {
  host.ends.length = 0
})

afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

function expectWhole(from = 0): void {
  expect(host.ends).toMatchObject([{ name: "IMAGE", from, to: image.length, whole: true }])
}

describe("curl", () => {
  const curl = (...args: readonly string[]) =>
    runWell("curl", ["-sS", "--max-time", "30", "-u", `${user}:${password}`, ...args])
  const url = (name: string) => `ftp://localhost:${port}/${name}`
  const ways: readonly (readonly [string, readonly string[]])[] = [
    ["extended passive", []],
    ["passive", ["--disable-epsv"]],
    ["extended active", ["-P", "127.0.0.1"]],
    ["active", ["-P", "127.0.0.1", "--disable-eprt"]],
    ["TLS", ["--ssl-reqd", "--cacert", "CERTIFICATE"]],
  ]
  for (const [way, options] of ways) {
    const args = () => options.map((option) => (option === "CERTIFICATE" ? certificate : option))
    it(`lists over ${way} data connections`, async () => {
      const { stdout } = await curl(...args(), url(""))
      expect(stdout.toString().split("\n")[0]).toMatch(/^-r--r--r-- +1 waft +waft +34 \w{3} [ \d]\d .* UPGRADE\.TXT$/)
    })

    it(`fetches every byte over ${way} data connections`, async () => {
      expect((await curl(...args(), url("IMAGE"))).stdout.equals(image)).toBe(true)
      expectWhole()
    })

    it(`resumes over ${way} data connections`, async () => {
      const { stdout } = await curl(...args(), "-C", "1000000", url("IMAGE"))
      expect(stdout.equals(image.subarray(1_000_000))).toBe(true)
      expectWhole(1_000_000)
    })
  }

  it("learns size and time without fetching", async () => {
    const { stdout } = await curl("-I", url("IMAGE"))
    expect(stdout.toString()).toContain("Content-Length: 1500000")
    expect(stdout.toString()).toContain("Last-Modified: Fri, 20 Nov 2026 10:20:30 GMT")
  })

  it("takes a part of a file and goes away, which is no whole transfer", async () => {
    const { stdout } = await curl("-r", "0-99", url("IMAGE"))
    expect(stdout.equals(image.subarray(0, 100))).toBe(true)
    await expect.poll(() => host.ends.length).toBe(1)
    expect(host.ends).toMatchObject([{ whole: false }])
  })

  it("is refused with a wrong password, a write and a path outside", async () => {
    await expect(curl("-u", `${user}:wrong`, url("IMAGE"))).rejects.toThrow(/530|denied/)
    await expect(curl("-T", certificate, url("NEW"))).rejects.toThrow(/550|denied|fail/i)
    await expect(curl("--path-as-is", url("%2e%2e/%2e%2e/etc/passwd"))).rejects.toThrow()
  })
})

describe("lftp", () => {
  const lftp = (script: string) =>
    runWell("lftp", ["--norc", "-c", `set net:max-retries 1; set net:timeout 15; set cmd:fail-exit yes; ${script}`], {
      cwd: folder,
    })
  const open = () => `open -u ${user},${password} -p ${port} localhost`
  const force = "set ftp:ssl-force yes; set ftp:ssl-protect-data yes;"
  const settings: readonly (readonly [string, () => string])[] = [
    ["passive", () => "set ftp:ssl-allow no"],
    ["active", () => "set ftp:ssl-allow no; set ftp:passive-mode no"],
    ["TLS", () => `${force} set ssl:ca-file ${certificate}`],
    ["active TLS", () => `${force} set ssl:ca-file ${certificate}; set ftp:passive-mode no`],
  ]
  for (const [way, setting] of settings) {
    it(`lists, fetches and resumes over ${way} data connections`, async () => {
      const file = join(folder, `lftp-${way.replace(" ", "-")}`)
      const { stdout } = await lftp(`${setting()}; ${open()}; cls -l; get IMAGE -o ${file}`)
      expect(stdout.toString()).toContain("IMAGE")
      expect(readFileSync(file).equals(image)).toBe(true)
      truncateSync(file, 700_000)
      await lftp(`${setting()}; ${open()}; get -c IMAGE -o ${file}`)
      expect(readFileSync(file).equals(image)).toBe(true)
      expect(host.ends.map(({ from, whole }) => [from, whole])).toEqual([
        [0, true],
        [700_000, true],
      ])
    })
  }

  it("fetches one file over four connections at once", async () => {
    const file = join(folder, "pget")
    await lftp(`set ftp:ssl-allow no; ${open()}; pget -n 4 IMAGE -o ${file}`)
    expect(readFileSync(file).equals(image)).toBe(true)
  })

  it("mirrors the login directory", async () => {
    const target = join(folder, "mirror")
    await lftp(`set ftp:ssl-allow no; ${open()}; mirror / ${target}`)
    expect(readFileSync(join(target, "UPGRADE.TXT")).equals(notice)).toBe(true)
    expect(readFileSync(join(target, "IMAGE")).equals(image)).toBe(true)
  })
})

describe("Python's ftplib", () => {
  const python = async (script: string): Promise<unknown> => {
    const file = join(folder, "script.py")
    writeFileSync(file, `import ftplib, hashlib, json, ssl, sys\nport = ${port}\n${script}\n`)
    const { stdout } = await runWell("/usr/bin/env", ["python3", file])
    return JSON.parse(stdout.toString())
  }
  const fetching = (make: string): string => `
${make}
lines, parts, tail = [], [], []
f.retrlines("LIST", lines.append)
f.retrbinary("RETR IMAGE", parts.append)
f.retrbinary("RETR IMAGE", tail.append, rest=1000000)
sha = hashlib.sha256(b"".join(parts)).hexdigest()
print(json.dumps({"list": len(lines), "same": b"".join(parts)[1000000:] == b"".join(tail), "bytes": len(b"".join(parts)),
  "head": list(b"".join(parts)[:5]), "size": f.size("IMAGE"), "nlst": f.nlst(), "pwd": f.pwd(),
  "mlsd": [[n, x["size"]] for n, x in f.mlsd() if x["type"] == "file"], "mdtm": f.sendcmd("MDTM IMAGE")}))
f.quit()`
  const expected = {
    list: 2,
    same: true,
    bytes: image.length,
    head: [...image.subarray(0, 5)],
    size: image.length,
    nlst: ["UPGRADE.TXT", "IMAGE"],
    pwd: "/",
    mlsd: [
      ["UPGRADE.TXT", String(notice.length)],
      ["IMAGE", String(image.length)],
    ],
    mdtm: "213 20261120102030",
  }
  const plain = `f = ftplib.FTP(); f.connect("127.0.0.1", port, 15); f.login("${user}", "${password}")`
  const secured = (): string => `c = ssl.create_default_context(cafile="${certificate}")
f = ftplib.FTP_TLS(context=c); f.connect("localhost", port, 15); f.login("${old}", "${passwordOf(old)}"); f.prot_p()`
  const makers: readonly (readonly [string, () => string])[] = [
    ["passive", () => plain],
    ["active", () => `${plain}; f.set_pasv(False)`],
    ["TLS", secured],
    ["active TLS", () => `${secured()}; f.set_pasv(False)`],
  ]
  for (const [way, make] of makers) {
    it(`lists, fetches and resumes over ${way} data connections`, async () => {
      expect(await python(fetching(make()))).toEqual(expected)
    })
  }

  it("calls a transfer off with urgent Telnet signs and goes on", async () => {
    const script = `${plain}
s = f.transfercmd("RETR IMAGE"); s.recv(1000)
first = f.abort(); s.close()
try: second = f.getresp()
except ftplib.Error as e: second = str(e)
print(json.dumps([first[:3], second[:3], f.sendcmd("NOOP")[:3]]))`
    const codes = await python(script)
    expect([
      ["426", "226", "200"],
      ["226", "226", "200"],
    ]).toContainEqual(codes)
  })
})

describe("explicit TLS", () => {
  it("throws away what came in the clear behind AUTH, and asks for the login anew", async () => {
    const client = await RawClient.logIn(port, user)
    expect(await client.code("PROT P")).toBe(503)
    expect(await client.code("AUTH KERBEROS")).toBe(504)
    client.write("AUTH TLS\r\nPWD\r\nQUIT\r\n")
    expect((await client.reply()).code).toBe(234)
    client.socket.removeAllListeners("data").removeAllListeners("end")
    const secure = new RawClient(
      connect({ socket: client.socket, ca: readFileSync(certificate), servername: "localhost" }),
    )
    expect(await secure.code("PWD")).toBe(530)
    expect(await secure.code("AUTH TLS")).toBe(503)
    expect([await secure.code("PROT P"), await secure.code("PBSZ 0"), await secure.code("PROT S")]).toEqual([
      503, 200, 536,
    ])
    expect(await secure.code("PROT P")).toBe(200)
    expect(await secure.code(`USER ${user}`)).toBe(331)
    expect(await secure.code(`PASS ${password}`)).toBe(230)
    expect(await secure.code("QUIT")).toBe(221)
    await secure.closed()
  })
})

describe("protected data connections", () => {
  type Version = "TLSv1.2" | "TLSv1.3"
  interface Secured {
    readonly client: RawClient
    readonly session: Buffer
  }
  /** A control connection under TLS, and a TLS session of it. */
  async function secure(version: Version): Promise<Secured> {
    const plain = await RawClient.connect(port)
    expect(await plain.code("AUTH TLS")).toBe(234)
    plain.socket.removeAllListeners("data").removeAllListeners("end")
    const socket = connect({
      socket: plain.socket,
      ca: readFileSync(certificate),
      servername: "localhost",
      minVersion: version,
      maxVersion: version,
    })
    const session = new Promise<Buffer>((resolve) => socket.once("session", resolve))
    return { client: new RawClient(socket), session: await session }
  }
  const takeAs =
    (maxVersion: Version) =>
    (passive: number, session: Buffer | null): Promise<Buffer> =>
      new Promise((resolve) => {
        const chunks: Buffer[] = []
        const ca = readFileSync(certificate)
        const socket = connect({
          port: passive,
          host: "127.0.0.1",
          servername: "localhost",
          ca,
          maxVersion,
          ...(session === null ? {} : { session }),
        })
        socket.on("data", (chunk: Buffer) => chunks.push(chunk))
        socket.on("error", () => undefined)
        socket.once("close", () => resolve(Buffer.concat(chunks)))
      })

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    it(`go to whoever resumes the session of the control connection, however many come first (${version})`, async () => {
      const take = takeAs(version)
      const device = await secure(version)
      const thief = await secure(version)
      for (const line of [`USER ${user}`, `PASS ${password}`, "PBSZ 0", "PROT P"]) await device.client.ask(line)
      for (let round = 0; round < 10; round++) {
        const passive = await device.client.passivePort()
        const stolen = [take(passive, null), take(passive, thief.session), take(passive, null)]
        await new Promise((resolve) => setTimeout(resolve, 20))
        device.client.write("RETR IMAGE\r\n")
        expect((await device.client.reply()).code).toBe(150)
        expect((await take(passive, device.session)).equals(image)).toBe(true)
        expect((await device.client.reply()).code).toBe(226)
        expect(Buffer.concat(await Promise.all(stolen))).toHaveLength(0)
      }
      expect(host.ends.map(({ whole }) => whole)).toEqual(Array.from({ length: 10 }, () => true))
    })
  }
})

describe("basic-ftp", () => {
  async function withClient(secure: boolean, deed: (client: Client) => Promise<void>): Promise<void> {
    const client = new Client(15_000)
    try {
      const secureOptions = { ca: readFileSync(certificate), host: "localhost" }
      await client.access({ host: "localhost", port, user, password, secure, secureOptions })
      await deed(client)
    } finally {
      client.close()
    }
  }

  for (const secure of [false, true]) {
    it(`lists, fetches and resumes ${secure ? "over TLS" : "in the clear"}`, () =>
      withClient(secure, async (client) => {
        expect((await client.list()).map(({ name, size }) => [name, size])).toEqual([
          ["UPGRADE.TXT", notice.length],
          ["IMAGE", image.length],
        ])
        expect(await client.size("IMAGE")).toBe(image.length)
        expect((await client.lastMod("IMAGE")).toISOString()).toBe("2026-11-20T10:20:30.000Z")
        for (const from of [0, 1_000_000]) {
          const chunks: Buffer[] = []
          const sink = new Writable({
            write: (chunk: Buffer, _encoding, done) => {
              chunks.push(chunk)
              done()
            },
          })
          await client.downloadTo(sink, "IMAGE", from)
          expect(Buffer.concat(chunks).equals(image.subarray(from))).toBe(true)
        }
      }))
  }
})
