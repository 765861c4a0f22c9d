import { type ConverseNeeds, takeMessage } from "../fleet/converse.ts"
import type { MessageHost } from "../transports/tcp/message-server.ts"
import { Strangers } from "./strangers.ts"

/** Joins messages over TCP to the fleet: message -> device -> conversation -> answers on the same connection. */
export function messageGateway(needs: ConverseNeeds, strange: (peer: string) => void): MessageHost {
  const strangers = new Strangers(strange)
  return {
    frameBytes: (head) => {
      let shortest: number | null = null
      let refusal: unknown = null
      for (const { conversation } of needs.families) {
        if (conversation === undefined) continue
        try {
          const bytes = conversation.frameBytes(head)
          if (bytes === null) return null
          shortest ??= bytes
        } catch (error) {
          refusal = error
        }
      }
      if (shortest === null) throw refusal ?? new Error("no family speaks over TCP")
      return shortest
    },
    received: async (bytes, peer) => {
      const { live, answers } = await takeMessage(needs, { kind: "message", via: "tcp", from: peer, bytes })
      if (live === null) strangers.note(peer)
      return live === null ? [{ bytes: new Uint8Array(0), isLast: true }] : answers
    },
  }
}
