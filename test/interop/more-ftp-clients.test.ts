import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type FtpServer, startFtpServer } from "../../src/server/transports/ftp/ftp-server.ts"
import { MemoryHost, passwordOf } from "../../src/server/transports/ftp/memory-host.testing.ts"
import { wallClock } from "../../src/server/transports/ftp/started-server.testing.ts"
import { runProgram, runWell } from "./run-program.ts"

// More clients that nobody here wrote, each to the byte: over passive and active data connections, and resuming, as far as
// it can. curl, lftp, ftplib and basic-ftp have a file of their own.

const user = "mote-1"
const password = passwordOf(user)
const image = Buffer.from(Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 2654435761) >>> 11))
/** A border of aria2's blocks, where it goes on. */
const half = 75 * 16_384
const host = new MemoryHost({ [user]: { IMAGE: image } })
const folder = mkdtempSync(join(tmpdir(), "waft-ftp-"))
const out = join(folder, "IMAGE")
let server: FtpServer
let port = 0

beforeAll(async () => {
  const listen = { host: "127.0.0.1", port: 0 }
  server = await startFtpServer({ listen, passive: { minPort: 0, maxPort: 0 }, tls: null, host, clock: wallClock })
  port = server.address.port
})
beforeEach(() => {
  rmSync(out, { force: true })
  host.ends.length = 0
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Way {
  readonly client: string
  readonly way: string
  readonly run: () => Promise<unknown>
  /** How a client that can goes on with the first half of the file. */
  readonly resume?: () => Promise<unknown>
}

const inFolder = (program: string, args: readonly string[], input?: string): Promise<unknown> =>
  runWell(program, args, { cwd: folder, ...(input === undefined ? {} : { input }) })
const url = (): string => `ftp://${user}:${password}@127.0.0.1:${port}/IMAGE`

const ncftp = (...more: readonly string[]) =>
  inFolder("ncftpget", [
    "-V",
    "-t",
    "20",
    "-r",
    "0",
    "-u",
    user,
    "-p",
    password,
    "-P",
    String(port),
    ...more,
    "127.0.0.1",
    folder,
    "IMAGE",
  ])
const tnftp = (...more: readonly string[]) => inFolder("tnftp", [...more, "-o", "IMAGE", url()])
const inetutils = (mode: string, verb: string) =>
  inFolder(
    "inetutils-ftp",
    ["-n", mode, "127.0.0.1", String(port)],
    `user ${user} ${password}\nbinary\n${verb} IMAGE\nquit\n`,
  )
const busybox = (...more: readonly string[]) =>
  inFolder("busybox", [
    "ftpget",
    "-u",
    user,
    "-p",
    password,
    "-P",
    String(port),
    ...more,
    "127.0.0.1",
    "IMAGE",
    "IMAGE",
  ])
const wget = (...more: readonly string[]) => inFolder("wget", ["-q", "--tries=1", ...more, "-O", "IMAGE", url()])
const wgetOn = (...more: readonly string[]) => inFolder("wget", ["-q", "--tries=1", "-c", ...more, url()])
const aria2 = (...more: readonly string[]) =>
  inFolder("aria2c", ["-q", "--no-conf", "--max-tries=1", "--file-allocation=none", ...more, "-o", "IMAGE", url()])
const perl = (passive: number, from: number) =>
  inFolder("perl", [
    "-MNet::FTP",
    "-e",
    `$f = Net::FTP->new("127.0.0.1", Port => ${port}, Passive => ${passive}, Timeout => 20) or die $@;
     $f->login("${user}", "${password}") or die; $f->binary; $f->size("IMAGE") == ${image.length} or die;
     $f->get("IMAGE", "IMAGE", ${from}) or die $f->message; $f->quit`,
  ])

const ways: readonly Way[] = [
  { client: "ncftp", way: "passive", run: () => ncftp("-F"), resume: () => ncftp("-F", "-z") },
  { client: "ncftp", way: "active", run: () => ncftp("-E"), resume: () => ncftp("-E", "-z") },
  { client: "tnftp", way: "passive", run: () => tnftp("-p"), resume: () => tnftp("-p", "-R") },
  { client: "tnftp", way: "active", run: () => tnftp("-A"), resume: () => tnftp("-A", "-R") },
  { client: "inetutils", way: "passive", run: () => inetutils("-p", "get"), resume: () => inetutils("-p", "reget") },
  { client: "inetutils", way: "active", run: () => inetutils("-A", "get"), resume: () => inetutils("-A", "reget") },
  { client: "busybox", way: "passive", run: () => busybox(), resume: () => busybox("-c") },
  { client: "wget", way: "passive", run: () => wget(), resume: () => wgetOn() },
  { client: "wget", way: "active", run: () => wget("--no-passive-ftp"), resume: () => wgetOn("--no-passive-ftp") },
  { client: "aria2", way: "passive", run: () => aria2(), resume: () => aria2("-c") },
  {
    client: "aria2",
    way: "active",
    run: () => aria2("--ftp-pasv=false"),
    resume: () => aria2("--ftp-pasv=false", "-c"),
  },
  {
    client: "axel",
    way: "passive, over four connections",
    run: () => inFolder("axel", ["-q", "-n", "4", "-o", "IMAGE", url()]),
  },
  { client: "Net::FTP", way: "passive", run: () => perl(1, 0), resume: () => perl(1, half) },
  { client: "Net::FTP", way: "active", run: () => perl(0, 0), resume: () => perl(0, half) },
]

describe("a foreign FTP client", () => {
  it.each(ways)("fetches every byte: $client, $way", async ({ run }) => {
    await run()
    expect(readFileSync(out).equals(image)).toBe(true)
  })

  it.each(ways.filter(({ resume }) => resume !== undefined))(
    "resumes to the byte: $client, $way",
    async ({ resume }) => {
      writeFileSync(out, image.subarray(0, half))
      await resume?.()
      expect(readFileSync(out).equals(image)).toBe(true)
      expect(host.ends).toMatchObject([{ name: "IMAGE", from: half, to: image.length, whole: true }])
    },
  )
})

describe("ABOR with Telnet's Synch", () => {
  // As BSD's ftp, tnftp and ftplib send it: the bytes up to a cut urgently, so that the kernel takes the last of them out, while
  // the client has not read a byte of its data for a while.
  const script = `
import ftplib, json, socket, sys
from time import sleep
port = int(sys.argv[1])
whole = bytes([255, 244, 255, 242]) + b"ABOR\\r\\n"
answers = []
for cut in [*range(0, 5), len(whole)]:
    f = ftplib.FTP(); f.connect("127.0.0.1", port, 20); f.login("${user}", "${password}"); f.voidcmd("TYPE I")
    f.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = socket.socket(); data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    data.connect(ftplib.parse227(f.sendcmd("PASV")))
    f.putcmd("RETR IMAGE"); begun = f.getresp()[:3]
    if cut > 0: f.sock.send(whole[:cut], socket.MSG_OOB); sleep(0.05)
    if cut < len(whole): f.sock.sendall(whole[cut:])
    codes = [begun]
    for _ in range(2):
        try: codes.append(f.getresp()[:3])
        except ftplib.Error as e: codes.append(str(e)[:3])
    codes.append(f.sendcmd("NOOP")[:3])
    answers.append(codes); data.close(); f.close()
print(json.dumps(answers))`

  it("is answered by 426 and 226, whichever byte was urgent, while the client reads no data", async () => {
    const file = join(folder, "abort.py")
    writeFileSync(file, script)
    const { stdout } = await runWell("python3", [file, String(port)])
    expect(JSON.parse(stdout.toString())).toEqual(Array.from({ length: 6 }, () => ["150", "426", "226", "200"]))
    expect(host.ends.map(({ cause }) => cause)).toEqual(Array.from({ length: 6 }, () => "aborted"))
  })

  const interrupted = [
    {
      client: "tnftp",
      args: ["-n", "-d", "-v", "-p", "-T", "get,20000,5000"],
      before: ["rate get 20000"],
      get: "get IMAGE ABORTED",
    },
    // The client writes into a program that reads nothing, and so reads nothing itself.
    { client: "inetutils-ftp", args: ["-n", "-v", "-p"], before: [], get: 'get IMAGE "|sleep 20"' },
  ] as const

  it.each(interrupted)("is understood from $client, which is interrupted in the middle of a transfer", async (one) => {
    const talk = `
import json, os, pty, re, sys, time
one = json.loads(sys.argv[2])
pid, tty = pty.fork()
if pid == 0: os.execvp(one["client"], [one["client"], *one["args"], "127.0.0.1", sys.argv[1]])
seen = b""
def until(pattern, seconds=20):
    global seen
    ends = time.time() + seconds
    while not re.search(pattern, seen):
        if time.time() > ends: sys.exit("no " + repr(pattern) + " in " + repr(seen[-400:]))
        try: seen += os.read(tty, 4096)
        except OSError: break
def say(line):
    global seen
    seen = b""; os.write(tty, line.encode() + b"\\n")
until(rb"ftp> "); say("user ${user} ${password}"); until(rb"230"); until(rb"ftp> ")
for line in ["binary", *one["before"]]: say(line); until(rb"ftp> ")
say(one["get"]); until(rb"150 "); time.sleep(0.7); os.write(tty, b"\\x03")
until(rb"226 "); print(re.findall(rb"(?m)^(?:<--- )?(4\\d\\d|5\\d\\d|226) ", seen.replace(b"\\r", b"")))
until(rb"ftp> "); say("quit"); until(rb"221")
`
    const file = join(folder, "interrupted.py")
    writeFileSync(file, talk)
    const { stdout, stderr } = await runProgram("python3", [file, String(port), JSON.stringify(one)], { cwd: folder })
    expect(stderr).toBe("")
    expect(stdout.toString()).toMatch(/^\[b'426', b'226'(, b'226')?\]/)
    await expect.poll(() => host.ends.map(({ cause }) => cause)).toEqual(["aborted"])
  })
})
