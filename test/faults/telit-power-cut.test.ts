import { describe, expect, it } from "vitest"
import { PowerCut } from "../../src/core/families/body.ts"
import {
  firmware,
  packageFor,
  serverNumber,
  TestModule,
} from "../../src/core/families/telit/device/test-module.testing.ts"
import { makePatch } from "../../src/core/delta/index.ts"

// The application note, §3.2.3.1: a power failure while flashing is fail proof; one in the download ends the update.

const [from, to] = ["13.00.003", "13.00.004"] as const
const packages = {
  "a whole image": packageFor(from, to),
  "a patch in place": makePatch(firmware(from), firmware(to), { profile: "mcu", sectorSize: 4096 }).patch,
}

/** A module that is registered and provisioned, and a Command on its way to it. */
async function commanded(bytes: Uint8Array): Promise<TestModule> {
  const module = new TestModule().switchOn()
  await module.ready()
  await module.ask("AT+IPR=115200")
  await module.ask(`AT#OTASNAP="${serverNumber}"`)
  const { transaction } = await module.hear("remoteRegistration")
  module.sms({ name: "remoteRegistrationAck", transaction, fields: { smsNumber: "" } })
  await module.urc("Registered")
  const fields = { bearer: "gprs", access: "ibox.tim.it", user: "", password: "" } as const
  module.sms({ name: "provisioning", transaction: 2, fields })
  await module.hear("provisioningAck")
  module.ftp.files.set("fw.pkg", bytes)
  return module
}

function command(module: TestModule, transaction: number): void {
  const fields = { mode: "automatic", answerSeconds: 60, ...module.ftpAccess } as const
  module.sms({ name: "command", transaction, fields })
}

/** How often an update changes what the module keeps. */
async function countChanges(bytes: Uint8Array): Promise<number> {
  const module = await commanded(bytes)
  let changes = 0
  module.storage.beforeChange = () => {
    changes++
    return undefined
  }
  command(module, 3)
  await module.urc("Server notified about successfull FW Upgrade")
  await module.switchOff()
  return changes
}

describe.each(Object.entries(packages))("power cut at every change of an update by %s", (_name, bytes) => {
  it("ends in the old or the new firmware, and the next Command finishes what was lost", async () => {
    const total = await countChanges(bytes)
    expect(total).toBeGreaterThan(20)
    const ends = new Set<string>()
    for (let step = 0; step < total; step++) {
      const module = await commanded(bytes)
      let left = step
      module.storage.beforeChange = () => (left-- > 0 ? undefined : 0.5)
      command(module, 3)
      expect(await module.powerCut(), `step ${step}`).toBeInstanceOf(PowerCut)
      module.storage.beforeChange = () => undefined
      await module.switchOn().ready()
      await module.clock.sleep(120_000)
      const [version = ""] = await module.ask("AT+CGMR")
      ends.add(version)
      expect([from, to], `step ${step}`).toContain(version)
      if (version === from) {
        command(module, 4)
        await module.urc("Server notified about successfull FW Upgrade")
      }
      expect(await module.ask("AT+CGMR"), `step ${step}`).toEqual([to, "OK"])
      await module.switchOff()
    }
    expect([...ends].sort()).toEqual([from, to])
  })
})
