import { Bench, imeiA, type ModuleSays, registration } from "./bench.testing.ts"

/** The beginnings that stories of updates have in common. */

export const provisioned: (transaction: number) => ModuleSays = (transaction) => ({
  name: "provisioningAck",
  transaction,
  fields: {},
})
export const progress = (transaction: number): ModuleSays => ({ name: "commandProgress", transaction, fields: {} })
export const progressAck = (transaction: number): ModuleSays => ({
  name: "commandProgressAck",
  transaction,
  fields: {},
})

/** A module that has registered by SMS and runs 13.00.003. */
export function registered(bench = new Bench(), variant: "sms" | "combined" | "ip" = "sms"): Bench {
  bench.add(imeiA)
  if (variant === "sms") bench.fromSms(imeiA, registration(1))
  else bench.fromTcp(imeiA, registration(1, { variant }))
  return bench
}

/** One that has its Command and was told its access point before. */
export function commanded(
  mode: "manual" | "automatic" = "manual",
  bench = registered(),
): { bench: Bench; transaction: number } {
  bench.offer(imeiA, { mode })
  bench.fromSms(imeiA, provisioned(bench.last(imeiA).message.transaction))
  return { bench, transaction: bench.last(imeiA).message.transaction }
}

export function commandedBy(bench: Bench): { transaction: number } {
  if (bench.device(imeiA).offered === null) bench.offer(imeiA)
  bench.fromSms(imeiA, provisioned(bench.last(imeiA).message.transaction))
  return { transaction: bench.last(imeiA).message.transaction }
}

/** Lets wakes come until the conversation's own timer has run out. */
export function passTalk(bench: Bench): void {
  const { state, tries } = bench.memory(imeiA).talk
  for (let wakes = 0; wakes < 10; wakes++) {
    bench.pass(imeiA)
    const { talk } = bench.memory(imeiA)
    if (talk.state !== state || talk.tries !== tries) return
  }
  throw new Error(`nothing happens in ${state}`)
}
