import { type Body, LinkError } from "../../body.ts"

/** A body whose connections cannot be had, or cannot be written to. */
export function brokenBody(body: Body, kind: "dns" | "refused" | "send"): Body {
  return {
    ...body,
    net: {
      listenOnce: (beside) => body.net.listenOnce(beside),
      connect: async (target) => {
        if (kind === "dns") throw new LinkError("dns", `no address for ${target.host}`)
        if (kind === "refused") throw new LinkError("refused", `${target.host}:${target.port} refused the connection`)
        const stream = await body.net.connect(target)
        return {
          localHost: stream.localHost,
          read: (most, timeoutMs) => stream.read(most, timeoutMs),
          write: () => Promise.reject(new LinkError("reset", "the request could not be sent")),
          end: () => stream.end(),
          destroy: () => stream.destroy(),
        }
      },
    },
  }
}
