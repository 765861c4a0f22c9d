import { LinkError } from "../../body.ts"
import type { TelitModule } from "./module.ts"
import { identityOf, sendBySms, ServerSocket } from "./sending.ts"

/**
 * What the module does about its registration when it comes on the air: one that was never acknowledged is sent again at
 * every power-on (§3.2.1), and a card that is not the registered one makes a module register anew, by SMS in every variant
 * (§4.2.1, §5.2.1). A module whose IMSI is the one in its memory does nothing, which is what chapter 7 is about.
 */
export async function registerIfNeeded(module: TelitModule): Promise<void> {
  const { isAutomatic, registeredImsi, variant, serverNumber } = module.memory.value
  const card = module.sim.ready
  if (!isAutomatic || card === null || registeredImsi === card.imsi) return
  const isNewCard = registeredImsi !== null
  if (isNewCard) await module.memory.save({ registeredImsi: null })
  if (variant === "sms" || (isNewCard && serverNumber !== "")) await registerBySms(module)
  else await registerOverIp(module)
}

/** Sends Remote Registration by SMS, forced under the server's transaction; the acknowledgement comes as an SMS, or not. */
export async function registerBySms(module: TelitModule, forced?: number): Promise<void> {
  const card = module.sim.ready
  if (card === null) return
  const transaction = forced ?? (await module.newTransaction())
  module.pendingRegistration = { transaction, imsi: card.imsi }
  const isSent = await sendBySms(module, { name: "remoteRegistration", transaction, fields: identityOf(module) })
  if (!isSent) module.body.log("the network did not take the registration")
}

/** Registers on a socket, where the acknowledgement comes as well (§4.2.1). */
export async function registerOverIp(module: TelitModule, forced?: number): Promise<void> {
  const card = module.sim.ready
  if (card === null) return
  const transaction = forced ?? (await module.newTransaction())
  try {
    const socket = await ServerSocket.open(module)
    await socket.send({ name: "remoteRegistration", transaction, fields: identityOf(module) })
    module.pendingRegistration = { transaction, imsi: card.imsi }
    const answer = await socket.receive()
    socket.end()
    if (answer.name !== "remoteRegistrationAck" || answer.transaction !== transaction) return
    await registered(module, transaction, answer.fields.smsNumber)
  } catch (error) {
    if (!(error instanceof LinkError) || module.signal.aborted) throw error
    module.body.log(`registration failed: ${error.message}`)
  }
}

/** The server has acknowledged; an acknowledgement of another registration counts for nothing. */
export async function registered(module: TelitModule, transaction: number, smsNumber: string): Promise<void> {
  const pending = module.pendingRegistration
  if (pending?.transaction !== transaction) return
  module.pendingRegistration = null
  const { serverNumber } = module.memory.value
  const isLearnt = serverNumber === "" && smsNumber !== ""
  await module.memory.save({
    registeredImsi: pending.imsi,
    ...(isLearnt ? { serverNumber: `+${smsNumber}` } : {}),
  })
  await module.tell("registered")
}
