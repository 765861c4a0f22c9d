import { describe, expect, it } from "vitest"
import { latin1 } from "../../../kit/bytes.ts"
import { makePatch } from "../../../delta/index.ts"
import vectors from "../vectors.json" with { type: "json" }
import { firmware, packageFor, TestModule } from "./test-module.testing.ts"

async function booted(model = "AG35", fault: string | null = null): Promise<TestModule> {
  const module = new TestModule(model).switchOn(fault)
  await module.ready()
  return module
}

/** The lines from a command on, the runs of percents shortened as the guide prints them. */
function asPrinted(lines: readonly string[]): readonly string[] {
  const printed = lines.map((line) => (/UPDATING",([3-9]|\d\d)$/.test(line) ? "..." : line))
  return printed.filter((line, at) => line !== "..." || printed[at - 1] !== "...")
}

describe("a virtual AG35", () => {
  it("starts and says who it is", async () => {
    const module = await booted()
    expect(module.lines).toEqual(["(back)", "RDY", "+CFUN: 1", "+CPIN: READY"])
    expect(await module.ask("ATI")).toEqual(["Quectel", "AG35", "Revision: V1", "OK"])
    expect(await module.ask("AT+CGMR")).toEqual(["V1", "OK"])
    expect(await module.ask("AT+QGMR")).toEqual(["V1", "OK"])
    expect((await module.ask("AT+CGSN"))[0]).toMatch(/^86\d{13}$/)
    expect(await module.ask("AT+QFOTADL=?")).toEqual(["OK"])
  })

  it.each([
    ["AT+QFOTADL"],
    ["AT+QFOTADL?"],
    ["AT+QFOTADL=ftp://a:b@c/d"],
    ['AT+QFOTADL=""'],
    ['AT+QFOTADL="ftp://a:b@c/d",1'],
    [`AT+QFOTADL="http://h/${"x".repeat(250)}"`],
    [`AT+QFOTADL="ftp://${"u".repeat(51)}:b@c/d"`],
    ['AT+QFOTADL="/data/ufs/none.zip"'],
    ["AT+QFOTADL=1"],
  ])("answers %s with ERROR and does nothing", async (command) => {
    const module = await booted()
    expect(await module.ask(command)).toEqual(["ERROR"])
    expect(await module.ask("AT")).toEqual(["OK"])
    expect(module.ftp.commands).toEqual([])
  })

  it("updates itself over FTP with the URCs of the guide's example", async () => {
    const module = await booted()
    module.ftp.files.set("update-v12-to-v13.zip", packageFor("AG35"))
    const before = module.lines.length
    module.type(`AT+QFOTADL="${module.ftpUrl("update-v12-to-v13.zip")}"`)
    await module.until(/"END"/)
    await module.ready()
    const lines = asPrinted(module.lines.slice(before + 1))
    expect(lines.filter((line) => !/^[(]/.test(line)).slice(0, vectors.ftpLines.length)).toEqual(vectors.ftpLines)
    // The port goes and comes after the download and after the end.
    expect(lines.filter((line) => /FTPEND|"START|"END|^[(]|RDY/.test(line))).toEqual([
      '+QIND: "FOTA","FTPEND",0',
      "(gone)",
      "(back)",
      '+QIND: "FOTA","START"',
      '+QIND: "FOTA","END",0',
      "(gone)",
      "(back)",
      "RDY",
    ])
    expect(await module.ask("ATI")).toContain("Revision: V2")
    expect(await module.switchOff()).toMatchObject({ code: "END 0", running: { version: "V2" } })
  })

  it("updates itself over HTTP by a delta in place, and goes back by a reverse one", async () => {
    const module = await booted()
    const [v1, v2] = [firmware("AG35", "V1"), firmware("AG35", "V2")]
    module.http.files.set("/up.zip", makePatch(v1, v2, { profile: "mcu", sectorSize: 4096 }).patch)
    module.http.files.set("/down.zip", makePatch(v2, v1, { profile: "mcu", sectorSize: 4096 }).patch)
    for (const [name, version] of [
      ["up.zip", "V2"],
      ["down.zip", "V1"],
      ["up.zip", "V2"],
    ] as const) {
      module.type(`AT+QFOTADL="${module.httpUrl(name)}"`)
      expect(await module.until(/HTTPEND/)).toBe('+QIND: "FOTA","HTTPEND",0')
      expect(await module.until(/"END"/)).toBe('+QIND: "FOTA","END",0')
      await module.ready()
      expect(await module.ask("AT+CGMR")).toEqual([version, "OK"])
    }
  })

  it("updates itself from a file that its host uploaded, without a word of a download", async () => {
    const module = await booted()
    const bytes = packageFor("AG35")
    module.type(`AT+QFUPL="UFS:local.zip",${bytes.length}`)
    await module.until(/^CONNECT$/)
    module.send(bytes)
    await module.until(/^OK$/)
    expect(await module.ask("AT+QFLST")).toEqual([`+QFLST: "local.zip",${bytes.length}`, "OK"])
    expect(await module.ask('AT+QFOTADL="/data/ufs/local.zip"')).toEqual(["OK"])
    await module.until(/"END",0/)
    await module.ready()
    expect(module.lines.join("\n")).not.toMatch(/FTP|HTTP/)
    expect(await module.ask("AT+CGMR")).toEqual(["V2", "OK"])
  })

  it("tells size and check sum of an upload before OK, acknowledges each KiB when asked to, and lists as it is asked", async () => {
    const module = await booted()
    // The check sum by hand: 0x0102 ^ 0x0304 ^ 0x0500.
    module.type('AT+QFUPL="x",5,5')
    await module.until(/^CONNECT$/)
    module.send(Uint8Array.of(1, 2, 3, 4, 5))
    expect(await module.until(/QFUPL/)).toBe("+QFUPL: 5,706")
    expect(await module.until(/^(OK|ERROR)$/)).toBe("OK")
    module.type('AT+QFUPL="y.bin",2100,5,1')
    await module.until(/^CONNECT$/)
    module.send(new Uint8Array(2100))
    expect(await module.until(/QFUPL/)).toBe("+QFUPL: 2100,0")
    expect(module.lines.join("|")).toMatch(/AA\|/)
    expect(await module.ask('AT+QFLST="*"')).toEqual(['+QFLST: "x",5', '+QFLST: "y.bin",2100', "OK"])
    expect(await module.ask('AT+QFLST="UFS:y.bin"')).toEqual(['+QFLST: "y.bin",2100', "OK"])
    expect(await module.ask('AT+QFLST="none"')).toEqual(["OK"])
    expect(await module.ask("AT+QFLST=?")).toEqual(["OK"])
    expect(await module.ask('AT+QFUPL="x",5,5,2')).toEqual(["ERROR"])
  })

  it("keeps its version for its hosts until it has restarted after END", async () => {
    const module = await booted()
    module.http.files.set("/up.zip", packageFor("AG35"))
    module.type(`AT+QFOTADL="${module.httpUrl("up.zip")}"`)
    await module.until(/"START"/)
    module.type("AT+CGMR")
    await module.until(/"END",0/)
    await module.until(/^RDY$/)
    expect(module.lines.filter((line) => /^(AT|V\d)/.test(line))).toHaveLength(1)
  })

  it("ends a download with 601 or 701 when the network goes, and stays as it was", async () => {
    for (const command of ["AT+CFUN=0", "AT+CGATT=0"]) {
      const module = await booted()
      module.ftp.files.set("a.zip", packageFor("AG35"))
      await module.ask(command)
      module.type(`AT+QFOTADL="${module.ftpUrl("a.zip")}"`)
      expect(await module.until(/FTPEND/)).toBe('+QIND: "FOTA","FTPEND",601')
      expect(await module.ask("AT+CSQ")).toEqual(["+CSQ: 99,99", "OK"])
      expect(await module.ask("AT+CFUN=1;+CGATT=1")).toEqual(["OK"])
      module.type(`AT+QFOTADL="${module.ftpUrl("a.zip")}"`)
      expect(await module.until(/FTPEND/)).toBe('+QIND: "FOTA","FTPEND",0')
    }
  })

  it("takes one update at a time, and a restart at any time", async () => {
    const module = await booted()
    const command = `AT+QFOTADL="${module.silentUrl()}"`
    expect(await module.ask(command)).toContain("OK")
    expect(await module.ask(command)).toContain("ERROR")
    expect(await module.ask("AT+CFUN=1,1")).toEqual(["OK"])
    expect(await module.until(/HTTPEND/)).toBe('+QIND: "FOTA","HTTPEND",701')
    await module.until(/^RDY$/)
    expect(await module.ask("AT+CGMR")).toEqual(["V1", "OK"])
  })

  it.each([
    ["a package from another version", packageFor("AG35", "V0"), 510, 3],
    ["a package for another module", packageFor("EP06"), 510, 3],
    ["a damaged package", packageFor("AG35").fill(0, 500, 510), 505, 3],
    ["something else", latin1("PK\x03\x04 what a vendor made"), 505, 3],
  ])("refuses %s in its own words, three times, and runs on", async (_title, bytes, code, times) => {
    const module = await booted()
    module.http.files.set("/a.zip", bytes)
    module.type(`AT+QFOTADL="${module.httpUrl("a.zip")}"`)
    await module.until(/^RDY$/)
    const ends = module.lines.filter((line) => line.includes('"END"'))
    expect(ends).toEqual(Array.from({ length: times }, () => `+QIND: "FOTA","END",${code}`))
    await module.ready()
    expect(await module.ask("AT+CGMR")).toEqual(["V1", "OK"])
  })

  it("tries to upgrade five times and then restores the old version", async () => {
    const module = await booted("AG35", "upgrade-fails-530")
    const bytes = makePatch(firmware("AG35", "V1"), firmware("AG35", "V2"), { profile: "mcu", sectorSize: 4096 }).patch
    module.http.files.set("/a.zip", bytes)
    module.type(`AT+QFOTADL="${module.httpUrl("a.zip")}"`)
    await module.until(/^RDY$/)
    expect(module.lines.filter((line) => line.includes('"END",530'))).toHaveLength(5)
    expect(module.lines.filter((line) => line.includes('"START"'))).toHaveLength(5)
    await module.ready()
    expect(await module.ask("AT+CGMR")).toEqual(["V1", "OK"])
    expect(await module.switchOff()).toMatchObject({ code: "END 530", running: { version: "V1" } })
  })
})

describe("the other modules", () => {
  it("EC2x without a backup area tries for ever, and finishes once it can", async () => {
    const module = await booted("EC2X-128", "updater-crashes")
    module.http.files.set("/a.zip", packageFor("EC2X-128"))
    module.type(`AT+QFOTADL="${module.httpUrl("a.zip")}"`)
    for (let attempt = 0; attempt < 12; attempt++) await module.until(/"END",502/)
    expect(await module.switchOff()).toMatchObject({ code: "END 502", running: { version: "V1" } })
    module.switchOn()
    await module.until(/"END",0/)
    await module.ready()
    expect(await module.ask("AT+CGMR")).toEqual(["V2", "OK"])
  })

  it("BG96 has no FTP, takes 1 for its own file, and restores after updating", async () => {
    const module = await booted("BG96")
    expect(await module.ask('AT+QFOTADL="ftp://a:b@c/d"')).toEqual(["ERROR"])
    const bytes = packageFor("BG96")
    module.type(`AT+QFUPL="/fota/update.zip",${bytes.length}`)
    await module.until(/^CONNECT$/)
    module.send(bytes)
    await module.until(/^OK$/)
    expect(await module.ask("AT+QFOTADL=1")).toEqual(["OK"])
    await module.until(/"RESTORE",100%/)
    await module.until(/"END",0/)
    await module.ready()
    expect(await module.ask("AT+CGMR")).toEqual(["V2", "OK"])
  })

  it("BG96 without its file says 505, package does not exist", async () => {
    const module = await booted("BG96")
    expect(await module.ask("AT+QFOTADL=1")).toEqual(["OK"])
    expect(await module.until(/"END"/)).toBe('+QIND: "FOTA","END",505')
  })

  it("BG96 in RESTORE goes on after a power cut, with its sentence", async () => {
    const module = await booted("BG96", "power-cut-in-restore")
    module.http.files.set("/a.bin", packageFor("BG96"))
    module.type(`AT+QFOTADL="${module.httpUrl("a.bin")}"`)
    await module.until(/"END",0/)
    const told = module.lines.filter((line) => /RESTORE|unfinished|not finished|"START"|"END"/.test(line))
    expect(told.slice(0, 6)).toEqual([
      '+QIND: "FOTA","START"',
      '+QIND: "FOTA","RESTORE",1%',
      '+QIND: "FOTA","RESTORE",10%',
      '+QIND: "FOTA","Last upgrade was not finished,continue upgrade"',
      '+QIND: "FOTA","RESTORE",1%',
      '+QIND: "FOTA","RESTORE",10%',
    ])
    expect(told.slice(-2)).toEqual(['+QIND: "FOTA","RESTORE",100%', '+QIND: "FOTA","END",0'])
  })

  it("Standard(A) lists its ranges, looks in the login directory alone, and counts the lines that it is told", async () => {
    const module = await booted("EC200A")
    expect(await module.ask("AT+QFOTADL=?")).toEqual(["+QFOTADL: <url>,(0,1),(0,5-100),(0,5-100)", "OK"])
    expect(await module.ask('AT+QCFG="fota/cid",3')).toEqual(["OK"])
    expect(await module.ask('AT+QCFG="fota/cid"')).toEqual(['+QCFG: "fota/cid",3', "OK"])
    for (const wrong of [
      '"ftp://a:b@c/d/e"',
      '"http://h/f",2',
      '"http://h/f",0,4',
      '"http://h/f",0,0,101',
      '"http://h/f",0,0,0,0',
    ]) {
      expect(await module.ask(`AT+QFOTADL=${wrong}`), wrong).toEqual(["ERROR"])
    }
    module.ftp.files.set("a.bin", packageFor("EC200A"))
    module.type(`AT+QFOTADL="${module.ftpUrl("a.bin")}",1,5,10`)
    await module.until(/"END",0/)
    const percents = (event: string): readonly number[] =>
      module.lines.flatMap((line) => {
        const percent = new RegExp(`"${event}",(\\d+)$`).exec(line)?.[1]
        return percent === undefined ? [] : [Number(percent)]
      })
    expect(percents("DOWNLOADING")).toEqual([20, 40, 60, 80, 100])
    expect(percents("UPDATING")).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100])
    // Mode 1: no restart between the download and the upgrade.
    const lines = module.lines.join("\n")
    expect(lines.slice(lines.indexOf("FTPEND"), lines.indexOf('"END"'))).not.toContain("(gone)")
    await module.ready()
    expect(await module.ask("AT+CGMR")).toEqual(["V2", "OK"])
  })

  it("Standard(A) takes the package over the port", async () => {
    const module = await booted("EC200A")
    const bytes = packageFor("EC200A")
    module.type(`AT+QFOTADL="FILE:${bytes.length}"`)
    await module.until(/FILESTART/)
    module.send(bytes.subarray(0, 1000))
    module.send(bytes.subarray(1000))
    expect(await module.until(/FILEEND/)).toBe('+QIND: "FOTA","FILEEND",0')
    await module.until(/"END",0/)
    await module.ready()
    expect(await module.ask("AT+CGMR")).toEqual(["V2", "OK"])
  })

  it.each([
    ["550", 627, "ftp://ota:libelium@127.0.0.1:PORT/none.zip"],
    ["530", 625, "ftp://ota:wrong@127.0.0.1:PORT/a.zip"],
    ["nobody listening", 605, "ftp://ota:libelium@127.0.0.1:9/a.zip"],
  ])("EP06 tells an FTP server's %s as %i", async (_reply, code, url) => {
    const module = await booted("EP06")
    module.ftp.files.set("a.zip", packageFor("EP06"))
    module.type(`AT+QFOTADL="${url.replace("PORT", String(module.ftp.port))}"`)
    expect(await module.until(/FTPEND/)).toBe(`+QIND: "FOTA","FTPEND",${code}`)
  })

  it("EP06 tells a broken transfer as its own code, and a missing page as 723", async () => {
    const module = new TestModule("EP06", { ftpCutAfter: 2000 }).switchOn()
    await module.ready()
    module.ftp.files.set("a.zip", packageFor("EP06"))
    module.type(`AT+QFOTADL="${module.ftpUrl("a.zip")}"`)
    expect(await module.until(/FTPEND/)).toBe('+QIND: "FOTA","FTPEND",608')
    module.type(`AT+QFOTADL="${module.httpUrl("none.zip")}"`)
    expect(await module.until(/HTTPEND/)).toBe('+QIND: "FOTA","HTTPEND",723')
    expect(await module.ask("AT+CGMR")).toEqual(["V1", "OK"])
  })

  it("are no modules without a port, and MiniFOTA has none in software", async () => {
    expect(await new TestModule("MINIFOTA").switchOn().ended()).toBeInstanceOf(RangeError)
  })
})
