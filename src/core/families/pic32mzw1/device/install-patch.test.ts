import { describe, expect, it } from "vitest"
import { makeJojodiff, padJojodiff } from "../../../delta/index.ts"
import { latin1 } from "../../../kit/bytes.ts"
import { boardImage, patchRelease, release, TestBoard } from "./board.testing.ts"
import { serving } from "./memory-board.testing.ts"
import { resultWords } from "../result-codes.ts"

const nothing = serving({})

async function boardWith(version: number, model = "v3.8"): Promise<TestBoard> {
  const board = new TestBoard(model)
  await board.poll(release(version, boardImage(version, { model })))
  return board
}

const pathOf = (request: string): string => /^GET (\S+) /.exec(request)?.[1] ?? ""

describe("a board that is offered a patch", () => {
  it("fetches the patch instead of the image, makes the new image from its base and restarts into it", async () => {
    const board = await boardWith(2)
    const end = await board.poll(patchRelease(2, 3))
    expect(end).toEqual({
      code: "DB_ENTRY_SUCCESS",
      words: resultWords.DB_ENTRY_SUCCESS,
      running: { version: "3" },
    })
    expect(board.requests.map(pathOf)).toEqual(["/d/k/ota.json", "/d/k/v3-p2.patch"])
    const flash = board.chips.get("program-flash") ?? new Uint8Array(0)
    const code = boardImage(3).subarray(4096)
    expect(flash.slice(0x21000, 0x21000 + code.length)).toEqual(code)
  })

  it("prints the events of the service in their order", async () => {
    const board = await boardWith(2)
    await board.poll(patchRelease(2, 3))
    const events = board.lines.filter((line) => line.startsWith("SYS_OTA_EVENT_"))
    expect(events.map((line) => line.slice(14).replace(/:.*/, ""))).toEqual([
      "UPDATE_CHECK_START",
      "UPDATE_AVAILABLE",
      "PATCH_EVENT_START",
      "DOWNLOAD_START",
      "DOWNLOAD_SUCCESS",
      "PATCH_IMAGE_DIGEST_VERIFY_START",
      "PATCH_IMAGE_DIGEST_VERIFY_SUCCESS",
      "PATCH_EVENT_COMPLETED",
      "IMAGE_DIGEST_VERIFY_START",
      "IMAGE_DIGEST_VERIFY_SUCCESS",
      "DB_ENTRY_SUCCESS",
    ])
  })

  it("keeps no patch, and both images", async () => {
    const board = await boardWith(2)
    await board.poll(patchRelease(2, 3))
    await board.poll(nothing, { console: "sysota getfs info" })
    const text = board.lines.join("\n")
    expect(text).not.toContain(".patch")
    expect(text).toContain(`v2.bin ${boardImage(2).length}`)
    expect(text).toContain(`v3-p2.bin ${boardImage(3).length}`)
  })

  it("of a base that it does not hold fetches the whole image", async () => {
    const board = await boardWith(2)
    expect(await board.poll(patchRelease(4, 5))).toMatchObject({ code: "DB_ENTRY_SUCCESS", running: { version: "5" } })
    expect(board.requests.map(pathOf)).toEqual(["/d/k/ota.json", "/d/k/v5.bin"])
  })

  it("finds a base from version 10 on by the number it reads back", async () => {
    const board = await boardWith(12)
    expect(await board.poll(patchRelease(12, 13))).toMatchObject({ running: { version: "13" } })
    expect(board.requests.map(pathOf)).toEqual(["/d/k/ota.json", "/d/k/v13-p12.patch"])
  })

  const patch = makeJojodiff(boardImage(2), boardImage(3))
  it.each([
    ["arrives changed", { patch: padJojodiff(patch, 5001) }, "PATCH_IMAGE_DIGEST_VERIFY_FAILED"],
    ["makes another image than the manifest says", { target: boardImage(4) }, "IMAGE_DIGEST_VERIFY_FAILED"],
    ["is no JojoDiff patch", { announced: latin1("x".repeat(5000)) }, "PATCH_FAILED"],
    ["makes an image that no slot holds", { announced: endless() }, "PATCH_FAILED"],
    ["is too short for the service", { announced: patch.slice(0, 4096) }, "DOWNLOAD_FAILED:0"],
  ] as const)("that %s keeps its program and waits for a reset", async (_, change, code) => {
    const board = await boardWith(2)
    expect(await board.poll(patchRelease(2, 3, change))).toMatchObject({ code, running: { version: "2" } })
    expect((await board.poll(patchRelease(2, 3))).code).toBe(code)
    board.powerOff()
    expect(await board.poll(patchRelease(2, 3))).toMatchObject({ running: { version: "3" } })
  })

  it("and built without patches does not look at it", async () => {
    const model = "v3.5-low-slot"
    const board = await boardWith(2, model)
    expect(await board.poll(patchRelease(2, 3, { model }))).toMatchObject({ running: { version: "3" } })
    expect(board.requests.map(pathOf)).toEqual(["/d/k/ota.json", "/d/k/v3.bin"])
  })

  it("of v3.9.1 takes the patch for an image, finds its digest wrong and waits for a reset", async () => {
    const board = await boardWith(2, "v3.9.1")
    const end = await board.poll(patchRelease(2, 3))
    expect(end).toMatchObject({ code: "IMAGE_DIGEST_VERIFY_FAILED", running: { version: "2" } })
  })
})

/** A patch that copies a whole old image over and over. */
function endless(): Uint8Array {
  const length = boardImage(2).length
  const low = length & 255
  const high = length >> 8
  const once = [0xa7, 0xa3, 253, high, low, 0xa7, 0xa2, 253, high, low]
  return Uint8Array.from({ length: 10 * 500 }, (_, i) => once[i % 10] ?? 0)
}
