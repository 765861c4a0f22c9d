import { describe, expect, it } from "vitest"
import { fromLatin1, latin1 } from "../../../kit/bytes.ts"
import { boardImage, digestOf, manifestUrl, release, TestBoard } from "./board.testing.ts"
import { boardFaults } from "./faults.ts"
import { ok, serving } from "./memory-board.testing.ts"
import { resultWords } from "../result-codes.ts"

const nothing = serving({})

describe("a virtual board", () => {
  it("leaves its factory with version 1 and finds nothing newer in a manifest for version 1", async () => {
    const board = new TestBoard()
    const end = await board.poll(release(1))
    expect(end).toEqual({
      code: "UPDATE_NOTAVAILABLE",
      words: resultWords.UPDATE_NOTAVAILABLE,
      running: { version: "1" },
    })
  })

  it("asks with the request the hardware sends: path and host without a port, nothing else", async () => {
    const board = new TestBoard()
    await board.poll(release(1))
    expect(board.requests).toEqual(["GET /d/k/ota.json HTTP/1.1\r\nHost: 10.0.0.2\r\n\r\n"])
  })

  it("fetches a newer version, restarts into it and leaves it alone at its next poll", async () => {
    const board = new TestBoard()
    expect(await board.poll(release(2))).toMatchObject({ code: "DB_ENTRY_SUCCESS", running: { version: "2" } })
    expect(board.requests).toHaveLength(2)
    expect(await board.poll(release(2))).toMatchObject({ code: "UPDATE_NOTAVAILABLE", running: { version: "2" } })
    expect(board.requests).toHaveLength(1)
  })

  it("prints the events of the service in their order", async () => {
    const board = new TestBoard()
    await board.poll(release(2))
    const events = board.lines
      .filter((line) => line.startsWith("SYS_OTA_EVENT_"))
      .map((line) => line.slice(14).replace(/:.*/, ""))
    expect(events).toEqual([
      "UPDATE_CHECK_START",
      "UPDATE_AVAILABLE",
      "DOWNLOAD_START",
      "DOWNLOAD_SUCCESS",
      "IMAGE_DIGEST_VERIFY_START",
      "IMAGE_DIGEST_VERIFY_SUCCESS",
      "DB_ENTRY_SUCCESS",
    ])
  })

  it("keeps what it runs when its power is cut between polls", async () => {
    const board = new TestBoard()
    await board.poll(release(2))
    board.powerOff()
    expect(await board.poll(nothing)).toMatchObject({ code: "UPDATE_CHECK_FAILED:1", running: { version: "2" } })
  })

  it("tries a failed check again at its next period", async () => {
    const board = new TestBoard()
    await board.poll(nothing)
    expect(await board.poll(release(2))).toMatchObject({ code: "DB_ENTRY_SUCCESS" })
  })

  it("is idle until a reset after a wrong digest, keeps the old program and deletes the file", async () => {
    const board = new TestBoard()
    const wrong = { ...release(2), "/d/k/v2.bin": boardImage(3) }
    expect(await board.poll(wrong)).toMatchObject({ code: "IMAGE_DIGEST_VERIFY_FAILED", running: { version: "1" } })
    expect(await board.poll(release(2))).toMatchObject({
      code: "IMAGE_DIGEST_VERIFY_FAILED",
      running: { version: "1" },
    })
    expect(board.requests).toHaveLength(0)
    await board.poll(nothing, { console: "sysota getfs info" })
    expect(board.lines.join("\n")).not.toContain("v2.bin")
    board.powerOff()
    expect(await board.poll(release(2))).toMatchObject({ code: "DB_ENTRY_SUCCESS", running: { version: "2" } })
  })

  it("waits 1000 seconds for the rest of a short image, for it does not notice the end of the connection", async () => {
    const board = new TestBoard()
    const files = release(2)
    const end = await board.poll((request) => {
      const answer = serving(files)(request)
      if (!request.includes(".bin")) return answer
      return { segments: [(answer.segments[0] ?? new Uint8Array(0)).subarray(0, 6000)], end: "fin" }
    })
    expect(end).toMatchObject({ code: "DOWNLOAD_FAILED:0", running: { version: "1" } })
  })

  it("fails the check after a truncated manifest too, and the one after that works", async () => {
    const board = new TestBoard()
    const whole = serving(release(2))
    const cut = await board.poll((request) => {
      const answer = whole(request)
      return { segments: [(answer.segments[0] ?? new Uint8Array(0)).subarray(0, 160)], end: "fin" }
    })
    expect(cut.code).toBe("UPDATE_CHECK_FAILED:0")
    expect((await board.poll(release(2))).code).toBe("UPDATE_NOTAVAILABLE")
    expect((await board.poll(release(2))).code).toBe("DB_ENTRY_SUCCESS")
  })

  it.each([
    { model: "v3.5", most: 990 },
    { model: "v3.8", most: 1990 },
  ])("of $model takes a manifest of $most bytes and never one byte more", async ({ model, most }) => {
    const files = (size: number) => {
      const all = release(2)
      const manifest = fromLatin1(all["/d/k/ota.json"] ?? new Uint8Array(0))
      return { ...all, "/d/k/ota.json": latin1(manifest.padStart(size, " ")) }
    }
    expect((await new TestBoard(model).poll(files(most))).code).toBe("DB_ENTRY_SUCCESS")
    const board = new TestBoard(model)
    expect((await board.poll(files(most + 1))).code).toBe("UPDATE_CHECK_FAILED:0")
    expect((await board.poll(release(2))).code).toBe("UPDATE_NOTAVAILABLE")
    expect((await board.poll(release(2))).code).toBe("DB_ENTRY_SUCCESS")
  })

  it("of v3.5.0 needs headers and manifest in one segment, later ones do not", async () => {
    const apart = (model: string) => (request: string) => {
      const image = boardImage(2, { model })
      const bytes = serving(release(2, image))(request).segments[0] ?? new Uint8Array(0)
      return request.includes(".bin")
        ? ok(image)
        : ({ segments: [bytes.subarray(0, 120), bytes.subarray(120)], end: "open" } as const)
    }
    expect((await new TestBoard("v3.5-low-slot").poll(apart("v3.5-low-slot"))).code).toBe("UPDATE_NOTAVAILABLE")
    expect((await new TestBoard("v3.8").poll(apart("v3.8"))).code).toBe("DB_ENTRY_SUCCESS")
    const image = boardImage(2, { model: "v3.5-low-slot" })
    expect((await new TestBoard("v3.5-low-slot").poll(release(2, image))).running.version).toBe("2")
  })

  it("crashes and restarts when the URL has 100 characters", async () => {
    const image = boardImage(2)
    const url = "http://10.0.0.2:8081/d/k/".padEnd(96, "a")
    const manifest = (suffix: string) =>
      latin1(`{"ota":[{"Version":2,"URL":"${url}${suffix}","Digest":"${digestOf(image)}","EraseVer":false}]}`)
    const path = url.slice("http://10.0.0.2:8081".length)
    const board = new TestBoard()
    expect((await board.poll({ "/d/k/ota.json": manifest(".bin") })).code).toBe("URL_OVERFLOW")
    const fits = { "/d/k/ota.json": manifest(".bi"), [`${path}.bi`]: image }
    expect(await board.poll(fits)).toMatchObject({ code: "DB_ENTRY_SUCCESS", running: { version: "2" } })
  })

  it("runs into the update loop when its version constant stays below the manifest's", async () => {
    const board = new TestBoard()
    const loop = release(5, boardImage(3))
    for (let round = 0; round < 3; round++) {
      expect(await board.poll(loop)).toMatchObject({ code: "DB_ENTRY_SUCCESS", running: { version: "3" } })
      expect(board.requests).toHaveLength(2)
    }
  })

  it("takes a program without a mark to be compiled as the version it was published as", async () => {
    const image = boardImage(0)
    image.fill(0x55, 4096)
    const board = new TestBoard()
    expect(await board.poll(release(12, image))).toMatchObject({ running: { version: "12" } })
    expect((await board.poll(release(12, image))).code).toBe("UPDATE_NOTAVAILABLE")
  })

  it("polls again from idle when an application triggers a check", async () => {
    const board = new TestBoard()
    await board.poll({ ...release(2), "/d/k/v2.bin": boardImage(3) })
    expect((await board.poll(release(2), { console: "sysota ctrl 1" })).code).toBe("DB_ENTRY_SUCCESS")
  })

  it("has its console: settings, information and files", async () => {
    const board = new TestBoard()
    const settings = `sysota set 1 0 1 30 ${manifestUrl}\nsysota get info\nsysota getfs info\nsysota set factory sign QUJD\nsysota what`
    expect((await board.poll(release(2), { console: settings })).code).toBe("DB_ENTRY_SUCCESS")
    const text = board.lines.join("\n")
    expect(text).toContain("periodic 1, every 30 s")
    expect(text).toContain("factory_reset.bin 913408")
    expect(text).toContain("unknown command")
    expect(text).not.toContain("application: resetting")
    await board.poll(nothing, { console: "sysota getfs info" })
    expect(board.lines.join("\n")).toContain("factory_image_sign.txt 4")
  })

  it.each(boardFaults.map((fault) => ({ ...fault })))("with the fault $name ends in $code", async ({ name, code }) => {
    for (const model of ["v3.8", "v3.5"]) {
      const board = new TestBoard(model)
      const end = await board.poll(release(2), { fault: name })
      expect(end.code).toBe(code)
      expect(end.words).toBe(resultWords[code])
      expect(["1", "2"]).toContain(end.running.version)
    }
  })
})
