import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { DeviceCalls } from "./device-call.ts"
import { exchange, image, manifest, NotingHost, RawHttp, withHttp } from "./started-http.testing.ts"

const deviceRequest = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: 10.0.0.2\r\n\r\n`
const closing = (path: string, headers = ""): string =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}Connection: close\r\n\r\n`
const bodyOf = (client: RawHttp): Buffer => client.bytes.subarray(client.bytes.indexOf("\r\n\r\n") + 4)
const headOf = (client: RawHttp): string => client.text.slice(0, client.text.indexOf("\r\n\r\n") + 4)

describe("the device HTTP server", () => {
  it("answers a manifest request with these bytes and no others, headers and body in one piece", async () => {
    await withHttp(async ({ port, host }) => {
      const client = await RawHttp.open(port)
      client.send(deviceRequest("/d/k/ota.json"))
      await client.until((text) => text.endsWith(manifest))
      expect(client.text).toBe(
        `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${manifest.length}\r\n\r\n${manifest}`,
      )
      expect(client.pieces).toHaveLength(1)
      expect(host.reads).toBe(1)
      client.socket.destroy()
    })
  })

  it("answers an image request with an exact Content-Length, without chunks, in a header block below one segment", async () => {
    await withHttp(async ({ port, host }) => {
      const client = await exchange(port, deviceRequest("/d/k/v2.bin"))
      expect(headOf(client)).toBe(
        'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 300000\r\nAccept-Ranges: bytes\r\nETag: "e1"\r\nConnection: close\r\n\r\n',
      )
      expect(bodyOf(client).equals(image)).toBe(true)
      expect(await host.ended(1)).toEqual({ from: 0, to: 300_000, sent: 300_000, whole: true })
    })
  })

  it("serves a request that comes byte by byte, and several on one connection", async () => {
    await withHttp(async ({ port, host }) => {
      const client = await RawHttp.open(port)
      for (const letter of deviceRequest("/d/k/ota.json")) client.send(letter)
      await client.until((text) => text.endsWith(manifest))
      client.send(deviceRequest("/d/k/quiet.json") + deviceRequest("/d/k/ota.json"))
      await client.until((text) => text.split(manifest).length === 4)
      expect(host.reads).toBe(2)
      client.socket.destroy()
    })
  })

  it("answers HEAD with the headers alone and takes it for no fetch", async () => {
    await withHttp(async ({ port, host }) => {
      const head = await exchange(port, closing("/d/k/v2.bin").replace("GET", "HEAD"))
      expect(head.text).toContain("Content-Length: 300000\r\n")
      expect(bodyOf(head)).toHaveLength(0)
      const notice = await exchange(port, closing("/d/k/ota.json").replace("GET", "HEAD"))
      expect(notice.text).toContain(`Content-Length: ${manifest.length}\r\n`)
      expect(bodyOf(notice)).toHaveLength(0)
      expect(host).toMatchObject({ reads: 0, opened: [] })
    })
  })

  it.each([
    ["bytes=0-99", 206, 0, 100],
    ["bytes=100-", 206, 100, 300_000],
    ["bytes=-50", 206, 299_950, 300_000],
    ["bytes=299999-400000", 206, 299_999, 300_000],
    ["bytes=5-4", 200, 0, 300_000],
    ["bytes=0-1,5-6", 200, 0, 300_000],
    ["lines=0-1", 200, 0, 300_000],
  ] as const)("answers Range: %s with %i", async (range, status, from, to) => {
    await withHttp(async ({ port, host }) => {
      const client = await exchange(port, closing("/d/k/v2.bin", `Range: ${range}\r\n`))
      expect(client.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      expect(headOf(client).includes(`Content-Range: bytes ${from}-${to - 1}/300000\r\n`)).toBe(status === 206)
      expect(bodyOf(client).equals(image.subarray(from, to))).toBe(true)
      expect(await host.ended(1)).toMatchObject({ from, to, whole: to === 300_000 })
    })
  })

  it("answers a range outside the file with 416 and its size, and If-Range of another content with the whole", async () => {
    await withHttp(async ({ port, host }) => {
      const outside = await exchange(port, closing("/d/k/v2.bin", "Range: bytes=300000-\r\n"))
      expect(outside.text).toMatch(/^HTTP\/1\.1 416 /)
      expect(outside.text).toContain("Content-Range: bytes */300000\r\n")
      expect(host.opened).toEqual([])
      const other = await exchange(port, closing("/d/k/v2.bin", 'Range: bytes=9-\r\nIf-Range: "e0"\r\n'))
      expect(other.text).toMatch(/^HTTP\/1\.1 200 /)
      const same = await exchange(port, closing("/d/k/v2.bin", 'Range: bytes=9-\r\nIf-Range: "e1"\r\n'))
      expect(same.text).toMatch(/^HTTP\/1\.1 206 /)
    })
  })

  it("serves an empty file", async () => {
    await withHttp(async ({ port, host }) => {
      const client = await exchange(port, deviceRequest("/d/k/empty.bin"))
      expect(client.text).toContain("Content-Length: 0\r\n")
      expect((await host.ended(1)).whole).toBe(true)
    })
  })

  it.each([
    ["GET /d/other HTTP/1.1\r\nHost: x\r\n\r\n", 404],
    ["GET /d/k/../k/ota.json HTTP/1.1\r\nHost: x\r\n\r\n", 404],
    ["GET //d/k/ota.json HTTP/1.1\r\nHost: x\r\n\r\n", 404],
    ["GET /d/k/%6fta.json HTTP/1.1\r\nHost: x\r\n\r\n", 404],
    ["POST /d/k/ota.json HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405],
    ["DELETE /d/k/ota.json HTTP/1.1\r\nHost: x\r\n\r\n", 405],
    ["GET /d/k/ota.json HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 413],
    [`GET /${"a".repeat(1100)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414],
    [`GET / HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(9000)}\r\n\r\n`, 431],
    ["GET /d/k/ota.json HTTP/1.1\r\n\r\n", 400],
    ["\x16\x03\x01 hello\r\n\r\n", 400],
  ] as const)("answers %j with %i and closes", async (request, status) => {
    await withHttp(async ({ port, host }) => {
      const client = await exchange(port, request)
      expect(client.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      expect(host).toMatchObject({ reads: 0, opened: [] })
    })
  })

  it("takes absolute targets and cuts query and fragment off", async () => {
    await withHttp(async ({ port, host }) => {
      for (const target of ["http://10.0.0.2:8081/d/k/ota.json", "/d/k/ota.json?v=1", "/d/k/ota.json#x"]) {
        expect((await exchange(port, closing(target))).text).toContain(manifest)
      }
      expect(new Set(host.paths)).toEqual(new Set(["/d/k/ota.json"]))
    })
  })

  it("says 503 when the image cannot be had", async () => {
    await withHttp(async ({ port, host }) => {
      host.refuses = true
      expect((await exchange(port, deviceRequest("/d/k/v2.bin"))).text).toMatch(/^HTTP\/1\.1 503 /)
    })
  })

  it("tells a transfer that the client reset from a whole one", async () => {
    await withHttp(async ({ port, host }) => {
      const client = await RawHttp.open(port)
      client.send(deviceRequest("/d/k/v2.bin"))
      await client.until((text) => text.length > 1000)
      client.socket.resetAndDestroy()
      expect(await host.ended(1)).toMatchObject({ whole: false, cause: "reset" })
    })
  })

  it("tells a client that stops reading and leaves from one that took everything, although the kernel took all bytes", async () => {
    await withHttp(async ({ port, host }) => {
      const client = await RawHttp.open(port)
      client.socket.pause()
      client.send(deviceRequest("/d/k/v2.bin"))
      while (host.opened.length === 0) await new Promise((resolve) => setImmediate(resolve))
      await new Promise((resolve) => setTimeout(resolve, 50))
      client.socket.resetAndDestroy()
      expect((await host.ended(1)).whole).toBe(false)
    })
  })

  it("counts clients that close the moment they have the last byte as whole, however often they do", async () => {
    await withHttp(async ({ port, host }) => {
      for (let fetch = 1; fetch <= 8; fetch++) {
        const client = await RawHttp.open(port)
        let received = 0
        client.socket.on("data", (piece: Buffer) => {
          received += piece.length
          if (received >= image.length) client.socket.end()
        })
        client.send(deviceRequest("/d/k/v2.bin"))
        await client.closed
        expect(await host.ended(fetch)).toMatchObject({ whole: true })
      }
    })
  })

  it("counts a client that keeps its side open as whole once it has acknowledged everything", async () => {
    await withHttp(
      async ({ port, host }) => {
        const client = await RawHttp.open(port)
        client.socket.allowHalfOpen = true
        client.send(deviceRequest("/d/k/v2.bin"))
        await client.until((text) => text.length > 300_000)
        expect((await host.ended(1)).whole).toBe(true)
        client.socket.destroy()
      },
      { limits: { lateCloseGraceMs: 50 } },
    )
  })

  it("cuts a client that takes nothing for too long", async () => {
    const host = new NotingHost(new Uint8Array(20_000_000))
    await withHttp(
      async ({ port }) => {
        const client = await RawHttp.open(port)
        client.socket.pause()
        client.send(deviceRequest("/d/k/v2.bin"))
        expect(await host.ended(1)).toMatchObject({ whole: false })
        client.socket.destroy()
      },
      { limits: { progressTimeoutMs: 300 }, host },
    )
  })

  it.each([
    ["when nothing moves for too long", 300, false],
    ["when the server closes", 60_000, true],
  ] as const)("aborts with a reset, which a device notices, %s", async (_, progressTimeoutMs, closes) => {
    const host = new NotingHost(new Uint8Array(600_000), 262_144)
    await withHttp(
      async ({ port, server }) => {
        const client = await RawHttp.open(port)
        client.send(deviceRequest("/d/k/v2.bin"))
        await client.until((text) => text.length > 262_144)
        if (closes) await server.close()
        expect(await host.ended(1)).toMatchObject({ whole: false })
        await client.closed
        expect(client.error?.code).toBe("ECONNRESET")
      },
      { limits: { progressTimeoutMs }, host },
    )
  })

  it("turns connections away beyond its limits, for one peer and in total", async () => {
    await withHttp(
      async ({ port, server }) => {
        const kept = [await RawHttp.open(port), await RawHttp.open(port)]
        for (const client of kept) {
          client.send(deviceRequest("/d/k/ota.json"))
          await client.until((text) => text.endsWith(manifest))
        }
        await RawHttp.open(port).then(
          (third) => third.closed,
          (error: NodeJS.ErrnoException) => expect(error.code).toBe("ECONNRESET"),
        )
        expect(server.stats()).toMatchObject({ connections: 2, totals: { turnedAway: 1 } })
        for (const client of kept) client.socket.destroy()
        await Promise.all(kept.map((client) => client.closed))
        while (server.stats().connections > 0) await new Promise((resolve) => setImmediate(resolve))
        const fourth = await RawHttp.open(port)
        fourth.send(deviceRequest("/d/k/ota.json"))
        await fourth.until((text) => text.endsWith(manifest))
        fourth.socket.destroy()
      },
      { limits: { maxConnectionsPerPeer: 2 } },
    )
  })

  it("closes a connection that sends its headers too slowly", async () => {
    await withHttp(
      async ({ port }) => {
        const client = await RawHttp.open(port)
        client.send("GET /d/k/ota.json HTTP/1.1\r\nHost: x\r\n")
        await client.closed
        expect(client.text).toMatch(/^(HTTP\/1\.1 408 .*)?/)
        expect(client.text).not.toContain("200 OK")
      },
      { limits: { headersTimeoutMs: 100 } },
    )
  })

  it("answers or closes whatever bytes come, and serves the next client", async () => {
    await withHttp(async ({ port }) => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
          const client = await RawHttp.open(port)
          client.socket.end(bytes)
          await client.closed
          expect(client.text === "" || /^HTTP\/1\.1 [45]\d\d /.test(client.text)).toBe(true)
        }),
        { numRuns: 60 },
      )
      const after = await exchange(port, closing("/d/k/ota.json"))
      expect(after.text).toContain(manifest)
    })
  })

  it("survives a request cut at every byte", async () => {
    await withHttp(async ({ port, host }) => {
      const request = deviceRequest("/d/k/ota.json")
      for (let length = 0; length < request.length; length++) {
        const client = await RawHttp.open(port)
        client.socket.end(request.slice(0, length))
        await client.closed
      }
      expect(host.reads).toBe(0)
      expect((await exchange(port, closing("/d/k/ota.json"))).text).toContain(manifest)
    })
  })
})

describe("calls to the device HTTP server", () => {
  const post = (body: string, length = body.length): string =>
    `POST /agent/v1/report HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`
  const calling = (answer: DeviceCalls["answer"]) => {
    const host = new NotingHost()
    return Object.assign(host, { calls: { prefix: "/agent/", maxBodyBytes: 10, turnAway: () => null, answer } })
  }
  const json = { status: 200, contentType: "application/json" } as const

  it("hand over method, path, query, authorization and body, and answer with an exact length", async () => {
    const seen: unknown[] = []
    const host = calling(({ method, path, query, authorization, body }) => {
      seen.push([method, path, query, authorization, new TextDecoder().decode(body)])
      return Promise.resolve({ ...json, body: '{"é":1}' })
    })
    await withHttp(
      async ({ port }) => {
        const posted = await exchange(port, post("hello"))
        expect(posted.text).toContain("Content-Length: 8\r\n")
        await exchange(port, closing("/agent/v1/work?wait=3&version=A"))
        expect((await exchange(port, closing("/d/k/ota.json"))).text).toContain(manifest)
      },
      { host },
    )
    expect(seen).toEqual([
      ["POST", "/agent/v1/report", "", "Bearer t", "hello"],
      ["GET", "/agent/v1/work", "wait=3&version=A", "", ""],
    ])
  })

  it("refuse a body that is longer than allowed, however it is announced", async () => {
    const host = calling(() => Promise.reject(new Error("must not be asked")))
    const chunked =
      "POST /agent/v1/report HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n12345678901234567890\r\n0\r\n\r\n"
    await withHttp(
      async ({ port }) => {
        for (const request of [post("12345678901"), post("", 4_000_000_000), chunked]) {
          expect((await exchange(port, request)).text).toMatch(/^HTTP\/1.1 413 /)
        }
      },
      { host },
    )
  })

  it("tell the host when the caller has gone, and answer 503 when the host fails", async () => {
    let gone = (): void => undefined
    const left = new Promise<void>((resolve) => (gone = resolve))
    let ask = (): void => undefined
    const asked = new Promise<void>((resolve) => (ask = resolve))
    const host = calling(({ signal, path }) => {
      if (path === "/agent/fail") return Promise.reject(new Error("broken"))
      ask()
      return new Promise((resolve) =>
        signal.addEventListener("abort", () => {
          gone()
          resolve({ ...json, body: "{}" })
        }),
      )
    })
    await withHttp(
      async ({ port }) => {
        expect((await exchange(port, closing("/agent/fail"))).text).toMatch(/^HTTP\/1.1 503 /)
        const client = await RawHttp.open(port)
        client.send(deviceRequest("/agent/wait"))
        await asked
        client.socket.destroy()
        await left
      },
      { host },
    )
  })
})
