import { describe, expect, it } from "vitest"
import { gsmConversation } from "./gsm.ts"
import { quectelConversation } from "./quectel.ts"

// A modem that misbehaves in every way that has been reported, by seed; `npm run bench bad-modem` runs a hundred thousand.

const conversations = { quectel: quectelConversation, gsm: gsmConversation } as const

/** Seeds that once found a lie. */
const found: Readonly<Record<keyof typeof conversations, readonly number[]>> = {
  quectel: [6, 79, 185, 235, 242, 339],
  gsm: [],
}

describe.each(Object.keys(conversations) as (keyof typeof conversations)[])("a bad modem: %s", (name) => {
  it("is never believed into a lie", async () => {
    for (const seed of [...found[name], ...Array.from({ length: 400 }, (_, index) => index)]) {
      const { lies } = await conversations[name](seed)
      expect(lies, `seed ${seed}`).toEqual([])
    }
  })
})
