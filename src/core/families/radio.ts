/** The SIM slot and the radio of a virtual module: what a device side may touch of the mobile network. */
export interface BodyRadio {
  /** The card in the slot at this moment; null = the slot is empty. */
  readonly card: () => SimCard | null
  /** Resolves when a card next comes or goes; rejects with the signal's reason. */
  readonly cardChanged: (signal: AbortSignal) => Promise<void>
  /** Whether the network may reach the module: not before the PIN is entered, not with the radio off. */
  readonly setOnAir: (isOnAir: boolean) => void
  /** The network that the module is registered at, five or six digits; null = none. */
  readonly network: () => string | null
  /** Hands an SMS-SUBMIT (3GPP TS 23.040) to the network; false = it did not take it. */
  readonly sendSms: (tpdu: Uint8Array) => Promise<boolean>
  /** The next SMS-DELIVER or SMS-STATUS-REPORT; rejects with the signal's reason. */
  readonly receiveSms: (signal: AbortSignal) => Promise<Uint8Array>
}

export interface SimCard {
  /** International mobile subscriber identity, 15 digits. */
  readonly imsi: string
  /** The subscriber's number (MSISDN) with `+`, as far as the card holds it. */
  readonly number: string
  /** null = the card asks for none. */
  readonly pin: string | null
}
