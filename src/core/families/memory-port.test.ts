import { describe, expect, it } from "vitest"
import { fromLatin1, latin1 } from "../kit/bytes.ts"
import { MemoryPort } from "./memory-port.ts"

function host(port: MemoryPort) {
  const seen: string[] = []
  const open = port.open({ receive: (bytes) => seen.push(fromLatin1(bytes)), vanish: () => seen.push("(gone)") })
  return { seen, open }
}

describe("a module's port in memory", () => {
  it("is there once the module attaches it, and carries bytes both ways", async () => {
    const port = new MemoryPort()
    expect(port.open({ receive: () => undefined, vanish: () => undefined })).toBeNull()
    port.attach()
    const { seen, open } = host(port)
    expect(port.isOpen()).toBe(true)
    port.write(latin1("RDY"))
    expect(seen).toEqual(["RDY"])
    const reading = port.read(10)
    open?.write(latin1("AT"))
    open?.write(latin1("I\r"))
    expect(fromLatin1(await reading)).toBe("AT")
    expect(fromLatin1(await port.read(1))).toBe("I")
    expect(fromLatin1(await port.read(10))).toBe("\r")
  })

  it("loses what is sent while nobody has it open", () => {
    const port = new MemoryPort()
    port.attach()
    port.write(latin1("START"))
    const { seen } = host(port)
    expect(seen).toEqual([])
  })

  it("vanishes from its hosts and returns, and an old host types into nothing", async () => {
    const port = new MemoryPort()
    const moments: string[] = []
    port.watch({ attached: () => moments.push("attached"), detached: () => moments.push("detached") })
    port.attach()
    const before = host(port)
    port.detach()
    expect(before.seen).toEqual(["(gone)"])
    port.attach()
    before.open?.write(latin1("late"))
    const after = host(port)
    after.open?.write(latin1("now"))
    expect(fromLatin1(await port.read(10))).toBe("now")
    expect(moments).toEqual(["attached", "detached", "attached"])
  })

  it("keeps no more of what is typed than a real one", async () => {
    const port = new MemoryPort()
    port.attach()
    const { open } = host(port)
    for (let n = 0; n < 100; n++) open?.write(new Uint8Array(1024))
    let bytes = 0
    for (let n = 0; n < 64; n++) bytes += (await port.read(1024)).length
    expect(bytes).toBe(65_536)
    open?.write(latin1("x"))
    expect((await port.read(9)).length).toBe(1)
  })

  it("is dead without power", async () => {
    const port = new MemoryPort()
    port.attach()
    const { seen } = host(port)
    const reading = port.read(1)
    port.powerOff(new Error("off"))
    await expect(reading).rejects.toThrow("off")
    await expect(port.read(1)).rejects.toThrow("off")
    port.attach()
    expect(port.isAttached).toBe(false)
    expect(seen).toEqual(["(gone)"])
  })

  it("tells of its lines", () => {
    const port = new MemoryPort()
    const lines: string[] = []
    port.watch({ lineChanged: (line, isOn) => lines.push(`${line} ${String(isOn)}`) })
    port.setLine("DCD", true)
    expect(lines).toEqual(["DCD true"])
  })
})
