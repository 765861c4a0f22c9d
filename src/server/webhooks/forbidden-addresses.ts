import { BlockList, isIP } from "node:net"

/** Networks that are no part of the public internet, or that lead back into the machine or the house (RFC 6890). */
const notPublic: readonly string[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "::/127",
  // IPv4 in other clothes: 6to4, Teredo, NAT64.
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "100::/64",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
]

/** Says of an address whether webhooks may go there. */
export type MayReach = (address: string) => boolean

/** Whether a text is a network as the settings write it: `10.0.0.0/8`, `fd00::/8`, or one address. */
export function isNetwork(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/")
  const version = isIP(address)
  const most = version === 4 ? 32 : 128
  return version !== 0 && more.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
}

/** Public addresses, and the networks that settings allow beside them. */
export function reachOf(allowed: readonly string[]): MayReach {
  const barred = listOf(notPublic)
  const open = listOf(allowed)
  return (address) => {
    const plain = withoutMapping(address)
    const family = isIP(plain)
    if (family === 0) return false
    const kind = family === 4 ? "ipv4" : "ipv6"
    return open.check(plain, kind) || !barred.check(plain, kind)
  }
}

/** `::ffff:a.b.c.d` is the IPv4 address, however it is written. */
function withoutMapping(address: string): string {
  const bare = address.replace(/%.*$/, "")
  if (isIP(bare) !== 6) return bare
  // The URL parser writes an IPv6 address in its one shortest form.
  const shortest = new URL(`http://[${bare}]/`).hostname.slice(1, -1)
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(shortest)
  if (hex === null) return shortest
  const [high, low] = [Number.parseInt(hex[1] ?? "0", 16), Number.parseInt(hex[2] ?? "0", 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join(".")
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = "", bits] = network.split("/")
    const family = isIP(address) === 4 ? "ipv4" : "ipv6"
    list.addSubnet(address, Number(bits ?? (family === "ipv4" ? 32 : 128)), family)
  }
  return list
}
