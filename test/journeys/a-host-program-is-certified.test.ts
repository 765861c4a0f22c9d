import { expect, it } from "vitest"
import { runAttendance } from "../../src/agent/main.ts"
import { runCertification } from "../../src/virtual/main.ts"

it.each(["sms", "combined"])("our own host program passes over TCP, in the variant %s", async (variant) => {
  const ending = new AbortController()
  const { signal } = ending
  const seen: string[] = []
  let host: Promise<unknown> = Promise.resolve()
  const plan = {
    variant,
    smsNumber: "+15550100",
    server: { host: "192.0.2.1", port: 4001 },
    bearer: { kind: 2, access: "internet", user: "", password: "" },
    pin: "4711",
    restore: ["AT+CNMI=2,1,0,0,0"],
  }
  const begin = (address: string): void => {
    const tell = ({ event }: { readonly event: string }): void => void seen.push(event)
    host = runAttendance({ ports: [`tcp://${address}`], family: "telit", plan, speed: 20, tell, signal })
    host.catch(() => undefined)
  }
  const report = await runCertification({
    model: "HE910",
    variant,
    pin: "4711",
    doors: { tcp: "127.0.0.1:0" },
    speed: 20,
    log: (line) => {
      const address = /^The AT port is at (\S+)\.$/.exec(line)?.[1]
      if (address !== undefined) begin(address)
    },
    signal,
  })
  ending.abort(new Error("over"))
  await host.catch(() => undefined)
  expect(report.rows.filter(({ verdict }) => verdict !== "passed")).toEqual([])
  expect(seen).toContain("server-notified")
})

it.each([
  [{ pin: "12" }, "a PIN has 4 to 8 digits"],
  [{ variant: "smoke" }, "no variant"],
  [{ model: "AG35" }, "no model"],
  [{ doors: {} }, "--pty"],
])("%j is wrong use", async (change, words) => {
  const { signal } = new AbortController()
  const good = { model: "HE910", variant: "sms", pin: "1234", doors: { tcp: "127.0.0.1:0" }, speed: 1, signal }
  await expect(runCertification({ ...good, log: () => undefined, ...change })).rejects.toThrow(words)
})
