import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { latin1 } from "../../kit/bytes.ts"
import { MalformedMessage } from "../../kit/malformed-message.ts"
import { encodeReply, formatReply, isPreliminary } from "./reply.ts"
import { ReplyCutter } from "./reply-cutter.ts"
import vectors from "./vectors.json" with { type: "json" }

describe("the reply cutter", () => {
  it("reads the replies of the documents at every cut", () => {
    for (const { text, code, lines } of vectors.replies) {
      const bytes = latin1(text)
      for (let cut = 0; cut <= bytes.length; cut++) {
        const cutter = new ReplyCutter()
        const replies = [...cutter.push(bytes.subarray(0, cut)), ...cutter.push(bytes.subarray(cut))]
        expect(replies).toEqual([{ code, lines }])
        expect(cutter.isMidReply).toBe(false)
      }
    }
  })

  it("reads several replies of one packet in their order", () => {
    const replies = new ReplyCutter().push(latin1("150 Opening\r\n226 Done\r\n"))
    expect(replies.map((reply) => reply.code)).toEqual([150, 226])
    expect(replies.map(isPreliminary)).toEqual([true, false])
  })

  it("refuses what is no reply, and a reply without end", () => {
    expect(() => new ReplyCutter().push(latin1("SSH-2.0-OpenSSH\r\n"))).toThrow(MalformedMessage)
    expect(() => new ReplyCutter().push(latin1("220 ".padEnd(4000, "x")))).toThrow("line too long")
    const cutter = new ReplyCutter({ maxLineBytes: 100, maxReplyBytes: 1000 })
    expect(() => cutter.push(latin1("220-hello\r\n".padEnd(2000, "more\r\n")))).toThrow("reply too long")
  })

  it("ends random bytes in replies or in MalformedMessage", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          new ReplyCutter().push(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessage)
        }
      }),
    )
  })
})

describe("a reply", () => {
  it("survives encode and decode, whatever its lines hold", () => {
    const words = fc.string({ maxLength: 40 }).filter((text) => !/[\0-\x1f\x7f]/.test(text) && !text.startsWith(" "))
    fc.assert(
      fc.property(fc.array(words, { minLength: 1, maxLength: 5 }), (lines) => {
        const [reply, ...others] = new ReplyCutter().push(encodeReply(211, ...lines))
        expect(others).toEqual([])
        expect(reply?.lines.map((line) => line.replace(/^ /, ""))).toEqual(lines)
      }),
    )
  })

  it("lets no control character of a name begin a second reply", () => {
    expect(formatReply(550, "a\r\n230 Logged in")).toBe("550 a??230 Logged in\r\n")
  })

  it("has words of its own when nothing better is said", () => {
    expect(formatReply(226)).toBe("226 Transfer complete\r\n")
  })
})
