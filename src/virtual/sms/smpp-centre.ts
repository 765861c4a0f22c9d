import { type AddressInfo, createServer, type Server, type Socket } from "node:net"
import type { BodyClock } from "../../core/families/body.ts"
import type { SmppAccount } from "./smpp-account.ts"
import { SmppGuest } from "./smpp-guest.ts"
import type { NetworkMessage, SmsNetwork } from "./sms-network.ts"

export interface SmppCentreOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly network: SmsNetwork
  readonly clock: BodyClock
  /** Who may bind, and the number under which phones reach it. */
  readonly accounts: readonly SmppAccount[]
  /** Messages a second that one account may hand in; more are answered with ESME_RTHROTTLED. Absent = no limit. */
  readonly maxPerSecond?: number
}

/** A short message service centre in software: speaks SMPP 3.4 to services, and hands their messages to the network. */
export class SmppCentre {
  readonly #options: SmppCentreOptions
  readonly #server: Server
  readonly #guests = new Set<SmppGuest>()
  readonly #detach: (() => void)[] = []
  #messages = 0

  private constructor(options: SmppCentreOptions) {
    this.#options = options
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket))
  }

  /** Rejects when it cannot listen. */
  static async start(options: SmppCentreOptions): Promise<SmppCentre> {
    const centre = new SmppCentre(options)
    await new Promise<void>((resolve, reject) => {
      centre.#server.once("error", reject)
      centre.#server.listen(options.listen, resolve)
    })
    for (const { systemId, number } of options.accounts) {
      centre.#detach.push(options.network.attach(number, (message) => centre.#hand(systemId, message)))
    }
    return centre
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const detach of this.#detach) detach()
    for (const guest of this.#guests) guest.end()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #serve(socket: Socket): void {
    const { accounts, network, clock, maxPerSecond = Number.POSITIVE_INFINITY } = this.#options
    const guest = new SmppGuest(socket, {
      accounts,
      network,
      clock,
      maxPerSecond,
      nextMessageId: () => (++this.#messages).toString(16).padStart(8, "0"),
      ended: () => this.#guests.delete(guest),
    })
    this.#guests.add(guest)
  }

  /** Gives a phone's message to one of the connections of an account; false = nobody takes it now. */
  async #hand(systemId: string, message: NetworkMessage): Promise<boolean> {
    const guest = [...this.#guests].findLast((candidate) => candidate.mayReceive(systemId))
    return guest === undefined ? false : guest.deliver(message)
  }
}
