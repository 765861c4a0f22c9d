import { describe, expect, it } from "vitest"
import { everyCut } from "./cuts.ts"
import { gsmConversation } from "./gsm.ts"
import { quectelConversation } from "./quectel.ts"
import { smppConversation } from "./smpp.ts"
import { telitConversation } from "./telit.ts"

// A modem, or a service centre, that misbehaves in every way that has been reported, by seed; `npm run bench bad-modem` runs a hundred thousand, and every
// break of many more conversations.

const conversations = {
  quectel: quectelConversation,
  telit: telitConversation,
  gsm: gsmConversation,
  smpp: smppConversation,
} as const
type Name = keyof typeof conversations

/** Seeds that once found a lie. */
const found: Readonly<Record<Name, readonly number[]>> = {
  quectel: [6, 79, 185, 235, 242, 339],
  telit: [1, 2, 5, 255, 272],
  gsm: [],
  smpp: [1, 4, 94, 3140],
}
const counts: Readonly<Record<Name, number>> = { quectel: 400, telit: 100, gsm: 400, smpp: 400 }
/** Whose conversation is broken behind each of its bytes. */
const broken: Readonly<Record<Name, number>> = { quectel: 2, telit: 0, gsm: 9, smpp: 11 }

describe.each(Object.keys(conversations) as Name[])("a bad modem or centre: %s", (name) => {
  it("is never believed into a lie", async () => {
    for (const seed of [...found[name], ...Array.from({ length: counts[name] }, (_, index) => index)]) {
      const { lies } = await conversations[name](seed)
      expect(lies, `seed ${seed}`).toEqual([])
    }
  })

  it("is never believed into a lie by a break behind any byte, once or twice", async () => {
    const { bytes } = await conversations[name](broken[name], [])
    const once = everyCut(bytes, 1).filter((cuts) => cuts.length === 1)
    const twice = everyCut(bytes, 5).filter((cuts) => cuts.length === 2)
    for (const cuts of [...once, ...twice]) {
      const { lies } = await conversations[name](broken[name], cuts)
      expect(lies, JSON.stringify(cuts)).toEqual([])
    }
  })
})
