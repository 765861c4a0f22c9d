import { type Body, LinkError } from "../body.ts"

/** A body whose connections cannot be had, or cannot be written to. */
export function brokenBody(body: Body, kind: "dns" | "refused" | "send"): Body {
  return {
    ...body,
    net: {
      ...body.net,
      connect: async (target) => {
        if (kind === "dns") throw new LinkError("dns", `no address for ${target.host}`)
        if (kind === "refused") throw new LinkError("refused", `${target.host}:${target.port} refused the connection`)
        const stream = await body.net.connect(target)
        return { ...stream, write: () => Promise.reject(new LinkError("reset", "the request could not be sent")) }
      },
    },
  }
}
