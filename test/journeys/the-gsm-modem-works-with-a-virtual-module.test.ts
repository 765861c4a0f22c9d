import { afterEach, describe, expect, it } from "vitest"
import { MemoryPort } from "../../src/core/families/memory-port.ts"
import { MemoryStorage } from "../../src/core/families/memory-storage.ts"
import type { SimCard } from "../../src/core/families/radio.ts"
import { device } from "../../src/core/families/telit/device/run.ts"
import { concat } from "../../src/core/kit/bytes.ts"
import type { AtLine } from "../../src/core/protocols/at/at-line.ts"
import { startGsmModem } from "../../src/server/transports/sms/gsm-modem.ts"
import type { IncomingSms, SmsStatus } from "../../src/server/transports/sms/sms-transport.ts"
import { nodeClock } from "../../src/virtual/node-clock.ts"
import { nodeNet } from "../../src/virtual/node-net.ts"
import { calmConditions } from "../../src/virtual/sms/conditions.ts"
import { type NetworkMessage, SmsNetwork } from "../../src/virtual/sms/sms-network.ts"
import { VirtualRadio } from "../../src/virtual/sms/virtual-radio.ts"

// The server's driver of GSM modems at the AT port of a module in software: both ends are ours, but neither knew the other.

const card: SimCard = { imsi: "222010000000001", number: "+393354757180", pin: "1234" }
const friend = "+4917100000002"
const data = Uint8Array.from({ length: 140 }, (_, index) => (index * 91) & 0xff)

/** A host's line to a port in memory. */
function lineTo(port: MemoryPort): AtLine {
  let pending: Uint8Array = new Uint8Array(0)
  let isGone = false
  let wake: () => void = () => undefined
  const open = port.open({
    receive: (bytes) => {
      pending = concat([pending, bytes])
      wake()
    },
    vanish: () => {
      isGone = true
      wake()
    },
  })
  if (open === null) throw new Error("the port is not there")
  return {
    name: "memory",
    read: async (timeoutMs, signal) => {
      const late = new AbortController()
      const stop = (): void => late.abort(new Error("over"))
      signal?.addEventListener("abort", stop, { once: true })
      wake = stop
      if (pending.length === 0 && !isGone && signal?.aborted !== true) {
        await nodeClock.sleep(timeoutMs, late.signal).catch(() => undefined)
      }
      const bytes = pending
      pending = new Uint8Array(0)
      return isGone && bytes.length === 0 ? null : bytes
    },
    write: async (bytes) => {
      await Promise.resolve()
      if (!isGone) open.write(bytes)
      return !isGone
    },
    close: async () => {
      await Promise.resolve()
      isGone = true
      open.close()
      wake()
    },
  }
}

const off = new AbortController()
const endings: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of endings.splice(0)) await end()
})

describe("the GSM modem driver at a virtual module", () => {
  it("enters the PIN, sends and receives binary messages of class 0, and hears what became of its own", async () => {
    const network = new SmsNetwork({ clock: nodeClock, conditions: calmConditions, signal: off.signal })
    network.issueCard(card)
    const got: NetworkMessage[] = []
    network.attach(friend, async (message) => {
      await Promise.resolve()
      got.push(message)
      return true
    })
    const radio = new VirtualRadio(network, "22201")
    radio.insert(card)
    const port = new MemoryPort()
    const storage = new MemoryStorage()
    const body = {
      clock: nodeClock,
      net: nodeNet(off.signal),
      storage,
      random: () => 0.5,
      log: () => undefined,
      port,
      radio,
    }
    const server = { key: "a secret of this module" }
    const running = device.run(body, { model: "HE910", server, fault: null, speed: 500, signal: off.signal })
    while (!port.isAttached) await nodeClock.sleep(5)
    const received: IncomingSms[] = []
    const statuses: SmsStatus[] = []
    const modem = startGsmModem({
      open: () => Promise.resolve(lineTo(port)),
      clock: nodeClock,
      random: () => 0,
      number: card.number,
      pin: "1234",
      receiver: {
        received: async (sms) => {
          await Promise.resolve()
          received.push(sms)
        },
        statusChanged: async (status) => {
          await Promise.resolve()
          statuses.push(status)
        },
        unreadable: () => Promise.reject(new Error("every message can be read")),
      },
    })
    endings.push(
      () => modem.close(),
      () => {
        off.abort(new Error("over"))
        port.powerOff(off.signal.reason)
        return running
      },
    )
    while (!modem.isReady() || radio.network() === null) await nodeClock.sleep(5)
    const payload = { alphabet: "octets", messageClass: 0, header: null, data } as const
    const sent = await modem.send({ ...payload, to: friend, validityMinutes: 60, wantsStatus: true })
    expect(sent).toEqual({ kind: "accepted", reference: `${friend}#1` })
    while (got.length === 0 || statuses.length === 0) await nodeClock.sleep(5)
    expect(got[0]).toMatchObject({ from: card.number, coding: 0x14, userData: { header: null, data } })
    expect(statuses).toEqual([
      { reference: `${friend}#1`, state: "delivered", words: "received by the mobile station" },
    ])
    network.accept({
      from: friend,
      to: card.number,
      coding: 0x14,
      userData: { header: null, data },
      validityMinutes: 9,
    })
    network.accept({
      from: friend,
      to: card.number,
      coding: 0x04,
      userData: { header: null, data },
      validityMinutes: 9,
    })
    while (received.length < 2) await nodeClock.sleep(5)
    expect(new Set(received.map((sms) => sms.messageClass))).toEqual(new Set([0, null]))
    expect(received.every((sms) => sms.from === friend && sms.data.every((octet, at) => octet === data[at]))).toBe(true)
  })
})
