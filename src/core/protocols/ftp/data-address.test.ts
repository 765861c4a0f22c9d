import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isSameAddress, parseIpAddress } from "./address.ts"
import {
  formatExtendedPassiveReply,
  formatExtendedPort,
  formatPassiveReply,
  formatPort,
  parseExtendedPassiveReply,
  parseExtendedPort,
  parsePassiveReply,
  parsePort,
} from "./data-address.ts"
import vectors from "./vectors.json" with { type: "json" }

describe("the address of a data connection", () => {
  it("is read from PORT and EPRT as the documents write it, and written the same", () => {
    for (const { argument, host, port } of vectors.ports) {
      expect(parsePort(argument)).toEqual({ host, port })
      expect(formatPort({ host, port })).toBe(argument)
    }
    for (const { argument, host, port } of vectors.extendedPorts) {
      expect(parseExtendedPort(argument)).toEqual({ ok: true, address: { host, port } })
      expect(formatExtendedPort({ host, port })).toBe(argument)
    }
  })

  it("is found in the words of 227 and 229", () => {
    for (const { words, host, port } of vectors.passiveReplies) expect(parsePassiveReply(words)).toEqual({ host, port })
    for (const { words, port } of vectors.extendedPassiveReplies) {
      expect(parseExtendedPassiveReply(words)).toBe(port)
      expect(formatExtendedPassiveReply(port)).toBe(words)
    }
    expect(parsePassiveReply(formatPassiveReply({ host: "10.0.0.1", port: 30_000 }))).toEqual({
      host: "10.0.0.1",
      port: 30_000,
    })
  })

  it("is refused when it is malformed", () => {
    for (const argument of [
      "",
      "1,2,3,4,5",
      "1,2,3,4,5,256",
      "1,2,3,4,5,6,7",
      "a,b,c,d,e,f",
      "1,2,3,4,-5,6",
      "1,2,3,4,5,6\0",
    ]) {
      expect(parsePort(argument)).toBeNull()
    }
    const syntax = [
      "",
      "|",
      "|1|1.2.3.4|",
      "|1|1.2.3.4|99999|",
      "|1|::1|21|",
      "|2|1.2.3.4|21|",
      "|1|host|21|",
      "|1|1.2.3.4|21|x",
      "1111",
    ]
    for (const argument of syntax) expect(parseExtendedPort(argument)).toEqual({ ok: false, fault: "syntax" })
    expect(parseExtendedPort("|3|1.2.3.4|21|")).toEqual({ ok: false, fault: "protocol" })
  })

  it("never makes a parser throw", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60, unit: "binary" }), (text) => {
        parsePort(text)
        parseExtendedPort(text)
        parsePassiveReply(text)
        parseExtendedPassiveReply(text)
      }),
    )
  })
})

describe("an IP address", () => {
  it("compares equal in every spelling", () => {
    expect(isSameAddress("::ffff:127.0.0.1", "127.0.0.1")).toBe(true)
    expect(isSameAddress("::FFFF:7f00:1", "127.0.0.1")).toBe(true)
    expect(isSameAddress("2001:db8::1", "2001:0DB8:0:0:0:0:0:1")).toBe(true)
    expect(isSameAddress("fe80::1%eth0", "fe80::1")).toBe(true)
    expect(isSameAddress("127.0.0.1", "127.0.0.2")).toBe(false)
    expect(isSameAddress("::1", "127.0.0.1")).toBe(false)
  })

  it("is refused when it is none", () => {
    for (const text of [
      "",
      "1.2.3",
      "256.1.1.1",
      "1:2:3",
      "::1::",
      ":::",
      "12345::",
      "1:2:3:4:5:6:7:8:9",
      "::1.2.3.999",
      "localhost",
    ]) {
      expect(parseIpAddress(text)).toBeNull()
    }
  })
})
