/** Where a request came from and by which of our addresses. */
export interface Origin {
  readonly peer: string
  readonly localHost: string
  readonly localPort: number
  readonly isTls: boolean
}
