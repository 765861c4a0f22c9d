import { type ContractHost, type ContractPartner } from "../../testing/contract-bench.testing.ts"
import { contractNumber } from "../../testing/contract-server.testing.ts"
import { urcLine } from "../codec/urcs.ts"

/** How often the host looks at its port, ms: six times before the module gives up waiting for an answer. */
const lookMs = 10_000
/** Without a URC for that long, ms, nothing comes any more: longer than the server waits to repeat its Command. */
const quietMs = 180_000
/** A story that takes longer than the server's longest pause, ms, has no end. */
const mostMs = 2 * 24 * 3_600_000

/** Registrations that the host orders until it believes that the module has been registered since long ago. */
const mostTries = 3

const ends: readonly string[] = [urcLine("serverNotified"), urcLine("failed")]

/**
 * A host that sets its module up, lets the server begin, says yes to every question, and switches the module off when its last URC is an end, or
 * the code that the contact is to end in, or when the server wants nothing; and when nothing has come after that for long.
 */
const host: ContractHost = async ({ host: port, module, clock, server, code }) => {
  if (server === null) throw new Error("a Telit module has a server that it exchanges messages with")
  const pass = (ms: number): Promise<unknown> => Promise.race([clock.sleep(ms), module])
  // A module that goes on with an update after a power cut does not answer before it has ended.
  for (; !port.lines.includes("OK"); await pass(500)) port.type("AT")
  // Under autobauding the URCs after the restart could be lost (§3.1.2).
  port.type("AT+IPR=115200")
  const heard = (): readonly string[] => port.lines.filter((line) => line.startsWith("#OTAEV: "))
  // A registration that got no answer is ordered again; a module that is registered says OK and nothing else.
  for (let tries = 0; tries < mostTries && !heard().includes(urcLine("registered")); tries++) {
    port.type(`AT#OTASNAP="${contractNumber}"`)
    await pass(lookMs)
  }
  server.resume()
  if (code === urcLine("notified")) server.ask("query")
  let seen = 0
  for (let quiet = 0, passed = 0; ; quiet += lookMs, passed += lookMs) {
    const urcs = heard()
    const last = urcs.at(-1) ?? ""
    if (urcs.length > seen) quiet = 0
    if (urcs.slice(seen).includes(urcLine("question"))) port.type("AT#OTASUAN=1")
    seen = urcs.length
    const isEnd = code === "" ? !server.isOffering || ends.includes(last) : last === code
    if (isEnd && quiet >= quietMs) return
    if (passed > mostMs) throw new Error(`the module does not come to its end: ${port.lines.join(" | ")}`)
    await pass(lookMs)
  }
}

/** The module's host in the contract suite, and what an operator enters of the module. */
export const contractPartner: ContractPartner = {
  host,
  entered: { id: "357464030012345", number: "+393354757181", apn: "ibox.tim.it" },
}
