import { rmSync, writeFileSync } from "node:fs"
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"
import { afterEach, expect, it } from "vitest"
import { startMobileNetwork } from "../../src/virtual/main.ts"
import { serveTcpPort } from "../../src/virtual/tcp-port.ts"
import { newFolder, root, serve } from "../serving.ts"
import { cardOf, imeiOf, powerTelit, publish, serverNumber, smsFlags, until } from "../telit-fleet.ts"

const [imei, model, pin] = [imeiOf(1), "GE910", "6755"] as const
const [from, to] = ["13.00.003", "13.00.004"] as const
const speed = 20

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function ended(child: ChildProcess): Promise<void> {
  child.kill("SIGTERM")
  return new Promise((resolve) => child.once("close", () => resolve()))
}

it("an agent beside a Telit module tells the server what it saw and did, and the event log shows it", async () => {
  const folder = newFolder()
  closing.push(() => Promise.resolve(rmSync(folder, { recursive: true, force: true })))
  const network = await startMobileNetwork({ number: serverNumber, plmn: "22201" })
  closing.push(network.close)
  const server = await serve({ data: join(folder, "data"), flags: smsFlags(network) })
  closing.push(() => server.end("SIGTERM"))
  const options = { mode: "manual", apn: "ibox.tim.it", "answer-seconds": "600" }
  const { agent } = await server.api.call("addDevice", { body: { id: imei, family: "telit", model, options } })
  const releaseIds = [await publish(server, { model, from, to })]
  await server.api.call("startRollout", { body: { releaseIds, group: null } })
  const secret = agent?.token.split(".")[1] ?? ""
  const module = powerTelit({ imei, model, firmware: from, secret, radio: network.radioWith(cardOf(1, pin)), speed })
  closing.push(module.switchOff)
  const door = await serveTcpPort(module.port, "127.0.0.1:0")
  closing.push(door.close)

  writeFileSync(join(folder, "token"), `${agent?.token}\n`)
  writeFileSync(join(folder, "pin"), `${pin}\n`)
  const flags = ["--port", `tcp://${door.address}`, "--variant", "sms", "--sms-number", serverNumber]
  const own = ["--answer", "accept", "--pin-file", join(folder, "pin"), "--speed", String(speed)]
  const told = ["--server", `http://${server.deviceHttp}`, "--token-file", join(folder, "token")]
  const attend = [join(root, "bin", "waft.js"), "agent", "attend", ...flags, ...own, ...told]
  const child = spawn(process.execPath, attend, { stdio: ["ignore", "ignore", "inherit"] })
  closing.push(() => ended(child))

  const notes = async () => {
    const events = await server.api.list("listEvents", {})
    return events.filter(({ kind }) => kind.startsWith("agent."))
  }
  await until(async () => (await notes()).some(({ kind }) => kind === "agent.server-notified"))
  const events = await notes()
  const kinds = events.map(({ kind }) => kind.slice("agent.".length))
  const story = ["pin-entered", "registration-asked", "registered", "question", "answered", "download-started"]
  expect(kinds.filter((kind) => story.includes(kind)).slice(0, story.length)).toEqual(story)
  const end = ["download-complete", "upgraded", "version", "pin-entered", "server-notified"]
  expect(kinds.slice(kinds.indexOf("download-complete")).filter((kind) => end.includes(kind))).toEqual(end)
  expect(events.every(({ deviceId, basis }) => deviceId === imei && basis === "reported")).toBe(true)
  expect(events.findLast(({ kind }) => kind === "agent.version")?.data).toEqual({ version: to })
  expect(JSON.stringify(events)).not.toContain(pin)
  await until(async () => (await server.api.call("showDevice", { params: { id: imei } })).update?.state === "succeeded")
})
