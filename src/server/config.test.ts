import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { families } from "../core/families/index.ts"
import { ConfigError, readConfig, readSettings, serverSettings } from "./config.ts"

describe("the server's settings", () => {
  it("refuses a device URL that leaves a device no room for an image's name in its buffer", () => {
    const longest = Math.min(...families.map(({ http }) => http?.longestOrigin?.chars ?? 1000))
    const origin = `http://${"h".repeat(longest - 7)}`
    expect(readConfig({ "device-url": origin }, {}).deviceUrl).toBe(origin)
    expect(() => readConfig({ "device-url": `${origin}h` }, {})).toThrow(ConfigError)
  })

  it("say where each comes from: flag, then environment, then file, then default", () => {
    const file = join(mkdtempSync(join(tmpdir(), "waft-settings-")), "waft.json")
    writeFileSync(file, JSON.stringify({ http: "127.0.0.1:1", ftp: "127.0.0.1:2", "log-level": "warn" }))
    const environment = { WAFT_HTTP: "127.0.0.1:3", WAFT_FTP: "127.0.0.1:4" }
    const settings = readSettings({ http: "127.0.0.1:5" }, environment, file)
    const of = (flag: string) => settings.find((setting) => setting.flag === flag)
    expect(of("http")).toEqual({ flag: "http", value: "127.0.0.1:5", source: "flag", from: "--http" })
    expect(of("ftp")).toEqual({ flag: "ftp", value: "127.0.0.1:4", source: "environment", from: "WAFT_FTP" })
    expect(of("log-level")).toEqual({ flag: "log-level", value: "warn", source: "file", from: file })
    expect(of("data")).toEqual({ flag: "data", value: "./waft-data", source: "default", from: "" })
    expect(settings).toHaveLength(serverSettings.length)
  })

  it("take a second device listener with TLS only whole", () => {
    expect(readConfig({}, {}).deviceHttps).toBeNull()
    expect(() => readConfig({ "device-https": "127.0.0.1:1" }, {})).toThrow(ConfigError)
  })

  it("have defaults that keep management on loopback", () => {
    const config = readConfig({}, {})
    expect(config.http).toEqual({ host: "127.0.0.1", port: 8080 })
    expect(config.ftp).toEqual({ host: "0.0.0.0", port: 2121 })
    expect(config.ftpPassivePorts).toEqual({ min: 30_000, max: 30_999 })
  })

  it("come from a flag before the environment before the file", () => {
    const file = join(mkdtempSync(join(tmpdir(), "waft-config-")), "waft.json")
    writeFileSync(file, JSON.stringify({ http: "127.0.0.1:1", ftp: "127.0.0.1:2", "device-http": "127.0.0.1:3" }))
    const config = readConfig({ http: "127.0.0.1:11" }, { WAFT_HTTP: "127.0.0.1:12", WAFT_FTP: "[::1]:13" }, file)
    expect([config.http.port, config.ftp, config.deviceHttp.port]).toEqual([11, { host: "::1", port: 13 }, 3])
  })

  it.each([
    [{ http: "8080" }],
    [{ ftp: "localhost:70000" }],
    [{ "ftp-passive-ports": "31000-30000" }],
    [{ "ftp-advertise": "here" }],
    [{ wire: "maybe" }],
    [{ "ftp-tls-cert": "x.pem" }],
    [{ "image-cache-mb": "much" }],
    [{ "device-url": "ftp://x" }],
    [{ "log-level": "loud" }],
  ])("%j is refused in a sentence that names the flag", (flags) => {
    expect(() => readConfig(flags, {})).toThrow(ConfigError)
    expect(() => readConfig(flags, {})).toThrow(Object.keys(flags)[0])
  })

  it("take a GSM modem with its speed and PIN, or an SMS centre, but not both", () => {
    const pinFile = join(mkdtempSync(join(tmpdir(), "waft-config-")), "pin")
    writeFileSync(pinFile, "2580\n")
    const modem = { "sms-modem": "/dev/ttyS1,9600", "sms-number": "+393312345678" }
    expect(readConfig(modem, {}).smsModem).toEqual({ path: "/dev/ttyS1", baudRate: 9600, pin: "" })
    const withPin = readConfig({ ...modem, "sms-modem": "/dev/ttyUSB2", "sms-modem-pin-file": pinFile }, {})
    expect(withPin.smsModem).toEqual({ path: "/dev/ttyUSB2", baudRate: 115_200, pin: "2580" })
    expect(() => readConfig({ ...modem, smpp: "smpp://a:b@127.0.0.1:2775" }, {})).toThrow(/--smpp and --sms-modem/)
    expect(() => readConfig({ "sms-modem": "/dev/ttyS1" }, {})).toThrow(/need --sms-number/)
    expect(() => readConfig({ ...modem, "sms-modem": "/dev/ttyS1,fast" }, {})).toThrow(/PATH\[,BAUD\]/)
    writeFileSync(pinFile, "secret")
    expect(() => readConfig({ ...modem, "sms-modem-pin-file": pinFile }, {})).toThrow(/4 to 8 digits/)
  })

  it("ask an identity provider by TLS, or on this machine", () => {
    const flags = { "oidc-issuer": "https://login.example.com/realms/ota", "oidc-client-id": "waft" }
    expect(readConfig({}, {}).oidc).toBe(null)
    expect(readConfig(flags, { WAFT_OIDC_CLIENT_SECRET: "s" }).oidc).toEqual({
      issuer: flags["oidc-issuer"],
      clientId: "waft",
      clientSecret: "s",
      scopes: "openid profile email",
      rights: [],
    })
    for (const issuer of ["http://127.0.0.1:3000", "http://localhost/x"]) {
      expect(readConfig({ ...flags, "oidc-issuer": issuer }, {}).oidc?.issuer).toBe(issuer)
    }
    for (const issuer of [
      "http://login.example.com",
      "http://127.0.0.1.example.com",
      "ftp://x",
      "x",
      "https://u@x.y",
    ]) {
      expect(() => readConfig({ ...flags, "oidc-issuer": issuer }, {}), issuer).toThrow(/--oidc-issuer takes/)
    }
    expect(() => readConfig({ "oidc-issuer": "https://x.y" }, {})).toThrow(/--oidc-client-id/)
    expect(() => readConfig({ "oidc-rights": "a=b => viewer" }, {})).toThrow(/--oidc-issuer/)
    expect(() => readConfig({ ...flags, "oidc-rights": "a=b => root" }, {})).toThrow(/"root" is no role/)
    expect(() => readConfig({ ...flags, "oidc-scopes": "profile" }, {})).toThrow(/openid among them/)
  })

  it("refuse a key that does not exist", () => {
    const file = join(mkdtempSync(join(tmpdir(), "waft-config-")), "waft.json")
    writeFileSync(file, JSON.stringify({ htpp: "127.0.0.1:1" }))
    expect(() => readConfig({}, {}, file)).toThrow(/unknown key "htpp"/)
  })
})
