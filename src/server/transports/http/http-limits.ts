import { limits } from "../../../core/kit/limits.ts"

/** What clients may ask of the device HTTP server. */
export interface HttpLimits {
  readonly maxConnections: number
  /** Connections from one address; many devices share one behind a carrier's NAT. */
  readonly maxConnectionsPerPeer: number
  /** Of them that have shown nothing they are known by. Beyond it the oldest is closed: nobody is refused. */
  readonly maxStrangersPerPeer: number
  /** Request line and headers together, bytes. */
  readonly maxHeaderBytes: number
  /** Memory of the bodies that are being read, together. */
  readonly maxBodyBytes: number
  /** Longest request target, characters. */
  readonly maxUrlChars: number
  /** Time from connecting, or from the first byte of a request, until its headers are complete. */
  readonly headersTimeoutMs: number
  /** Time for a TLS handshake. */
  readonly handshakeTimeoutMs: number
  /** Time without a request on a connection that has had one. */
  readonly keepAliveTimeoutMs: number
  /** Time without one byte of progress in an answer. There is no limit on a transfer's whole length. */
  readonly progressTimeoutMs: number
  /** How long a peer that has acknowledged everything may leave its side open before we stop waiting. */
  readonly lateCloseGraceMs: number
}

export const defaultHttpLimits: HttpLimits = {
  maxConnections: limits["http.connections"].most,
  maxConnectionsPerPeer: limits["http.connections-per-address"].most,
  maxStrangersPerPeer: limits["http.strangers-per-address"].most,
  maxBodyBytes: limits["http.bodies"].most,
  maxHeaderBytes: limits["http.bad-requests"].most,
  handshakeTimeoutMs: 10_000,
  maxUrlChars: 1024,
  headersTimeoutMs: 20_000,
  keepAliveTimeoutMs: 30_000,
  progressTimeoutMs: 120_000,
  lateCloseGraceMs: 1000,
}
