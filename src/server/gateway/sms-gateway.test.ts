import { expect, it } from "vitest"
import type { OutgoingMessage } from "../../core/domain/records.ts"
import { limits } from "../../core/kit/limits.ts"
import { SmsBudget } from "../fleet/sms-budget.ts"
import type { SendOutcome, SmsTransport } from "../transports/sms/sms-transport.ts"
import { smsCarrier } from "./sms-gateway.ts"

const to = "+4917234567890"
const message: OutgoingMessage = {
  reference: "a",
  deviceId: "m1",
  to,
  payload: "AQI=",
  coding: "8-bit-class-0",
  validitySeconds: 600,
  createdAt: 0,
  state: "sending",
  carrierReference: null,
  sentAt: null,
}
const { most } = limits["sms.per-number-day"]

/** A carrier over a transport that answers each message with this. */
function answering(outcome: SendOutcome) {
  const budget = new SmsBudget({ allowed: null, perDay: 1000, monotonic: () => 0, hit: () => undefined })
  const transport: SmsTransport = {
    isReady: () => true,
    send: () => Promise.resolve(outcome),
    close: () => Promise.resolve(),
  }
  return { budget, carrier: smsCarrier(() => transport, budget) }
}

it.each([
  { kind: "refused", code: "+CMS ERROR: 331", words: "no network service", isTemporary: true },
  { kind: "not-sent", words: "the modem is not ready" },
] as const)("a message that did not go counts against no budget, however often it is tried: $kind", async (outcome) => {
  const { budget, carrier } = answering(outcome)
  for (let n = 0; n < 3 * most; n++) expect((await carrier.send(message)).kind).toBe(outcome.kind)
  expect(budget.total).toBe(0)
})

it.each([
  { kind: "accepted", reference: "1" },
  { kind: "uncertain", words: "no answer" },
] as const)("a message that went, or may have gone, counts each time: $kind", async (outcome) => {
  const { budget, carrier } = answering(outcome)
  for (let n = 0; n < most; n++) expect((await carrier.send(message)).kind).toBe(outcome.kind)
  expect(await carrier.send(message)).toMatchObject({ kind: "refused", isTemporary: false })
  expect(budget.total).toBe(most)
})
