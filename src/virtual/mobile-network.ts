import { setMaxListeners } from "node:events"
import type { SimCard } from "../core/families/radio.ts"
import { nodeClock } from "./node-clock.ts"
import { calmConditions, type SmsConditions } from "./sms/conditions.ts"
import { SmppCentre } from "./sms/smpp-centre.ts"
import { type NetworkTotals, SmsNetwork } from "./sms/sms-network.ts"
import { VirtualRadio } from "./sms/virtual-radio.ts"

/** A mobile network in this process, with an SMS centre that services reach by SMPP. */
export interface MobileNetwork {
  /** Where and as whom a service binds. */
  readonly smpp: { readonly host: string; readonly port: number; readonly user: string; readonly password: string }
  /** The number under which phones reach that service. */
  readonly number: string
  /** A radio with this card in it; the card is issued by this network. */
  readonly radioWith: (card: SimCard) => VirtualRadio
  readonly totals: () => NetworkTotals
  readonly close: () => Promise<void>
}

export interface MobileNetworkOptions {
  readonly number: string
  /** Where the SMS centre listens; absent = a free loopback port. */
  readonly listen?: { readonly host: string; readonly port: number }
  readonly conditions?: Partial<SmsConditions>
  /** Country and network code of the radios' network; the test network unless told. */
  readonly plmn?: string
}

/** Starts a network with its SMS centre. Rejects when that cannot listen. */
export async function startMobileNetwork(options: MobileNetworkOptions): Promise<MobileNetwork> {
  const { number, plmn = "00101" } = options
  const off = new AbortController()
  // Every message under way listens for the end.
  setMaxListeners(0, off.signal)
  const conditions = { ...calmConditions, ...options.conditions }
  const network = new SmsNetwork({ clock: nodeClock, conditions, signal: off.signal })
  const account = { systemId: "waft", password: "rehearse", number }
  const listen = options.listen ?? { host: "127.0.0.1", port: 0 }
  const { host } = listen
  const centre = await SmppCentre.start({ listen, network, clock: nodeClock, accounts: [account] })
  return {
    smpp: { host, port: centre.port, user: account.systemId, password: account.password },
    number,
    radioWith: (card) => {
      const radio = new VirtualRadio(network, plmn)
      radio.insert(network.issueCard(card))
      return radio
    },
    totals: () => network.totals,
    close: async () => {
      off.abort(new Error("the network is switched off"))
      await centre.close()
    },
  }
}
