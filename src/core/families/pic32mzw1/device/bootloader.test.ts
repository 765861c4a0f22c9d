import { describe, expect, it } from "vitest"
import { fromLatin1 } from "../../../kit/bytes.ts"
import { boardImage, digestOf, manifestUrl, release, TestBoard } from "./board.testing.ts"
import { FlashFiles } from "./flash-files.ts"
import { readBootControl } from "../codec/image.ts"
import { memoryBoard, serving } from "./memory-board.testing.ts"
import { sectorBytes } from "../models.ts"

const nothing = serving({})

function control(board: TestBoard) {
  return readBootControl(board.chips.get("program-flash")?.subarray(0x20000, 0x21000) ?? new Uint8Array(0))
}

async function files(board: TestBoard): Promise<FlashFiles> {
  const body = memoryBoard({ chips: board.chips }).body
  return FlashFiles.mount(await body.storage.memory("sst26-flash", { sizeBytes: 0x400000, sectorBytes }))
}

async function database(board: TestBoard): Promise<string> {
  return fromLatin1(await (await files(board)).readAll("image_database.csv"))
}

/** Whether the next start programs the flash. */
async function programsAtReset(board: TestBoard): Promise<boolean> {
  board.powerOff()
  await board.poll(nothing)
  return board.lines.some((line) => line.includes("programming"))
}

describe("the bootloader", () => {
  it("keeps the factory program as factory_reset.bin at the first boot: the whole slot, with status F8 left blank in it", async () => {
    const board = new TestBoard()
    await board.poll(nothing)
    const kept = await files(board)
    expect(kept.size("factory_reset.bin")).toBe(0xdf000)
    expect((await kept.read("factory_reset.bin", 0, 1))[0]).toBe(0xff)
    expect(control(board)).toMatchObject({ status: 0xf8, type: 1, version: 1, bootAddress: 0xb0021000 })
    expect(await programsAtReset(board)).toBe(false)
  })

  it("jumps without programming when boot control and row are F8", async () => {
    const board = new TestBoard()
    await board.poll(release(2))
    expect(control(board)).toMatchObject({ status: 0xf8, type: 1, version: 2 })
    expect(await programsAtReset(board)).toBe(false)
  })

  it("still finds the row of version 99, although it reads it as 0x99", async () => {
    const board = new TestBoard()
    await board.poll(release(99))
    expect(control(board).version).toBe(0x99)
    expect(await programsAtReset(board)).toBe(false)
  })

  it("programs the flash again at every reset from version 100 on, for it casts the row's number to 8 bits", async () => {
    const board = new TestBoard()
    const image = boardImage(100)
    const server = {
      "/d/k/ota.json": new TextEncoder().encode(
        `{"ota":[{"Version":100,"URL":"http://10.0.0.2:8081/d/k/v100.bin","Digest":"${digestOf(image)}","EraseVer":false}]}`,
      ),
      "/d/k/v100.bin": image,
    }
    expect(await board.poll(server)).toMatchObject({ code: "DB_ENTRY_SUCCESS", running: { version: "100" } })
    expect(control(board).version).toBe(0x100)
    expect(await programsAtReset(board)).toBe(true)
    expect(await programsAtReset(board)).toBe(true)
  })

  it("deletes the row of an image that fails its check and starts the one before", async () => {
    const board = new TestBoard()
    await board.poll(release(2))
    expect(await board.poll(release(3), { fault: "program-write-error" })).toMatchObject({
      code: "PROGRAM_FAILED",
      running: { version: "2" },
    })
    expect(await database(board)).not.toContain("v3.bin")
  })

  it("evicts the lowest version, not the oldest, when the store is full", async () => {
    const board = new TestBoard()
    for (const version of [2, 3, 4]) await board.poll(release(version))
    const rows = await database(board)
    expect(rows).not.toContain("v2.bin")
    expect(rows).toContain("v3.bin")
    expect(rows).toContain("v4.bin")
    expect((await files(board)).names()).not.toContain("v2.bin")
  })

  it("writes versions in decimal and reads them as hexadecimal: an order to delete 10 finds nothing, 16 finds it", async () => {
    const board = new TestBoard()
    await board.poll(release(10))
    expect(await database(board)).toContain(",10,")
    expect((await board.poll(release(10, boardImage(10), true))).code).toBe("IMAGE_ERASE_FAILED")
    board.powerOff()
    expect((await board.poll(release(16, boardImage(16), true))).code).toBe("IMAGE_ERASED")
    expect(await database(board)).not.toContain("v10.bin")
  })

  it("goes on running an erased image until it must choose, and then takes another", async () => {
    const board = new TestBoard()
    await board.poll(release(2))
    expect(await board.poll(release(2, boardImage(2), true))).toMatchObject({
      code: "IMAGE_ERASED",
      running: { version: "2" },
    })
    board.powerOff()
    expect(await board.poll(nothing)).toMatchObject({ running: { version: "1" } })
  })

  it("rolls back to the next lower image when the application orders it", async () => {
    const board = new TestBoard()
    await board.poll(release(2))
    await board.poll(release(3))
    expect((await board.poll(nothing, { console: "sysota ctrl 5" })).running.version).toBe("2")
    board.powerOff()
    expect((await board.poll(nothing)).running.version).toBe("2")
  })

  it("goes back to the factory image at a factory reset and forgets the database", async () => {
    const board = new TestBoard()
    await board.poll(release(2))
    expect((await board.poll(nothing, { console: "sysota ctrl 4" })).running.version).toBe("1")
    expect(await database(board)).not.toContain("v2.bin")
    expect((await files(board)).names()).not.toContain("v2.bin")
    expect(await programsAtReset(board)).toBe(false)
    expect((await board.poll(release(2))).running.version).toBe("2")
  })

  it("starts a hanging image again for ever: there is no automatic rollback", async () => {
    const board = new TestBoard()
    for (let start = 0; start < 3; start++) {
      expect(await board.poll(release(2), { fault: "hang-after-update" })).toMatchObject({ code: "APP_HUNG" })
      expect(control(board)).toMatchObject({ status: 0xfc, version: 2 })
      board.powerOff()
    }
  })

  it("deletes images without a row at the application's start", async () => {
    const board = new TestBoard()
    await board.poll(release(2), { fault: "image-truncated" })
    expect((await files(board)).names()).toContain("v2.bin")
    board.powerOff()
    await board.poll(nothing, { console: `sysota set 1 1 1 60 ${manifestUrl}` })
    expect((await files(board)).names()).not.toContain("v2.bin")
  })
})
