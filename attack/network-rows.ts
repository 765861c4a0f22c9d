import { connect } from "node:net"
import { RawClient } from "../src/server/transports/ftp/raw-client.testing.ts"
import { hasHidden } from "../src/core/kit/clean-text.ts"
import { limits } from "../src/core/kit/limits.ts"
import { waft } from "../test/attack/run-waft.ts"
import { type Attack, crowd, first, hits, hold, managementOf, pause, portOf, send, type Target } from "./tools.ts"

/** An agent's call. */
async function agent({ server }: Target, path: string, token: string, body?: object): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
  const init = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) }
  const answer = await fetch(`http://${server.deviceHttp}/agent/v1/${path}`, init)
  await answer.arrayBuffer()
  return answer.status
}

async function agentToken({ server }: Target, id: string): Promise<string> {
  const access = await server.api.call("addDevice", { body: { id, family: "quectel", model: "AG35" } })
  return access.agent?.token ?? ""
}

const bodies: Attack = {
  row: 1,
  what: "thirty megabytes of numbers without a token",
  run: async ({ server, signal }) => {
    const port = portOf(managementOf(server))
    const length = 30 << 20
    const head = `POST /api/devices/import HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`
    const body = Buffer.from(head + "1,".repeat(1 << 20))
    const heard: string[] = []
    await crowd(8, signal, async () => heard.push(await send(port, body, { times: 14 })))
    const wrong = heard.find((answer) => answer !== "" && !/^HTTP\/1\.1 4(01|21) /.test(answer))
    return wrong === undefined ? null : `a body was listened to: ${wrong.slice(0, 60)}`
  },
}

const foreign: Attack = {
  row: 2,
  what: "another site's page, another name, a form",
  run: async ({ server, token, signal }) => {
    const port = portOf(managementOf(server))
    const ask = (headers: string): Promise<string> =>
      send(
        port,
        `POST /api/devices HTTP/1.1\r\nAuthorization: Bearer ${token}\r\n${headers}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`,
      )
    let fell: string | null = null
    await crowd(4, signal, async () => {
      for (const headers of [
        "Host: evil.example\r\nContent-Type: application/json",
        "Host: localhost\r\nOrigin: https://evil.example\r\nContent-Type: application/json",
        "Host: localhost\r\nContent-Type: text/plain",
      ]) {
        const heard = await ask(headers)
        if (!/^HTTP\/1\.1 4(03|15|21) /.test(heard)) fell = `${headers.slice(0, 40)} was answered ${heard.slice(0, 30)}`
      }
    })
    return fell
  },
}

const thief: Attack = {
  row: 3,
  what: "connecting first to every data port",
  run: async ({ server, signal }) => {
    let stolen = 0
    await crowd(30, signal, async () => {
      const heard = await send(30_000 + Math.floor(Math.random() * 1000), "", { ms: 300 })
      if (heard !== "") stolen++
    })
    const told = (await server.api.call("listEvents", { query: { limit: 500, backwards: true } })) as unknown
    const isTold = JSON.stringify(told).includes("device.data-contested")
    return stolen > 0 && !isTold ? `${stolen} transfers were taken, and no event says so` : null
  },
}

const ports: Attack = {
  row: 4,
  what: "one login that asks for every passive port",
  run: async ({ server, signal }) => {
    const access = await server.api.call("addDevice", { body: { id: "greedy", family: "waspmote", model: "4g" } })
    const { user = "", password = "" } = access.ftp ?? {}
    const client = await RawClient.connect(portOf(server.ftp))
    await client.code(`USER ${user}`)
    await client.code(`PASS ${password}`)
    await crowd(1, signal, async () => {
      for (let n = 0; n < 50; n++) {
        await client.code("EPSV")
        await client.code("PORT 127,0,0,1,200,0")
      }
    })
    client.socket.destroy()
    return null
  },
}

const guesses: Attack = {
  row: 5,
  what: "guessing a password of four digits on many sessions",
  run: async ({ server, signal }) => {
    const body = { id: "guessed", family: "waspmote", model: "4g", user: "guessed", password: "9731" }
    await server.api.call("addDevice", { body })
    let next = 0
    let isIn = false
    await crowd(40, signal, async () => {
      const heard = await send(
        portOf(server.ftp),
        `USER guessed\r\nPASS ${String(next++ % 9000).padStart(4, "0")}\r\n`,
        { ms: 20_000 },
      )
      isIn ||= heard.includes("230 ")
    })
    return first(isIn && "a guess was right", (await hits(server, "ftp.guesses")) === 0 && "no guess was held up")
  },
}

const floods: Attack = {
  row: 6,
  what: "a device that floods versions, an enrolment that floods devices",
  run: async (target) => {
    const { server, signal } = target
    const token = await agentToken(target, "flooding")
    const made = await server.api.call("createEnrolment", { body: { family: "quectel" } })
    const other = await server.api.call("createEnrolment", { body: { family: "quectel" } })
    const before = (await server.api.call("health", {})).devices
    let next = 0
    await crowd(12, signal, async () => {
      await agent(target, `work?version=v${next++}`, token)
      await agent(target, "enrol", made.token ?? "", { id: `flood-${next++}`, model: "AG35", secret: "s".repeat(20) })
    })
    const events = await server.api.call("listEvents", { query: { device: "flooding", limit: 1000 } })
    const added = (await server.api.call("health", {})).devices - before
    const welcome = await agent(target, "enrol", other.token ?? "", {
      id: "honest-one",
      model: "AG35",
      secret: "s".repeat(20),
    })
    return first(
      JSON.stringify(events).split("device.version-reported").length > 3 * limits["device.events"].most &&
        "its versions filled the log",
      added > limits["enrolment.pending"].most && `${added} devices were taken`,
      welcome !== 200 && `another enrolment's device was answered ${welcome}`,
    )
  },
}

const texts: Attack = {
  row: 7,
  what: "versions and notes that steer a terminal",
  run: async (target) => {
    const { server, signal } = target
    const token = await agentToken(target, "steering")
    const hostile = "\u001b]0;owned\u0007\u009b2J\u202e\u200b=cmd|'/C calc'!A0<script>"
    let next = 0
    await crowd(2, signal, async () => {
      const mark = `n-${next++}`
      await agent(target, "note", token, { mark, event: "seen", sentence: hostile, version: hostile.slice(0, 40) })
      await agent(target, `work?version=${encodeURIComponent(hostile.slice(0, 50))}`, token)
      await pause(50)
    })
    const events = JSON.stringify(await server.api.call("listEvents", { query: { device: "steering", limit: 1000 } }))
    const printed = await waft("device", "list", "--data", server.data)
    const shown = printed.out.replaceAll("\n", "")
    return first(
      !events.includes("owned") && "nothing was written down",
      hasHidden(events) && "an event steers",
      hasHidden(shown) && "a list steers",
    )
  },
}

const messages: Attack = {
  row: 8,
  what: "forged, cut and repeated messages of modules over TCP",
  run: async ({ server, signal }) => {
    const { listeners } = await server.api.call("health", {})
    const port = portOf(listeners["device-tcp"] ?? "")
    const noise = Buffer.from(`a7010101357464030012345${"00".repeat(40)}`, "hex")
    await crowd(20, signal, () => send(port, noise, { times: 20, ms: 500 }))
    return null
  },
}

const logs: Attack = {
  row: 9,
  what: "malformed requests by the thousand",
  run: async ({ server, signal, loggedBytes }) => {
    const before = loggedBytes()
    const bad = `GET /d/secretkey/ota.json HTTP/1.1\r\nbad header\u0007\r\n${"x".repeat(4000)}`
    await crowd(30, signal, () => send(portOf(server.deviceHttp), bad))
    const logged = loggedBytes() - before
    return logged > 200_000 ? `${logged} bytes were logged` : null
  },
}

const lockOut: Attack = {
  row: 10,
  what: "wrong passwords and idle connections from the devices' own address",
  run: async ({ server, signal }) => {
    const close = hold(portOf(server.ftp), 200, "", 1)
    await crowd(12, signal, () =>
      send(portOf(server.ftp), "USER nobody\r\nPASS x\r\nUSER nobody\r\nPASS y\r\n", { ms: 5000 }),
    )
    close()
    return null
  },
}

const idle: Attack = {
  row: 11,
  what: "idle connections and slow heads on every listener",
  run: async ({ server, signal }) => {
    const all = [server.ftp, server.deviceHttp, managementOf(server)].map(portOf)
    const closes = all.flatMap((port) => [hold(port, 300), hold(port, 100, "GET / HT")])
    await crowd(2, signal, async () => {
      await pause(500)
      for (const port of all.slice(0, 2)) closes.push(hold(port, 40))
    })
    const { status } = await server.api.call("health", {}).finally(() => {
      for (const close of closes) close()
    })
    return status === "ok" ? null : "the management listener does not answer"
  },
}

const streams: Attack = {
  row: 19,
  what: "two hundred event streams that nobody reads",
  run: async ({ server, token, signal }) => {
    const head = `GET /api/events?after=0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`
    const deaf = Array.from({ length: 200 }, () => {
      const socket = connect(portOf(managementOf(server)), "127.0.0.1", () => socket.write(head))
      socket.on("error", () => undefined)
      return socket.pause()
    })
    let n = 0
    await crowd(2, signal, () =>
      server.api.call("addDevice", { body: { id: `told-${Date.now()}-${n++}`, family: "waspmote", model: "4g" } }),
    )
    for (const socket of deaf) socket.destroy()
    return null
  },
}

/** Attacks over the network. */
export const networkRows: readonly Attack[] = [
  bodies,
  foreign,
  thief,
  ports,
  guesses,
  floods,
  texts,
  messages,
  logs,
  lockOut,
  idle,
  streams,
]
