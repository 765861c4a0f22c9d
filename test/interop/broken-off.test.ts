import { expect, it } from "vitest"
import type { TransferEnd } from "../../src/server/transports/content.ts"
import { startFtpServer } from "../../src/server/transports/ftp/ftp-server.ts"
import { MemoryHost, passwordOf } from "../../src/server/transports/ftp/memory-host.testing.ts"
import { wallClock } from "../../src/server/transports/ftp/started-server.testing.ts"
import { NotingHost, withHttp } from "../../src/server/transports/http/started-http.testing.ts"
import { runWell } from "./run-program.ts"

// A reader on a real socket takes 20,000 bytes, waits, and breaks off. What the server then says
// that it took is neither nothing nor more than its side of the connection can have held.

/** A Waspmote's program, and a module's package: of the latter the kernel takes only a part of the first chunk. */
const sizes = [66_626, 8 * 1024 * 1024]
const fileOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 31) >> 3)
const cases = sizes.flatMap((size) => [[size, "close"] as const, [size, "reset"] as const])
const read = 20_000
/** The reader's receive buffer as Linux doubles it, and what may stand in it beside what was read. */
const window = 16_384

/** Reads from a socket of small segments and a small window, so that what its side holds is known. */
const reader = `
import socket, struct, sys, time, ftplib
kind, how, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
def opened(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ${window / 2})
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
    s.connect(("127.0.0.1", port))
    return s
if kind == "ftp":
    ftp = ftplib.FTP()
    ftp.connect("127.0.0.1", port)
    ftp.login("mote-1", "${passwordOf("mote-1")}")
    ftp.sendcmd("TYPE I")
    s = opened(ftp.makepasv()[1])
    ftp.putcmd("RETR PROG001")
else:
    s = opened(port)
    s.sendall(b"GET /d/k/v2.bin HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
got = 0
while got < ${read}:
    got += len(s.recv(min(1400, ${read} - got)))
time.sleep(1.5)
if how == "reset":
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()
`

const breakOff = (kind: "ftp" | "http", how: "close" | "reset", port: number): Promise<unknown> =>
  runWell("python3", ["-c", reader, kind, how, String(port)])

async function ended(ends: readonly TransferEnd[]): Promise<TransferEnd | undefined> {
  while (ends.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  return ends[0]
}

function expectTruth(end: TransferEnd | undefined): void {
  expect(end).toMatchObject({ whole: false, cause: "reset" })
  // A machine with much else to do looks less often: half is not nothing.
  expect(end?.to).toBeGreaterThanOrEqual(read / 2)
  expect(end?.to).toBeLessThanOrEqual(read + window)
}

it.each(cases)(
  "an FTP reader of %i bytes that breaks off with a %s is said to have what it took",
  async (size, how) => {
    const host = new MemoryHost({ "mote-1": { PROG001: fileOf(size) } })
    const server = await startFtpServer({
      listen: { host: "127.0.0.1", port: 0 },
      passive: { minPort: 0, maxPort: 0 },
      tls: null,
      host,
      clock: wallClock,
    })
    try {
      await breakOff("ftp", how, server.address.port)
      expectTruth(await ended(host.ends))
    } finally {
      await server.close()
    }
  },
)

it.each(cases)(
  "an HTTP reader of %i bytes that breaks off with a %s is said to have what it took",
  async (size, how) => {
    const host = new NotingHost(fileOf(size))
    await withHttp(
      async ({ port }) => {
        await breakOff("http", how, port)
        expectTruth(await ended(host.ends))
      },
      { host },
    )
  },
)
