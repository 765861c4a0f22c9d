/** A URL as the device cuts it up: no user, no IPv6, query and fragment cut off (pic32mzw1.md 2.4). */
export interface DeviceUrl {
  readonly tls: boolean
  readonly host: string
  readonly port: number
  readonly path: string
}

/** Host and path are kept in buffers of 255 characters. */
const longestPart = 255

/** Cuts a URL; null = the client refuses it. */
export function parseDeviceUrl(url: string): DeviceUrl | null {
  const match = /^(https?):\/\/([^/:?#]+)(?::(\d{1,5}))?(\/[^?#]*)?/i.exec(url)
  if (match === null) return null
  const [, scheme = "", host = "", port, path = "/"] = match
  const tls = scheme.toLowerCase() === "https"
  const number = port === undefined ? (tls ? 443 : 80) : Number(port)
  if (host.length > longestPart || path.length > longestPart || number < 1 || number > 65535) return null
  return { tls, host, port: number, path }
}

/** The whole request: nothing but the path and the host, without its port. */
export function requestText(url: DeviceUrl): string {
  return `GET ${url.path} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`
}

/** The name under which an image is stored: the URL's last segment with another extension; null = it has no `.`. */
export function storedName(url: string, extension: "bin" | "patch"): string | null {
  const segment = (parseDeviceUrl(url)?.path ?? "").split("/").at(-1) ?? ""
  const dot = segment.lastIndexOf(".")
  return dot < 0 ? null : `${segment.slice(0, dot)}.${extension}`
}
