import type { Json, JsonObject } from "../../../kit/json.ts"
import type { AttendOption, GivenOptions } from "../../attend.ts"

/** What may be told of an attendance beside a plan file; the fields are those of `AttendPlan`. */
export const options: readonly AttendOption[] = [
  { name: "variant", value: "NAME", help: "sms, combined or tcp-ip" },
  { name: "sms-number", value: "NUMBER", help: "number of the server, with +" },
  { name: "server-tcp", value: "HOST:PORT", help: "the server's address for modules" },
  { name: "apn", value: "NAME", help: "access point of the variants over TCP" },
  { name: "apn-user", value: "USER", help: "its user" },
  { name: "apn-password", value: "PASSWORD", help: "its password", isSecret: true },
  { name: "own-number", value: "NUMBER", help: "the module's own number, where its SIM does not hold it" },
  {
    name: "imei",
    value: "IMEI",
    help: "serial number of the module that is meant; absent = the one that --state knows, or the first that is met",
  },
  { name: "answer", value: "WHAT", help: "when the module asks whether it may update: accept, reject or delay" },
  {
    name: "pin-file",
    value: "FILE",
    help: "file with the SIM's PIN; absent = WAFT_PIN in the environment, or none",
    reads: "file",
    environment: "WAFT_PIN",
  },
  {
    name: "restore",
    value: "FILE",
    help: "AT commands, one a line, typed at the start and after every update",
    reads: "lines",
  },
  { name: "every", value: "TIME", help: "tcp-ip: ask for an update every so often (1h, 1d)", reads: "duration" },
]

/** The fields of a plan that were given; what was not says nothing. */
export function planOf(given: GivenOptions): JsonObject {
  const { variant, answer, apn, restore, every } = given
  const text = (name: string): string | undefined => (typeof given[name] === "string" ? given[name] : undefined)
  const pin = text("pin-file")?.trim()
  const address = text("server-tcp")
  const fields: Readonly<Record<string, Json | undefined>> = {
    variant,
    smsNumber: text("sms-number"),
    ownNumber: text("own-number"),
    answer,
    imei: text("imei"),
    pin: pin === "" ? undefined : pin,
    server: address === undefined ? undefined : hostPortOf(address),
    bearer:
      typeof apn === "string"
        ? { kind: 2, access: apn, user: text("apn-user") ?? "", password: text("apn-password") ?? "" }
        : undefined,
    restore,
    askEveryMs: every,
  }
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, Json] => entry[1] !== undefined))
}

function hostPortOf(text: string): JsonObject {
  const [, host, port] = /^([^:\s]+):(\d{1,5})$/.exec(text) ?? []
  if (host === undefined) throw new RangeError(`--server-tcp takes HOST:PORT, not "${text}"`)
  return { host, port: Number(port) }
}
