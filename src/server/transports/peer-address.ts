import type { Socket } from "node:net"

/** The far end's address in one spelling: an IPv4-mapped IPv6 address is its IPv4 address. `null`: it is gone already. */
export function peerAddress(socket: Socket): string | null {
  return socket.remoteAddress === undefined ? null : plainAddress(socket.remoteAddress)
}

/** An address as the kernel spells it, an IPv4-mapped one as IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address
}
