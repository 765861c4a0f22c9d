import { parseIpAddress } from "../../../core/protocols/ftp/address.ts"

/** From where a passive data connection may come, seen from its control connection's address. */
export const dataPeers = ["same", "any-of-prefix", "any"] as const
export type DataPeer = (typeof dataPeers)[number]

/** Hexadecimal or decimal parts that two addresses of one prefix share: /24 of IPv4, /64 of IPv6. */
const prefixOf = (address: string): string | null => {
  const parsed = parseIpAddress(address)
  if (parsed === null) return null
  return parsed.family === 4 ? parsed.canonical.replace(/\.\d+$/, ".") : parsed.canonical.slice(0, 16)
}

/** Whether a data connection from `data` may belong to a control connection from `control`. */
export function mayBring(setting: DataPeer, control: string, data: string): boolean {
  if (setting === "any") return true
  return setting === "any-of-prefix" && prefixOf(control) !== null && prefixOf(control) === prefixOf(data)
}
