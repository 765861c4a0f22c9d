import { existsSync } from "node:fs"
import { join } from "node:path"
import fastifyStatic from "@fastify/static"
import type { FastifyContextConfig, FastifyInstance, FastifyReply } from "fastify"

/** Nothing from elsewhere, no inline script or style, no frame around it, no markup from text. */
const policy = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ")

/** First parts of the addresses that are pages; each of them gets the one document. */
const pages = ["devices", "firmware", "rollouts", "channels", "practice", "audit", "settings"]
/** Files beside the document whose names do not change with their content. */
const named = ["theme.js", "icon.svg"]

const open = { schema: { hide: true }, config: { permit: null } as FastifyContextConfig }

/**
 * Serves the web console from the folder that the build made. The files are the same for everybody and hold no secret:
 * whoever reads them still has to sign in. Does nothing where the console was not built.
 */
export async function serveConsole(api: FastifyInstance, folder: string): Promise<void> {
  if (!existsSync(join(folder, "index.html"))) return
  await api.register(fastifyStatic, { root: folder, serve: false, preCompressed: true, cacheControl: false })
  const page = (reply: FastifyReply): FastifyReply => send(reply, "index.html", "no-cache")
  api.get("/", open, (_request, reply) => page(reply))
  for (const name of pages) {
    api.get(`/${name}`, open, (_request, reply) => page(reply))
    api.get(`/${name}/*`, open, (_request, reply) => page(reply))
  }
  for (const name of named) api.get(`/${name}`, open, (_request, reply) => send(reply, name, "no-cache"))
  api.get<{ Params: { "*": string } }>("/assets/*", open, ({ params }, reply) =>
    // Their names are made from their content.
    send(reply, `assets/${params["*"]}`, "public, max-age=31536000, immutable"),
  )
}

function send(reply: FastifyReply, file: string, cache: string): FastifyReply {
  return reply
    .headers({
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "cache-control": cache,
    })
    .sendFile(file)
}
