import { describe, expect, it } from "vitest"
import { hostSide } from "./host.ts"
import { HostBench, order } from "./bench.testing.ts"
import { failedDownload, goodUpdate, type Happening, SmallModule } from "./small-module.testing.ts"

const qind = (event: string, value?: number): string =>
  `+QIND: "FOTA","${event}"${value === undefined ? "" : `,${value}`}`
const whole = ["accepted", "downloading", "downloaded", "updating", "verified"]

describe("the host's side of an update", () => {
  it("types the command once, follows the module through its restarts and asks it for its version", async () => {
    const bench = new HostBench({ plans: [goodUpdate(order.to)] })
    expect(await bench.run()).toMatchObject({ state: "verified", version: order.to })
    expect(bench.states).toEqual(whole)
    expect(bench.module.starts).toBe(1)
    expect(bench.reports.at(-1)).toMatchObject({ state: "verified", version: order.to })
    expect(bench.reports.map(({ percent }) => percent).filter((percent) => percent !== undefined)).toEqual([
      17, 35, 52, 70, 88,
    ])
  })

  it("is the same with echo, with lines cut anywhere, and when the port comes back under another name", async () => {
    for (const cutBytes of [1, 2, 3, 5, 7]) {
      const bench = new HostBench({ plans: [goodUpdate(order.to, "/dev/ttyUSB6")], hasEcho: true, cutBytes })
      expect(await bench.run()).toMatchObject({ state: "verified" })
      expect(bench.states).toEqual(whole)
    }
  })

  it("finds the module among ports where nobody answers", async () => {
    const bench = new HostBench({ plans: [goodUpdate(order.to)], otherPorts: ["/dev/ttyUSB0", "/dev/ttyUSB1"] })
    expect(await bench.run()).toMatchObject({ state: "verified" })
    expect(bench.module.starts).toBe(1)
  })

  it("needs neither START nor END, which a USB port may lose with itself", async () => {
    for (const lost of ['"START"', '"END"', '"UPDATING"', '"FTPEND"']) {
      const plan = goodUpdate(order.to).filter(({ say }) => say === undefined || !say.includes(lost))
      const bench = new HostBench({ plans: [plan] })
      expect(await bench.run(), lost).toMatchObject({ state: "verified" })
      expect(bench.module.starts).toBe(1)
    }
  })

  it("hears the update among other URCs, garbage and overlong lines, and believes nothing else", async () => {
    const noise = [
      "RING",
      "+CREG: 1",
      "\x00\xff\x80",
      "x".repeat(3000),
      `${"y".repeat(2000)}${qind("END", 510)}`,
      `z${qind("END", 0)}`,
      '+QIND: "FOTA","END"',
      '+QIND: "FOTA","STRANGE",7',
      "OK",
      "ERROR",
      "> ",
    ]
    const plan = goodUpdate(order.to).flatMap((happening) =>
      happening.say === undefined ? [happening] : [...noise.map((say) => ({ atMs: happening.atMs, say })), happening],
    )
    const bench = new HostBench({ plans: [plan], cutBytes: 37 })
    expect(await bench.run()).toMatchObject({ state: "verified" })
    expect(bench.states).toEqual(whole)
  })

  it("types nothing when the module already runs the new firmware", async () => {
    const bench = new HostBench({ version: order.to })
    expect(await bench.run()).toMatchObject({ state: "verified" })
    expect(bench.module.commands).toBe(0)
  })

  it("types nothing when the package is for another version", async () => {
    const bench = new HostBench({ version: "AG35CEV11" })
    expect(await bench.run()).toMatchObject({ state: "failed", version: "AG35CEV11" })
    expect(bench.module.commands).toBe(0)
  })

  it("types nothing when the server no longer wants the order", async () => {
    const bench = new HostBench({ plans: [goodUpdate(order.to)] })
    bench.isWanted = false
    expect(await bench.run()).toMatchObject({ state: "dropped" })
    expect(bench.module.commands).toBe(0)
  })

  it("repeats a download after the codes of the order, with longer pauses, and no more often than it says", async () => {
    const bench = new HostBench({ plans: [failedDownload(601), failedDownload(605), goodUpdate(order.to)] })
    expect(await bench.run()).toMatchObject({ state: "verified" })
    expect(bench.module.starts).toBe(3)
    expect(bench.reports.filter(({ state }) => state === "retrying").map(({ code }) => code)).toEqual([601, 605])
    const hopeless = new HostBench({ plans: [601, 601, 601, 601].map(failedDownload) })
    expect(await hopeless.run()).toMatchObject({ state: "failed", code: 601 })
    expect(hopeless.module.starts).toBe(3)
  })

  it("takes every other code as final, keeps its number, and has words for it", async () => {
    for (const code of [627, 625, 999]) {
      const bench = new HostBench({ plans: [failedDownload(code)] })
      const end = await bench.run()
      expect(end).toMatchObject({ state: "failed", code })
      expect(end.sentence.length).toBeGreaterThan(20)
      expect(bench.module.starts).toBe(1)
      expect(bench.reports.at(-1)).toMatchObject({ state: "failed", code })
    }
  })

  it("ends with the module's code when it goes back to the old firmware", async () => {
    const plan: readonly Happening[] = [
      ...goodUpdate(order.to).filter(({ atMs }) => atMs < 110_000),
      { atMs: 120_000, say: qind("END", 520) },
      { atMs: 123_000, port: null },
      { atMs: 140_000, port: "/dev/ttyUSB2", answers: true },
      { atMs: 141_000, say: "RDY" },
    ]
    const bench = new HostBench({ plans: [plan] })
    expect(await bench.run()).toMatchObject({ state: "failed", code: 520, version: order.from })
    expect(bench.module.starts).toBe(1)
  })

  it("waits while the module tries again by itself, and then believes its version", async () => {
    const again = goodUpdate(order.to)
      .filter(({ atMs }) => atMs >= 28_000)
      .map((happening) => ({ ...happening, atMs: happening.atMs + 120_000 }))
    const first = goodUpdate(order.to).filter(({ atMs }) => atMs < 110_000)
    const bench = new HostBench({ plans: [[...first, { atMs: 112_000, say: qind("END", 502) }, ...again]] })
    expect(await bench.run()).toMatchObject({ state: "verified" })
    expect(bench.module.starts).toBe(1)
  })

  it("does not call a module failed that vanished after the download, for 15 minutes and more", async () => {
    const vanishing: readonly Happening[] = [
      ...goodUpdate(order.to).filter(({ atMs }) => atMs <= 28_000),
      { atMs: 14 * 60_000, port: "/dev/ttyUSB2", answers: true, version: order.to },
    ]
    const bench = new HostBench({ plans: [vanishing] })
    expect(await bench.run()).toMatchObject({ state: "verified" })
    const lost = new HostBench({ plans: [vanishing.slice(0, 3)] })
    const began = lost.clock.now()
    expect(await lost.run()).toMatchObject({ state: "failed", version: null })
    expect(lost.clock.now() - began).toBeGreaterThan(15 * 60_000)
  })

  it("does not take the old version for a failure while the module may still be about to restart", async () => {
    const slow = goodUpdate(order.to).map((happening) =>
      happening.atMs >= 28_000 ? { ...happening, atMs: happening.atMs + 240_000 } : happening,
    )
    const bench = new HostBench({ plans: [slow] })
    expect(await bench.run()).toMatchObject({ state: "verified" })
    expect(bench.module.starts).toBe(1)
  })

  it("begins again when the module lost power in its download, and when it never began", async () => {
    const powerLost: readonly Happening[] = [
      { atMs: 1000, say: qind("FTPSTART") },
      { atMs: 5000, port: null },
      { atMs: 15_000, port: "/dev/ttyUSB2" },
      { atMs: 16_000, say: "RDY" },
    ]
    const bench = new HostBench({ plans: [powerLost, [], goodUpdate(order.to)] })
    expect(await bench.run()).toMatchObject({ state: "verified" })
    expect(bench.module.starts).toBe(3)
    expect(bench.reports.filter(({ state }) => state === "retrying")).toHaveLength(2)
  })

  it("asks a module that refuses the command twice more, and then gives up with its words", async () => {
    const bench = new HostBench({ refusals: ["ERROR", "+CME ERROR: 58", "ERROR"] })
    const end = await bench.run()
    expect(end).toMatchObject({ state: "failed", code: null })
    expect(end.sentence).toContain("ERROR")
    expect(bench.module.commands).toBe(3)
  })

  it("leaves another module alone that stands at the port after the restart", async () => {
    const plan = goodUpdate(order.to)
    const bench = new HostBench({ plans: [plan], imei: "866758040000012" })
    bench.saved = null
    const end = bench.run()
    expect(await end).toMatchObject({ state: "verified" })
    expect(bench.saved).toMatchObject({ imei: "866758040000012" })
    const other = new HostBench({ version: order.to, imei: "866758040000099" })
    other.saved = { ...(bench.saved as unknown as Record<string, never>), step: "updating", end: null }
    expect(await other.run()).toMatchObject({ state: "failed", version: null })
  })
})

describe("a line that is no answer", () => {
  const noises = ["APP RDY", "SRING: 1", "SMS DONE", "PB DONE", "+CREG: 1", "READY", "*PSUTTZ: 1", "^MODE: 2", "3"]

  it("is not believed before any answer, and is kept in the log", async () => {
    for (const command of ["AT+CGSN", "AT+QGMR", "AT+CGMR", "ATI"]) {
      for (const noise of noises) {
        const bench = new HostBench({ plans: [goodUpdate(order.to)] })
        bench.module.noise[command] = `\r\n${noise}\r\n`
        expect(await bench.run(), `${noise} before ${command}`).toMatchObject({ state: "verified" })
        expect(bench.saved, `${noise} before ${command}`).toMatchObject({ imei: "866758040000012", model: "AG35" })
        expect(bench.module.starts).toBe(1)
        if (noise === "APP RDY") expect(bench.log).toContain("APP RDY")
      }
    }
  })

  it("is not believed behind an answer either, whoever made the modem", async () => {
    // u-blox, SIMCom, Cinterion, Sierra, Huawei, MediaTek, Telit and ST's; a number of a SIM, of a network, a caller's.
    const makes = [
      ...["+UUSOCL: 0", "+PBREADY", "MODEM:STARTUP", "^SYSSTART", "+WIND: 4", "^RSSI:19", "+EIND: 128", "%XSIM: 1"],
      ...[
        "#STN: 33",
        "+CIEV: 1,2",
        "89490200001234567890",
        '+CLIP: "+4917234567890",145',
        "262011234567890 OK?",
        "OVER-TEMP",
      ],
    ]
    for (const command of ["AT+CGSN", "AT+QGMR", "AT+CGMR", "ATI"]) {
      const bench = new HostBench({ plans: [goodUpdate(order.to)] })
      bench.module.noiseBehind[command] = [...noises, ...makes].map((line) => `\r\n${line}\r\n`).join("")
      bench.module.noise[command] = makes.map((line) => `\r\n${line}\r\n`).join("")
      expect(await bench.run(), command).toMatchObject({ state: "verified" })
      expect(bench.saved, command).toMatchObject({ imei: "866758040000012", model: "AG35" })
      expect(bench.module.starts).toBe(1)
    }
  })

  it("that looks like firmware before every answer leaves nothing known, and nothing is typed", async () => {
    const bench = new HostBench({ plans: [goodUpdate(order.to)] })
    bench.module.noise["AT+QGMR"] = "\r\nV250\r\n"
    expect(await bench.run()).toMatchObject({ state: "dropped", version: null })
    expect(bench.module.commands).toBe(0)
  })

  it("that is one command's answer alone is held against the others'", async () => {
    const { module, clock } = new HostBench()
    module.odd.push({ command: "AT+QGMR", nth: 0, answer: "\r\nAG35CEV99\r\n\r\nOK\r\n" })
    const line = await module.open("/dev/ttyUSB2")
    expect(line === null ? null : await hostSide.identify(line, clock)).toMatchObject({ version: order.from })
  })

  it("in the place of an answer is asked again, and fails no update alone", async () => {
    for (const command of ["AT+CGSN", "AT+QGMR", "AT+CGMR", "ATI"]) {
      const bench = new HostBench({ plans: [goodUpdate(order.to)] })
      // An answer of another firmware, an empty one, an error, and none.
      for (const [nth, odd] of ["\r\nAG35CEV99\r\n\r\nOK\r\n", "\r\nOK\r\n", "\r\nERROR\r\n", ""].entries()) {
        bench.module.odd.push({ command, nth: nth * 2, answer: odd })
      }
      expect(await bench.run(), command).toMatchObject({ state: "verified", version: order.to })
      expect(bench.module.starts).toBe(1)
    }
  })
})

describe("the module that is meant", () => {
  const other = {
    version: order.from,
    imei: "866758040000099",
    plans: [goodUpdate(order.to)],
    portName: "/dev/ttyUSB0",
  }

  it("is found among others by its IMEI, and nothing is typed at another", async () => {
    const bench = new HostBench({ plans: [goodUpdate(order.to)] })
    bench.device = { imei: "866758040000012" }
    const stranger = new SmallModule(bench.clock, other)
    bench.others.push(stranger)
    expect(await bench.run()).toMatchObject({ state: "verified" })
    expect([stranger.commands, bench.module.starts]).toEqual([0, 1])
    expect(bench.log.join("\n")).toContain("another module, 866758040000099")
  })

  it("is not the one that stands at its port now: nothing is typed, and the order stands", async () => {
    const bench = new HostBench({ plans: [goodUpdate(order.to)], imei: "866758040000099" })
    bench.device = { imei: "866758040000012" }
    const end = await bench.run()
    expect(end).toMatchObject({ state: "dropped", version: null })
    expect(end.sentence).toContain("866758040000099")
    expect(bench.module.commands).toBe(0)
    expect(bench.reports).toEqual([])
  })

  it("is asked again right before the command: swapped or re-flashed while the server was asked, it gets nothing typed", async () => {
    for (const change of [
      (module: SmallModule) => (module.imei = "866758040000099"),
      (module: SmallModule) => (module.build = `${order.from}_BETA`),
      (module: SmallModule) => (module.version = "AG35CEV99"),
    ]) {
      const bench = new HostBench({ plans: [goodUpdate(order.to)] })
      bench.meanwhile = () => change(bench.module)
      expect((await bench.run()).state).not.toBe("verified")
      expect(bench.module.commands).toBe(0)
    }
  })

  it("runs exactly what the package is for, or gets nothing typed: a build of the same name is another firmware", async () => {
    const beta = new HostBench({ plans: [goodUpdate(order.to)] })
    beta.module.build = `${order.from}_BETA`
    expect(await beta.run()).toMatchObject({ state: "failed", version: `${order.from}_BETA` })
    expect(beta.module.commands).toBe(0)
    beta.device = { known: { version: order.from, build: `${order.from}_01.001` } }
    expect(await beta.run({ order: "order-2" })).toMatchObject({ state: "failed" })
    expect(beta.module.commands).toBe(0)
    // Unless that build is what the server means by the name.
    const known = new HostBench({ plans: [goodUpdate(order.to)] })
    known.module.build = `${order.from}_01.001`
    known.device = { known: { version: order.from, build: `${order.from}_01.001` } }
    known.module.installs = `${order.to}_01.002`
    expect(await known.run()).toMatchObject({ state: "verified", version: order.to, build: `${order.to}_01.002` })
  })
})

describe("a module that is busy", () => {
  const sixMinutes = goodUpdate(order.to).map((one) => (one.atMs > 1000 ? { ...one, atMs: one.atMs + 360_000 } : one))

  it("refuses a second command and has not failed: it is waited for", async () => {
    const refusals = [null, ...Array.from({ length: 50 }, () => "ERROR")]
    const bench = new HostBench({ plans: [sixMinutes], refusals })
    expect(await bench.run()).toMatchObject({ state: "verified", version: order.to })
    expect(bench.module.starts).toBe(1)
    expect(bench.states).not.toContain("failed")
    // The same without a word of its download: an hour on a slow link.
    const mute = sixMinutes
      .filter(({ say }) => !/FTPSTART|FTPEND/.test(say ?? ""))
      .map((one) => ({ ...one, atMs: one.atMs + 3_600_000 }))
    const slowest = new HostBench({ plans: [mute], refusals })
    expect(await slowest.run()).toMatchObject({ state: "verified" })
    expect(slowest.states).not.toContain("failed")
  })

  it("gets no second command while the server sees the package move", async () => {
    const bench = new HostBench({ plans: [sixMinutes] })
    // From before the module has done anything to see until it has the package.
    bench.transferred = () => bench.clock.now()
    expect(await bench.run()).toMatchObject({ state: "verified" })
    expect(bench.module.starts).toBe(1)
    // A transfer that stands still is none.
    const still = new HostBench({ plans: [[], goodUpdate(order.to)] })
    still.transferred = () => 1000
    expect(await still.run()).toMatchObject({ state: "verified" })
    expect(still.module.starts).toBe(2)
  })

  it("is given up after hours without a sign, with what is not known", async () => {
    const bench = new HostBench({
      plans: [[]],
      refusals: [null, ...Array.from({ length: 100 }, () => "+CME ERROR: 4011")],
    })
    const end = await bench.run()
    expect(end).toMatchObject({ state: "failed", code: null, version: order.from })
    expect(end.sentence).toContain("not known")
  })
})

describe("what a module says beside its guide", () => {
  it("is OK, and ERROR behind it: the command was taken, and the update goes its way", async () => {
    const plan: readonly Happening[] = [{ atMs: 200, say: "ERROR" }, ...goodUpdate(order.to)]
    const bench = new HostBench({ plans: [plan] })
    expect(await bench.run()).toMatchObject({ state: "verified", version: order.to })
    expect(bench.module.starts).toBe(1)
    expect(bench.states).not.toContain("failed")
  })

  it("is +CME ERROR: 4011 to the first command and OK to the next: one update", async () => {
    const bench = new HostBench({ plans: [goodUpdate(order.to)], refusals: ["+CME ERROR: 4011", null] })
    expect(await bench.run()).toMatchObject({ state: "verified", version: order.to })
    expect(bench.module.starts).toBe(1)
  })

  it("is an END with a code that no guide lists: it is kept, and the version decides", async () => {
    for (const code of [777, 9999]) {
      const until = goodUpdate(order.to).filter(({ atMs }) => atMs < 110_000)
      const plan: readonly Happening[] = [
        ...until,
        { atMs: 120_000, say: qind("END", code) },
        { atMs: 123_000, port: null },
        { atMs: 140_000, port: "/dev/ttyUSB2", answers: true },
        { atMs: 141_000, say: "RDY" },
      ]
      const bench = new HostBench({ plans: [plan] })
      const end = await bench.run()
      expect(end).toMatchObject({ state: "failed", code, version: order.from })
      expect(bench.module.starts).toBe(1)
    }
  })
})

describe("an event and its number", () => {
  it("go together to the report and the sentence, and to whether a try is repeated", async () => {
    const http = (code: number): readonly Happening[] => [
      { atMs: 1000, say: qind("HTTPSTART") },
      { atMs: 9000, say: qind("HTTPEND", code) },
    ]
    for (const [code, results] of [
      [420, undefined],
      [608, ["FTPEND 608", "HTTPEND 702"]],
    ] as const) {
      const bench = new HostBench({ plans: [http(code)] })
      const retry = { ...order.retry, codes: [601, 608], ...(results === undefined ? {} : { results }) }
      const end = await bench.run({ retry, model: "EP06" })
      expect(end).toMatchObject({ state: "failed", code })
      expect(end.sentence).toContain(`HTTPEND ${code}, which its documents do not list`)
      expect(bench.reports.at(-1)).toMatchObject({ code, event: "HTTPEND", sentence: end.sentence })
      expect(bench.module.starts).toBe(1)
    }
  })
})

/** A slow download is still under way when a host that was killed at the command comes back. */
const slow = goodUpdate(order.to).map((one) => (one.atMs > 1000 ? { ...one, atMs: one.atMs + 200_000 } : one))

describe("a host that is killed", () => {
  it("goes on from every operation of an update, and the module is told once", { timeout: 120_000 }, async () => {
    for (const plan of [goodUpdate(order.to), slow]) {
      const clean = new HostBench({ plans: [plan] })
      await clean.run()
      expect(clean.operations).toBeGreaterThan(80)
      for (const downMs of [0, 7000, 60_000, 3_600_000]) {
        for (let n = 1; n <= clean.operations; n++) {
          const bench = new HostBench({ plans: [plan, plan] })
          bench.killAfter = n
          const story = `killed at ${n}, down for ${downMs} ms`
          expect(await bench.runThroughKills(downMs), story).toMatchObject({ state: "verified" })
          expect(bench.module.starts, story).toBe(1)
          expect(bench.reports.at(-1)?.state).toBe("verified")
        }
      }
    }
  })

  it("tells the module once, although its machine's date has moved by half a century meanwhile", {
    timeout: 120_000,
  }, async () => {
    const halfCentury = 50 * 365 * 86_400_000
    const clean = new HostBench({ plans: [slow] })
    await clean.run()
    for (const lieMs of [halfCentury, -halfCentury]) {
      for (let n = 1; n <= clean.operations; n++) {
        const bench = new HostBench({ plans: [slow, slow] })
        bench.killAfter = n
        const story = `killed at ${n}, date wrong by ${lieMs} ms`
        expect(await bench.runThroughKills(1000, lieMs), story).toMatchObject({ state: "verified" })
        expect(bench.module.starts, story).toBe(1)
      }
    }
  })

  it("waits no half century for its next try", { timeout: 120_000 }, async () => {
    const plans = [failedDownload(601), goodUpdate(order.to)]
    const clean = new HostBench({ plans })
    await clean.run()
    for (let n = 1; n <= clean.operations; n++) {
      const bench = new HostBench({ plans: [...plans, goodUpdate(order.to)] })
      bench.killAfter = n
      const beganMs = bench.clock.now()
      expect(await bench.runThroughKills(1000, -50 * 365 * 86_400_000)).toMatchObject({ state: "verified" })
      expect(bench.clock.now() - beganMs).toBeLessThan(86_400_000)
    }
  })

  it("keeps the code of a failed download, or repeats the download; it never ends without an end", {
    timeout: 120_000,
  }, async () => {
    const plans = [failedDownload(627), failedDownload(627), failedDownload(627)]
    const clean = new HostBench({ plans })
    await clean.run()
    for (let n = 1; n <= clean.operations; n++) {
      const bench = new HostBench({ plans })
      bench.killAfter = n
      expect(await bench.runThroughKills(20_000)).toMatchObject({ state: "failed", code: 627 })
      expect(bench.module.starts).toBeLessThanOrEqual(2)
    }
  })
})
