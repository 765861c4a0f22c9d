import { describe, expect, it } from "vitest"
import { isNetwork, reachOf } from "./forbidden-addresses.ts"

describe("where webhooks may go", () => {
  it("is the public internet alone", () => {
    const may = reachOf([])
    const inside = [
      "127.0.0.1",
      "127.8.8.8",
      "0.0.0.0",
      "10.1.2.3",
      "100.64.0.1",
      "169.254.169.254",
      "172.31.255.255",
      "192.168.0.1",
      "224.0.0.1",
      "255.255.255.255",
      "::",
      "::1",
      "::ffff:127.0.0.1",
      "::ffff:7f00:1",
      "0:0:0:0:0:ffff:a00:1",
      "64:ff9b::7f00:1",
      "2002:7f00:1::",
      "fd00::1",
      "fe80::1",
      "fe80::1%eth0",
      "ff02::1",
      "localhost",
      "",
      "127.1",
    ]
    expect(inside.filter(may)).toEqual([])
    const outside = ["1.1.1.1", "172.32.0.1", "100.128.0.1", "::ffff:1.1.1.1", "2606:4700::1111", "2a00:1450::1"]
    expect(outside.filter((address) => !may(address))).toEqual([])
  })

  it("is more where settings say so", () => {
    const may = reachOf(["127.0.0.0/8", "10.0.0.7", "fd00::/8"])
    expect(["127.0.0.1", "::ffff:127.0.0.1", "10.0.0.7", "fd12::1"].every(may)).toBe(true)
    expect(["10.0.0.8", "192.168.0.1", "fe80::1"].some(may)).toBe(false)
  })

  it("is written as networks", () => {
    expect(["10.0.0.0/8", "10.0.0.7", "fd00::/8", "::1"].every(isNetwork)).toBe(true)
    expect(["", "10.0.0/8", "10.0.0.0/33", "fd00::/129", "10.0.0.0/8/8", "x/8", "10.0.0.0/"].some(isNetwork)).toBe(
      false,
    )
  })
})
