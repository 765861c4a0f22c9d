import { describe, expect, it } from "vitest"
import { moduleProfiles } from "../models.ts"
import { namedFaults, virtualFaults } from "./faults.ts"
import { resultCodes } from "../result-codes.ts"
import vectors from "../vectors.json" with { type: "json" }
import { packageFor, TestModule } from "./test-module.testing.ts"

/** Modules whose behaviour differs; the others of a line share everything with these. */
const told = ["AG35", "EP06", "BG96", "EC2X", "EC2X-128", "EC200A"]
const faults = namedFaults.filter(({ model }) => told.includes(model))

/** One update with a fault: over FTP where its code is FTP's, over the port where it is the port's, else over HTTP. */
async function updateWith(model: string, fault: string, code: string): Promise<TestModule> {
  const module = new TestModule(model).switchOn(fault)
  await module.ready()
  const bytes = packageFor(model)
  module.ftp.files.set("a.zip", bytes)
  module.http.files.set("/a.zip", bytes)
  if (code.startsWith("FILEEND")) {
    module.type(`AT+QFOTADL="FILE:${bytes.length}"`)
    await module.until(/FILESTART/)
    module.send(bytes)
  } else {
    module.type(`AT+QFOTADL="${code.startsWith("FTPEND") ? module.ftpUrl("a.zip") : module.httpUrl("a.zip")}"`)
  }
  // A module that tries for ever is watched for eight ends.
  for (let ends = 0; ends < 8; ends++) {
    const line = await module.until(/END", ?\d|^RDY$/)
    if (line === "RDY" || /(FTP|HTTP|FILE)END", ?[1-9]/.test(line)) break
  }
  return module
}

describe("every named fault", () => {
  it.each(faults)("of $model: $fault ends with $code", async ({ model, fault, code }) => {
    const module = await updateWith(model, fault, code)
    const end = await module.switchOff()
    expect(end.code, module.lines.join("\n")).toBe(code)
    expect(end.words).toBe(virtualFaults.find((row) => row.model === model && row.fault === fault)?.words)
    expect(["V1", "V2"]).toContain(end.running.version)
    const [event = "", number = ""] = code.split(" ")
    if (number !== "") expect(module.lines.join("\n").replaceAll(", ", ",")).toContain(`"${event}",${number}`)
    if (code === "END 0") expect(end.running.version).toBe("V2")
  })

  it("has a name of its own on its module, and words", () => {
    const names = virtualFaults.map(({ model, fault }) => `${model} ${fault}`)
    expect(new Set(names).size).toBe(names.length)
    for (const { words } of virtualFaults) expect(words).not.toBe("")
  })
})

describe("the named faults", () => {
  it("reach every code of the AG35 guide's Table 1", () => {
    const reached = new Set(namedFaults.filter(({ model }) => model === "AG35").map(({ code }) => code))
    // The two zeros of the downloads are on the way to END 0.
    for (const { event, code } of vectors.codes) {
      if (event === "END" || code !== 0) expect(reached, `${event} ${code}`).toContain(`${event} ${code}`)
    }
  })

  it.each(moduleProfiles.filter(({ isMini }) => !isMini))("reach every code that a $id can send", (profile) => {
    const reached = new Set(namedFaults.filter(({ model }) => model === profile.id).map(({ code }) => code))
    for (const { event, code } of resultCodes(profile)) {
      if (code === 0 || (event === "FTPEND" && !profile.schemes.includes("ftp"))) continue
      expect(reached, `${event} ${code}`).toContain(`${event} ${code}`)
    }
  })

  it("of START lost, of blanks and of a last percent are seen at the port", async () => {
    expect((await updateWith("AG35", "start-lost", "END 0")).lines.join()).not.toContain('"START"')
    expect((await updateWith("AG35", "blanks-after-commas", "END 0")).lines).toContain('+QIND: "FOTA", "END", 0')
    const percents = (await updateWith("AG35", "percent-stops-at-91", "END 0")).lines.filter((l) =>
      l.includes("UPDATING"),
    )
    expect(percents.at(-1)).toBe('+QIND: "FOTA","UPDATING",91')
  })
})
