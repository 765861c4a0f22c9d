import { describe, expect, it } from "vitest"
import { equalBytes } from "../../src/core/kit/bytes.ts"
import { PowerCut } from "../../src/core/families/body.ts"
import { boardImage, patchRelease, release, TestBoard } from "../../src/core/families/pic32mzw1/device/board.testing.ts"
import { type Answer, serving } from "../../src/core/families/pic32mzw1/device/memory-board.testing.ts"

const nothing = serving({})
const slotStart = 0x20000
const codeStart = slotStart + 4096

/** The code in program flash is, to the last byte, that of the version which the board says it runs. */
function runsWhole(board: TestBoard, version: string): void {
  const flash = board.chips.get("program-flash") ?? new Uint8Array(0)
  if (version === "1") {
    expect(flash[codeStart + 12]).toBe(0xff)
    expect(
      equalBytes(flash.subarray(codeStart + 200, 0xff000), new Uint8Array(0xff000 - codeStart - 200).fill(0xff)),
    ).toBe(true)
    return
  }
  const code = boardImage(Number(version)).subarray(4096)
  expect(equalBytes(flash.subarray(codeStart, codeStart + code.length), code)).toBe(true)
}

interface Story {
  /** What a contact does whose every flash operation is cut in turn. */
  readonly deed: (board: TestBoard, cutAt?: number) => Promise<unknown>
  readonly before: TestBoard
  /** Versions that may run afterwards. */
  readonly allowed: readonly string[]
  /** What the server offers from then on, and what must run in the end. */
  readonly later?: number
}

async function cutEverywhere({ deed, before, allowed, later }: Story): Promise<number> {
  const counted = before.copy()
  await deed(counted)
  for (let cutAt = 0; cutAt < counted.operations; cutAt++) {
    const board = before.copy()
    await expect(deed(board, cutAt), `operation ${cutAt}`).rejects.toThrow(PowerCut)
    board.powerOff()
    const end = await board.poll(nothing)
    expect(allowed, `after a cut at operation ${cutAt}`).toContain(end.running.version)
    runsWhole(board, end.running.version)
    if (later === undefined) continue
    await board.poll(release(later))
    expect((await board.poll(nothing)).running.version, `after a cut at operation ${cutAt}`).toBe(String(later))
  }
  return counted.operations
}

async function boardWith(...versions: number[]): Promise<TestBoard> {
  const board = new TestBoard()
  await board.poll(nothing)
  for (const version of versions) await board.poll(release(version))
  board.powerOff()
  return board.copy()
}

const update =
  (version: number) =>
  (board: TestBoard, cutAt?: number): Promise<unknown> =>
    board.poll(release(version), cutAt === undefined ? {} : { cutAt })

const typed =
  (line: string) =>
  (board: TestBoard, cutAt?: number): Promise<unknown> =>
    board.poll(nothing, { console: line, ...(cutAt === undefined ? {} : { cutAt }) })

describe("a power cut at every flash operation of a board", () => {
  it("in its first update leaves the factory program or the new one, and the update can be done again", async () => {
    const story = { before: await boardWith(), deed: update(2), allowed: ["1", "2"], later: 2 }
    expect(await cutEverywhere(story)).toBeGreaterThan(15)
  })

  it("in a later update leaves the old, the new or the factory program", async () => {
    const story = { before: await boardWith(2, 3), deed: update(4), allowed: ["1", "3", "4"], later: 4 }
    expect(await cutEverywhere(story)).toBeGreaterThan(15)
  })

  it("in an update by a patch leaves the old, the new or the factory program, and the update can be done again", async () => {
    const patched = (board: TestBoard, cutAt?: number): Promise<unknown> =>
      board.poll(patchRelease(3, 4), cutAt === undefined ? {} : { cutAt })
    const story = { before: await boardWith(2, 3), deed: patched, allowed: ["1", "3", "4"], later: 4 }
    expect(await cutEverywhere(story)).toBeGreaterThan(20)
  })

  it("twice in an update by a patch still ends on the new program", async () => {
    const before = await boardWith(3)
    for (let first = 0; first < 40; first += 5) {
      for (let second = 0; second < 40; second += 11) {
        const board = before.copy()
        for (const cutAt of [first, second]) {
          await board
            .poll(patchRelease(3, 4), { cutAt })
            .catch((error: unknown) => expect(error).toBeInstanceOf(PowerCut))
          board.powerOff()
        }
        await board.poll(patchRelease(3, 4))
        const end = await board.poll(nothing)
        expect(end.running.version, `cut at ${first} and ${second}`).toBe("4")
        runsWhole(board, "4")
      }
    }
  })

  it("in its first boot, in which the factory image is kept, leaves a program that runs", async () => {
    const story = { before: new TestBoard(), deed: update(1), allowed: ["1"], later: 2 }
    expect(await cutEverywhere(story)).toBeGreaterThan(200)
  })

  it("in a rollback leaves the program before, the one after or the factory's", async () => {
    await cutEverywhere({ before: await boardWith(2, 3), deed: typed("sysota ctrl 5"), allowed: ["1", "2", "3"] })
  })

  it("in a factory reset leaves the program before or the factory's", async () => {
    await cutEverywhere({ before: await boardWith(2), deed: typed("sysota ctrl 4"), allowed: ["1", "2"] })
  })

  it("in an order to delete an image leaves the program that ran or the factory's", async () => {
    const erase = (board: TestBoard, cutAt?: number): Promise<unknown> =>
      board.poll(release(2, boardImage(2), true), cutAt === undefined ? {} : { cutAt })
    await cutEverywhere({ before: await boardWith(2), deed: erase, allowed: ["1", "2"] })
  })
})

describe("a connection that is cut", () => {
  const image = boardImage(2)
  const whole = serving(release(2, image))

  function cutting(what: "ota.json" | ".bin", at: number, end: "rst" | "fin"): (request: string) => Answer {
    return (request) => {
      const answer = whole(request)
      if (!request.includes(what)) return answer
      return { segments: [(answer.segments[0] ?? new Uint8Array(0)).subarray(0, at)], end }
    }
  }

  const headerBytes = (path: string): number => {
    const bytes = whole(`GET ${path} `).segments[0] ?? new Uint8Array(0)
    return Buffer.from(bytes).indexOf("\r\n\r\n") + 4
  }

  it("at every byte of the image's headers never has a wrong image programmed", async () => {
    const before = await boardWith()
    for (let at = 0; at <= headerBytes("/d/k/v2.bin"); at++) {
      for (const end of ["rst", "fin"] as const) {
        const board = before.copy()
        const result = await board.poll(cutting(".bin", at, end))
        expect(result).toMatchObject({
          code: end === "rst" ? "DOWNLOAD_FAILED:6" : "DOWNLOAD_FAILED:0",
          running: { version: "1" },
        })
        runsWhole(board, "1")
      }
    }
  })

  it("at every byte of the manifest's answer never has a wrong image programmed", async () => {
    const before = await boardWith()
    const length = (whole("GET /d/k/ota.json ").segments[0] ?? new Uint8Array(0)).length
    for (let at = 0; at < length; at++) {
      const board = before.copy()
      const result = await board.poll(cutting("ota.json", at, "rst"))
      expect(result).toMatchObject({ code: "UPDATE_CHECK_FAILED:6", running: { version: "1" } })
    }
  })

  it("at 200 random bytes of the body never has a wrong image programmed, and a reset cures it", async () => {
    const before = await boardWith()
    let seed = 20_260_101
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      return seed % below
    }
    for (let run = 0; run < 200; run++) {
      const board = before.copy()
      const at = headerBytes("/d/k/v2.bin") + random(image.length)
      const result = await board.poll(cutting(".bin", at, run % 2 === 0 ? "rst" : "fin"))
      expect(result.code).toBe(run % 2 === 0 ? "DOWNLOAD_FAILED:6" : "DOWNLOAD_FAILED:0")
      expect(result.running.version).toBe("1")
      runsWhole(board, "1")
      if (run % 20 !== 0) continue
      board.powerOff()
      expect((await board.poll(whole)).running.version).toBe("2")
    }
  })

  it("split at every byte of the image's headers is an update or a failed one, never a wrong image", async () => {
    const before = await boardWith()
    const end = headerBytes("/d/k/v2.bin")
    for (let at = 1; at < end; at++) {
      const board = before.copy()
      const result = await board.poll((request) => {
        const answer = whole(request)
        const bytes = answer.segments[0] ?? new Uint8Array(0)
        return request.includes(".bin")
          ? { segments: [bytes.subarray(0, at), bytes.subarray(at)], end: "open" }
          : answer
      })
      // Inside CRLFCRLF the headers are never seen, and the transfer hangs (2.4).
      expect(result.code, `split at ${at}`).toBe(at > end - 4 ? "DOWNLOAD_FAILED:0" : "DB_ENTRY_SUCCESS")
      runsWhole(board, result.running.version)
    }
  })
})
