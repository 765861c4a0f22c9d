/** Where a request came from and by which of our addresses. */
export interface Origin {
  readonly peer: string
  readonly localHost: string
  readonly localPort: number
  readonly isTls: boolean
  /** The common name in the client's certificate, where the listener trusts who issued it; absent = there is none. */
  readonly clientName?: string
}
