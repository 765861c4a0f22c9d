import { describe, expect, it } from "vitest"
import { sizeInListLine } from "../../../core/protocols/ftp/listing.ts"
import { openData, RawClient } from "./raw-client.testing.ts"
import { notice, program, withServer } from "./started-server.testing.ts"

describe("the FTP server", () => {
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

  it("gives a SIM5218 the size as the fifth token of LIST, for one file and with options of ls", () =>
    withServer(async ({ port }) => {
      const client = await RawClient.logIn(port, "mote-1")
      for (const argument of ["/UPGRADE.TXT", "UPGRADE.TXT", "-la UPGRADE.TXT", "-l -a /UPGRADE.TXT"]) {
        const data = openData(await client.passivePort())
        expect(await client.code(`LIST ${argument}`)).toBe(150)
        expect(sizeInListLine((await data.bytes).toString())).toBe(notice.length)
        expect((await client.reply()).code).toBe(226)
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

  it("resumes at a REST offset and says in the end what was sent", () =>
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
    }))

  it("refuses every write", () =>
    withServer(async ({ port }) => {
      const client = await RawClient.logIn(port, "mote-1")
      for (const line of ["STOR x", "APPE x", "DELE UPGRADE.TXT", "MKD x", "RMD .gprs", "RNFR UPGRADE.TXT", "STOU"]) {
        expect(await client.code(line)).toBe(550)
      }
    }))
})
