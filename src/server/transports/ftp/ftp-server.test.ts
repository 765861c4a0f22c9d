import fc from "fast-check"
import { connect } from "node:net"
import { describe, expect, it } from "vitest"
import { sizeInListLine } from "../../../core/protocols/ftp/listing.ts"
import { commandTable } from "./commands/command-table.ts"
import { passwordOf } from "./memory-host.testing.ts"
import { openData, RawClient } from "./raw-client.testing.ts"
import { notice, otherNotice, program, withServer } from "./started-server.testing.ts"

describe("the FTP server, asked by modems,", () => {
  it("serves a poll of a Telit LE910: TYPE, SIZE, passive RETR, QUIT", () =>
    withServer(async ({ port, host }) => {
      const client = await RawClient.logIn(port, "mote-1")
      expect(await client.code("TYPE I")).toBe(200)
      expect((await client.ask("SIZE UPGRADE.TXT")).lines).toEqual([String(notice.length)])
      expect(await client.fetch("UPGRADE.TXT")).toEqual({ bytes: notice, code: 226 })
      expect(await client.code("QUIT")).toBe(221)
      await client.closed()
      const end = { from: 0, to: notice.length, sent: notice.length, whole: true }
      expect(host.ends).toEqual([{ ...end, account: "mote-1", name: "UPGRADE.TXT" }])
      expect(host.openViews).toBe(0)
    }))

  it("serves a Nano WiReach that calls for its data with PORT", () =>
    withServer(async ({ port }) => {
      const client = await RawClient.logIn(port, "mote-1")
      const { listener, bytes } = await client.listenForData()
      expect(await client.code(`PORT 127,0,0,1,${listener >> 8},${listener & 0xff}`)).toBe(200)
      expect(await client.code("RETR PROG001")).toBe(150)
      expect((await bytes).equals(program)).toBe(true)
      expect((await client.reply()).code).toBe(226)
    }))

  it("gives a SIM5218 the size as the fifth token of LIST, for one file and with options of ls", () =>
    withServer(async ({ port }) => {
      const client = await RawClient.logIn(port, "mote-1")
      for (const argument of ["/UPGRADE.TXT", "UPGRADE.TXT", "-la UPGRADE.TXT", "-l -a /UPGRADE.TXT"]) {
        expect(sizeInListLine((await client.list(`LIST ${argument}`)).join())).toBe(notice.length)
      }
    }))

  it("finds what a SIM900 may ask for, by its directory and its name with a leading slash", () =>
    withServer(async ({ port }) => {
      for (const directory of [".gprs", ".gprs/", "/.gprs"]) {
        const client = await RawClient.logIn(port, "mote-1")
        expect(await client.code(`CWD ${directory}`)).toBe(250)
        expect(await client.code("SIZE /UPGRADE.TXT")).toBe(213)
        expect(await client.code("SIZE UPGRADE.TXT")).toBe(213)
      }
      const client = await RawClient.logIn(port, "mote-1")
      for (const name of [".gprs/UPGRADE.TXT", ".gprs//UPGRADE.TXT", "/.gprs/UPGRADE.TXT", "//UPGRADE.TXT"]) {
        expect(await client.code(`SIZE ${name}`)).toBe(213)
      }
    }))
})

describe("the FTP server's transfers", () => {
  it("resume at a REST offset and say in the end what was sent", () =>
    withServer(async ({ port, host }) => {
      const client = await RawClient.logIn(port, "mote-1")
      expect(await client.code("REST 100000")).toBe(350)
      const { bytes, code } = await client.fetch("PROG001")
      expect(code).toBe(226)
      expect(bytes.equals(program.subarray(100_000))).toBe(true)
      expect(host.ends).toMatchObject([{ from: 100_000, to: program.length, whole: true }])
      expect(await client.code("REST 200000")).toBe(350)
      await client.passivePort()
      expect(await client.code("RETR PROG001")).toBe(554)
      expect(await client.fetch("EMPTY")).toEqual({ bytes: Buffer.alloc(0), code: 226 })
    }))

  it("called off by ABOR answer 426 and then 226, with and without Telnet's signs before it", () =>
    withServer(async ({ port, host, big }) => {
      const synched = ["\xff\xf4\xff\xf2ABOR\r\n", "\xff\xf4\xffABOR\r\n", "\xff\xf4\xf2ABOR\r\n", "\xff\xf4\xf2ABOR\r"]
      for (const abort of ["ABOR\r\n", ...synched, "abor  \r\r\n", "NOOP\r\nABOR\r\n"]) {
        const client = await RawClient.logIn(port, "mote-1")
        const data = openData(await client.passivePort())
        data.socket.pause()
        expect(await client.code("RETR BIG")).toBe(150)
        client.write(abort)
        expect(await client.codes(abort.startsWith("NOOP") ? 3 : 2)).toEqual(
          abort.startsWith("NOOP") ? [426, 200, 226] : [426, 226],
        )
        expect(host.ends.at(-1)).toMatchObject({ whole: false, cause: "aborted" })
        expect((await data.resumed()).length).toBeLessThan(big.length)
      }
    }))

  it("are asked for with a blank or a CR too many, where no file has such a name", () =>
    withServer(async ({ port, host }) => {
      const client = await RawClient.connect(port)
      expect(await client.code("USER  mote-1 ")).toBe(331)
      expect(await client.code(`PASS ${passwordOf("mote-1")} \r`)).toBe(230)
      for (const line of ["TYPE  I ", "PWD ", "CWD  / ", "SIZE  PROG001 ", "REST  7 \r"]) {
        expect(await client.code(line)).toBeLessThan(400)
      }
      expect((await client.fetch(" PROG001 \r")).code).toBe(226)
      expect(host.ends).toMatchObject([{ name: "PROG001", from: 7, whole: true }])
      expect(await client.list("LIST  -la  PROG001 ")).toHaveLength(1)
      expect(await client.code("SIZE PROG 001")).toBe(550)
    }))

  it("that a reset ends are not whole", () =>
    withServer(async ({ port, host }) => {
      const client = await RawClient.logIn(port, "mote-1")
      const data = openData(await client.passivePort())
      data.socket.pause()
      expect(await client.code("RETR BIG")).toBe(150)
      data.socket.resetAndDestroy()
      expect((await client.reply()).code).toBe(426)
      expect(host.ends).toMatchObject([{ whole: false, cause: "reset", to: 0 }])
    }))

  it("of a client that vanishes with its control connection end as a reset, and its view is closed after them", () =>
    withServer(async ({ port, host, until }) => {
      const client = await RawClient.logIn(port, "mote-1")
      const data = openData(await client.passivePort())
      data.socket.pause()
      expect(await client.code("RETR BIG")).toBe(150)
      client.socket.resetAndDestroy()
      await until(() => host.openViews === 0)
      expect(host.ends).toMatchObject([{ whole: false, cause: "reset" }])
      data.socket.destroy()
    }))

  it("last as long as they make progress, and time out when they make none", () =>
    withServer(
      async ({ port, host, clock, until }) => {
        const client = await RawClient.logIn(port, "mote-1")
        const data = openData(await client.passivePort())
        data.socket.pause()
        expect(await client.code("RETR BIG")).toBe(150)
        // The kernel's table is read in real time, whatever the hand clock says.
        const slowly = async (ms: number): Promise<void> => {
          for (let passed = 0; passed < ms; passed += 500) {
            await clock.pass(500)
            await new Promise((resolve) => setTimeout(resolve, 20))
          }
        }
        // More at a time than a kernel may hold back before it tells the sender of the room in its window.
        for (let i = 0; i < 5; i++) {
          await data.read(2_500_000)
          await slowly(4000)
        }
        expect(host.ends).toEqual([])
        await until(async () => {
          await slowly(500)
          return host.ends.length > 0
        })
        expect(host.ends).toMatchObject([{ whole: false, cause: "timeout" }])
        expect((await client.reply()).code).toBe(426)
        expect(host.progress.length).toBeGreaterThan(0)
        expect([...host.progress].sort((a, b) => a - b)).toEqual(host.progress)
        data.socket.destroy()
      },
      { limits: { progressTimeoutMs: 9000 } },
    ))

  it("are whole for a peer that has everything but leaves its side open, after a grace", () =>
    withServer(async ({ port, host, clock, until }) => {
      const client = await RawClient.logIn(port, "mote-1")
      const data = openData(await client.passivePort(), { allowHalfOpen: true })
      expect(await client.code("RETR PROG001")).toBe(150)
      await data.ended
      await until(async () => {
        await clock.pass(300)
        return host.ends.length > 0
      })
      expect(host.ends).toMatchObject([{ whole: true, to: program.length }])
      expect((await client.reply()).code).toBe(226)
      data.socket.destroy()
    }))

  it.runIf(process.platform === "linux")("that the peer closes politely in the middle are not whole", () =>
    withServer(async ({ port, host, clock, until }) => {
      const client = await RawClient.logIn(port, "mote-1")
      const data = openData(await client.passivePort())
      data.socket.pause()
      expect(await client.code("RETR MIDDLE")).toBe(150)
      await data.read(50_000)
      // A FIN while most of the file is still in the server's kernel: to Node it looks like the end of a whole transfer.
      data.socket.end()
      await clock.pass(5000)
      expect(host.ends).toEqual([])
      data.socket.destroy()
      await until(async () => {
        await clock.pass(300)
        return host.ends.length > 0
      })
      expect(host.ends).toMatchObject([{ whole: false, cause: "reset" }])
    }),
  )

  it("wait for their data connection only so long, each with a deadline of its own", () =>
    withServer(async ({ port, clock, host }) => {
      const first = await RawClient.logIn(port, "mote-1")
      await first.passivePort()
      expect(await first.code("RETR PROG001")).toBe(150)
      await clock.pass(20_000)
      const second = await RawClient.logIn(port, "mote-1")
      const secondPort = await second.passivePort()
      expect(await second.code("RETR PROG001")).toBe(150)
      await clock.pass(15_000)
      expect((await first.reply()).code).toBe(425)
      expect(host.ends).toMatchObject([{ whole: false, cause: "timeout", to: 0 }])
      const data = openData(secondPort)
      expect((await data.bytes).equals(program)).toBe(true)
      expect((await second.reply()).code).toBe(226)
    }))

  it("tell of a file that cannot be opened or read with 451, and of a lost record with 451", () =>
    withServer(async ({ port, host }) => {
      for (const fault of ["open", "read", "finished"] as const) {
        host.fault = fault
        const client = await RawClient.logIn(port, "mote-1")
        expect((await client.fetch("PROG001")).code).toBe(451)
      }
      host.fault = null
      expect(host.ends.map((end) => end.cause)).toEqual(["unread", undefined])
    }))
})

describe("the FTP server's data connections", () => {
  it("never bring one session the file of another of the same address", () =>
    withServer(async ({ port }) => {
      const clients = await Promise.all(
        Array.from({ length: 60 }, (_, i) => RawClient.logIn(port, i % 2 === 0 ? "mote-1" : "mote-2")),
      )
      for (let round = 0; round < 3; round++) {
        const ports = await Promise.all(clients.map((client) => client.passivePort()))
        expect(new Set(ports).size).toBe(clients.length)
        const data = ports.map((port) => openData(port))
        const codes = await Promise.all(clients.map((client) => client.code("RETR UPGRADE.TXT")))
        expect(new Set(codes)).toEqual(new Set([150]))
        for (const [i, { bytes }] of data.entries()) expect(await bytes).toEqual(i % 2 === 0 ? notice : otherNotice)
        await Promise.all(clients.map((client) => client.reply()))
      }
    }))

  it("keep a port that nobody came to from its address for a while, so that a straggler finds nobody", () =>
    withServer(
      async ({ port, clock, server, until }) => {
        const leaver = await RawClient.logIn(port, "mote-1")
        const abandoned = await leaver.passivePort()
        leaver.socket.destroy()
        await until(() => server.stats().sessions === 0)
        const next = await RawClient.logIn(port, "mote-2")
        const taken: number[] = []
        for (let i = 0; i < 200; i++) {
          taken.push(await next.passivePort())
          await next.fetchFrom(taken.at(-1) ?? 0, "UPGRADE.TXT")
        }
        expect(taken).not.toContain(abandoned)
        const straggler = openData(abandoned)
        expect(await straggler.bytes).toEqual(Buffer.alloc(0))
        expect(server.stats().totals.strayDataConnections).toBe(1)
        await clock.pass(61_000)
        const patient = await RawClient.logIn(port, "mote-2")
        // Ports are drawn at random from some sixty: 2,000 draws miss one of them once in 10^13 times.
        let drawn = 0
        for (let i = 0; i < 2000 && drawn !== abandoned; i++) {
          drawn = await patient.passivePort()
          await patient.fetchFrom(drawn, "UPGRADE.TXT")
        }
        expect(drawn).toBe(abandoned)
      },
      { limits: { passiveQuarantineMs: 60_000, idleTimeoutMs: 10_000_000 } },
    ))

  it("from another address than the control connection's are closed without a byte", () =>
    withServer(async ({ port, server }) => {
      const client = await RawClient.logIn(port, "mote-1")
      const passive = await client.passivePort()
      const thief = openData(passive, { localAddress: "127.0.0.2" })
      expect(await client.code("RETR UPGRADE.TXT")).toBe(150)
      expect(await thief.bytes).toEqual(Buffer.alloc(0))
      expect(server.stats().totals.strayDataConnections).toBe(1)
      expect(await openData(passive).bytes).toEqual(notice)
      expect((await client.reply()).code).toBe(226)
    }))

  it("share a port between two addresses, each getting its own file", () =>
    withServer(
      async ({ port }) => {
        const one = await RawClient.logIn(port, "mote-1")
        const two = await RawClient.logIn(port, "mote-2", "127.0.0.2")
        const [first, second] = [await one.passivePort(), await two.passivePort()]
        expect(first).toBe(second)
        const [dataTwo, dataOne] = [openData(second, { localAddress: "127.0.0.2" }), openData(first)]
        expect(await Promise.all([one.code("RETR UPGRADE.TXT"), two.code("RETR UPGRADE.TXT")])).toEqual([150, 150])
        expect(await Promise.all([dataOne.bytes, dataTwo.bytes])).toEqual([notice, otherNotice])
        const third = await RawClient.logIn(port, "mote-1")
        const fourth = await RawClient.logIn(port, "mote-1")
        await third.passivePort()
        expect(await fourth.code("EPSV")).toBe(425)
      },
      { passive: onePort() },
    ))

  it("are opened to the client's own address and to no well-known port", () =>
    withServer(async ({ port }) => {
      const client = await RawClient.logIn(port, "mote-1")
      for (const line of [
        "PORT 127,0,0,2,200,0",
        "PORT 10,0,0,1,200,0",
        "PORT 127,0,0,1,0,25",
        "PORT 127,0,0,1,3,255",
      ]) {
        expect(await client.code(line)).toBe(504)
      }
      for (const line of ["EPRT |1|127.0.0.2|5000|", "EPRT |2|::1|5000|", "EPRT |1|127.0.0.1|1023|"]) {
        expect(await client.code(line)).toBe(504)
      }
      expect(await client.code("EPRT |3|127.0.0.1|5000|")).toBe(522)
      expect(await client.code("EPRT |1|127.0.0.1|70000|")).toBe(501)
      expect(await client.code("PORT 1,2,3")).toBe(501)
      expect(await client.code("RETR UPGRADE.TXT")).toBe(425)
    }))

  it("are arranged by EPSV alone after EPSV ALL", () =>
    withServer(async ({ port }) => {
      const client = await RawClient.logIn(port, "mote-1")
      expect(await client.code("EPSV 2")).toBe(522)
      expect(await client.code("EPSV x")).toBe(501)
      expect(await client.code("EPSV ALL")).toBe(200)
      for (const line of ["PASV", "PORT 127,0,0,1,200,0", "EPRT |1|127.0.0.1|5000|"])
        expect(await client.code(line)).toBe(503)
      expect(await client.fetch("UPGRADE.TXT")).toMatchObject({ bytes: notice, code: 226 })
    }))

  it("are advertised by the address that was configured", () =>
    withServer(
      async ({ port }) => {
        const client = await RawClient.logIn(port, "mote-1")
        expect((await client.ask("PASV")).lines.join()).toMatch(/\(203,0,113,7,\d+,\d+\)/)
      },
      { passive: { minPort: 0, maxPort: 0, advertisedAddress: "203.0.113.7" } },
    ))
})

/** A passive range of one port that was free a moment ago. */
function onePort() {
  const port = 20_000 + (process.pid % 10_000)
  return { minPort: port, maxPort: port }
}

describe("the FTP server's answers", () => {
  const scripted = ["USER mote-1", "PASS 1-etom", "TYPE I", "SIZE UPGRADE.TXT", "CWD .gprs", "PWD", "MDTM PROG001"]
  const bytes = Buffer.from(`${scripted.join("\r\n")}\r\nNOPE\r\nCWD ..\nQUIT\r\n`)
  const codes = [220, 331, 230, 200, 213, 250, 257, 213, 500, 250, 221]

  it("are the same wherever the packets of a session are cut", () =>
    withServer(async ({ port }) => {
      for (let cut = 0; cut <= bytes.length; cut++) {
        const client = new RawClient(connect({ host: "127.0.0.1", port, noDelay: true }))
        client.write(bytes.subarray(0, cut))
        await new Promise((resolve) => setImmediate(resolve))
        client.write(bytes.subarray(cut))
        expect(await client.codes(codes.length)).toEqual(codes)
        await client.closed()
      }
    }))

  it("come in the order of the commands, also when these come in one packet and close behind them", () =>
    withServer(async ({ port }) => {
      const client = new RawClient(connect({ host: "127.0.0.1", port, allowHalfOpen: true }))
      client.socket.end(bytes)
      expect(await client.codes(codes.length)).toEqual(codes)
      await client.closed()
    }))

  it("to HELP and FEAT come from the command table", () =>
    withServer(async ({ port }) => {
      const client = await RawClient.connect(port)
      const features = (await client.ask("FEAT")).lines.map((line) => line.trim())
      expect(features).toEqual(expect.arrayContaining(["SIZE", "MDTM", "REST STREAM", "EPSV", "EPRT", "UTF8"]))
      expect(features).toContain("MLST type*;size*;modify*;perm*;")
      expect(features.join()).not.toContain("AUTH")
      const help = (await client.ask("HELP")).lines.join(" ").split(" ")
      expect(help).toEqual(expect.arrayContaining(["RETR", "QUIT", "OPTS"]))
      for (const name of help.filter((word) => commandTable.has(word)))
        expect(await client.code(`HELP ${name}`)).toBe(214)
      expect(await client.code("HELP NONSENSE")).toBe(501)
    }))

  it("refuse without login everything that needs one", () =>
    withServer(
      async ({ port }) => {
        const client = await RawClient.connect(port)
        for (const row of commandTable.values())
          if (row.needsLogin) expect(await client.code(`${row.name} x`)).toBe(530)
      },
      { limits: { maxCommandsBeforeLogin: 1000 } },
    ))

  it("refuse every write with 550 and what is not there with 502", () =>
    withServer(async ({ port }) => {
      const client = await RawClient.logIn(port, "mote-1")
      for (const line of ["STOR x", "APPE x", "DELE UPGRADE.TXT", "MKD x", "RMD .gprs", "RNFR UPGRADE.TXT", "STOU"]) {
        expect(await client.code(line)).toBe(550)
      }
      for (const line of ["AUTH TLS", "SITE CHMOD 777 x", "REIN"]) expect(await client.code(line)).toBe(502)
    }))

  it("describe files and directories in every listing's own form", () =>
    withServer(async ({ port }) => {
      const client = await RawClient.logIn(port, "mote-1")
      expect((await client.list("NLST")).slice(0, 2)).toEqual(["UPGRADE.TXT", "PROG001"])
      expect(await client.list("MLSD")).toContain("type=file;size=120000;modify=20261120102030;perm=r; PROG001")
      expect(await client.code("OPTS MLST size;modify;nonsense;")).toBe(200)
      expect((await client.ask("MLST PROG001")).lines).toEqual([
        "Listing",
        " size=120000;modify=20261120102030; /PROG001",
        "End",
      ])
      expect((await client.ask("STAT")).code).toBe(211)
      expect((await client.ask("STAT /")).code).toBe(212)
      expect((await client.ask("STAT PROG001")).lines[1]).toContain("120000")
      expect(await client.code("OPTS UTF8 ON")).toBe(200)
      expect(await client.code("OPTS UTF8 OFF")).toBe(504)
      expect(await client.code("OPTS __proto__ x")).toBe(501)
      expect(await client.code("MLSD PROG001")).toBe(501)
    }))

  it("keep to what the parameters may be", () =>
    withServer(async ({ port }) => {
      const client = await RawClient.logIn(port, "mote-1")
      const asked: readonly (readonly [string, number])[] = [
        ["TYPE A N", 200],
        ["TYPE L 8", 200],
        ["TYPE E", 504],
        ["TYPE", 501],
        ["MODE S", 200],
        ["MODE B", 504],
        ["STRU F", 200],
        ["STRU R", 504],
        ["REST -1", 501],
        ["REST 99999999999999999999", 501],
        ["ALLO 5", 202],
        ["ACCT x", 202],
        ["SYST", 215],
        ["XPWD", 257],
        ["CDUP", 250],
        ["CWD PROG001", 550],
        ["SIZE .gprs", 550],
        ["MDTM nothing", 550],
        ["ABOR", 226],
      ]
      for (const [line, code] of asked) expect([line, await client.code(line)]).toEqual([line, code])
    }))
})

describe("the FTP server under hostile clients", () => {
  it("finds nothing outside the login's own view, whatever the path", () =>
    withServer(async ({ port }) => {
      const client = await RawClient.logIn(port, "mote-2")
      const names = [
        "../PROG001",
        "../../etc/passwd",
        "/etc/passwd",
        "a\0b",
        "a\rb",
        "\xff\xff",
        "..\\PROG001",
        "~mote-1/PROG001",
        "PROG001",
      ]
      for (const name of names) expect(await client.code(`SIZE ${name}`)).toBe(550)
      expect(await client.code(`SIZE ${"x".repeat(1500)}`)).toBe(550)
      expect(await client.code(`SIZE ${"../".repeat(600)}UPGRADE.TXT`)).toBe(550)
      expect(await client.code(`SIZE ${"x".repeat(10_000)}`)).toBe(500)
      expect(await client.code("SIZE ../../UPGRADE.TXT")).toBe(213)
    }))

  it("answers random bytes with replies or a closed connection, and goes on serving", () =>
    withServer(
      async ({ port }) => {
        await fc.assert(
          fc.asyncProperty(fc.boolean(), fc.uint8Array({ maxLength: 600 }), async (isLoggedIn, noise) => {
            const client = isLoggedIn ? await RawClient.logIn(port, "mote-1") : await RawClient.connect(port)
            client.write(noise)
            client.socket.end(Buffer.from("\r\nQUIT\r\n"))
            await client.closed()
            expect(client.error).toBeNull()
          }),
          { numRuns: 60 },
        )
        expect(await (await RawClient.logIn(port, "mote-1")).code("NOOP")).toBe(200)
      },
      { limits: { dataConnectTimeoutMs: 0 } },
    ))

  it("ends only the session in which the host breaks", () =>
    withServer(async ({ port, host }) => {
      const [client, other] = [await RawClient.logIn(port, "mote-1"), await RawClient.logIn(port, "mote-1")]
      host.fault = "find"
      expect(await client.code("SIZE PROG001")).toBe(421)
      await client.closed()
      host.fault = null
      expect(await other.code("SIZE PROG001")).toBe(213)
    }))

  it("serves IPv6 clients by EPSV and EPRT, and tells them so at PASV", () =>
    withServer(
      async ({ port }) => {
        const client = await RawClient.logIn(port, "mote-1", "::1")
        expect(await client.code("PASV")).toBe(425)
        expect(await client.code("EPSV 1")).toBe(522)
        const data = openData(await client.passivePort(), { localAddress: "::1", host: "::1" })
        expect(await client.code("RETR PROG001")).toBe(150)
        expect((await data.bytes).equals(program)).toBe(true)
        expect((await client.reply()).code).toBe(226)
        expect(await client.code("EPRT |2|::1|5000|")).toBe(200)
        expect(await client.code("EPRT |2|::2|5000|")).toBe(504)
      },
      { listen: { host: "::1", port: 0 } },
    ))

  it("closes the connection of an endless command line without keeping it", () =>
    withServer(async ({ port }) => {
      const client = await RawClient.connect(port)
      client.write("x".repeat(200_000))
      expect((await client.reply()).code).toBe(500)
      await client.closed()
    }))

  it("closes after too many commands before login, or too many ahead of their answers", () =>
    withServer(async ({ port }) => {
      const stranger = await RawClient.connect(port)
      for (let i = 0; i < 40; i++) expect(await stranger.code("NOOP")).toBe(200)
      expect(await stranger.code("NOOP")).toBe(421)
      await stranger.closed()
      const eager = await RawClient.logIn(port, "mote-1")
      eager.write("NOOP\r\n".repeat(2000))
      let last = 200
      while (last === 200) last = (await eager.reply()).code
      expect(last).toBe(421)
      await eager.closed()
    }))

  it("lets wrong passwords of a login wait longer and longer before they are looked at, and closes after the third", () =>
    withServer(async ({ port, clock, server, host }) => {
      for (const waitMs of [0, 0, 0, 1000, 2000, 4000]) {
        const client = await RawClient.connect(port)
        await client.ask("USER mote-1")
        const before = host.guesses
        client.write("PASS wrong\r\n")
        await client.settled()
        if (waitMs > 0) {
          await clock.pass(waitMs / 2)
          expect(host.guesses).toBe(before)
          await clock.pass(waitMs)
        }
        expect((await client.reply()).code).toBe(530)
        expect(host.guesses).toBe(before + 1)
        client.socket.destroy()
      }
      const stubborn = await RawClient.connect(port, "127.0.0.2")
      for (let i = 0; i < 3; i++) {
        await stubborn.ask("USER nobody")
        expect(await stubborn.code("PASS wrong")).toBe(530)
      }
      await stubborn.closed()
      expect(server.stats().loggedIn).toBe(0)
    }))

  it("keeps to its limits of sessions, in total, per address and per login", () =>
    withServer(
      async ({ port, until, host }) => {
        const first = await RawClient.logIn(port, "mote-1")
        const second = await RawClient.logIn(port, "mote-1")
        expect(await second.code("NOOP")).toBe(200)
        const third = await RawClient.logIn(port, "mote-1")
        expect((await first.reply()).code).toBe(421)
        await until(() => host.openViews === 2)
        const fourth = await RawClient.connect(port)
        const fifth = new RawClient(connect({ host: "127.0.0.1", port }))
        expect((await fifth.reply()).code).toBe(421)
        const other = await RawClient.connect(port, "127.0.0.2")
        const overall = new RawClient(connect({ host: "127.0.0.1", port, localAddress: "127.0.0.3" }))
        expect((await overall.reply()).code).toBe(421)
        for (const client of [third, fourth, other]) expect(await client.code("NOOP")).toBe(200)
      },
      { limits: { maxSessions: 4, maxSessionsPerPeer: 3, maxSessionsPerAccount: 2 } },
    ))

  it("dismisses who does not log in and who is idle", () =>
    withServer(async ({ port, clock, host }) => {
      const stranger = await RawClient.connect(port)
      const client = await RawClient.logIn(port, "mote-1")
      await clock.pass(61_000)
      expect((await stranger.reply()).code).toBe(421)
      expect(await client.code("NOOP")).toBe(200)
      await clock.pass(301_000)
      expect((await client.reply()).code).toBe(421)
      await client.closed()
      expect(host.openViews).toBe(0)
    }))
})
