import type { AccessSide } from "../../access.ts"
import { readMemory } from "./memory.ts"

/** The URL of a device's root resource. */
export function controllerUrl(origin: string, tenant: string, id: string): string {
  return `${origin}/${tenant}/controller/v1/${id}`
}

const tokenPattern = /^[A-Za-z0-9._~+/=-]{8,128}$/

/** A device is known by its id in the URL and its target token. */
export const access: AccessSide = {
  words: "URL and target token into the device",
  enrols: true,
  hasAgent: false,
  hasLogin: false,
  make: ({ random, secret = random(32) }) =>
    tokenPattern.test(secret)
      ? { user: `ddi-${random(12)}`, secret }
      : { fault: "A target token takes 8 to 128 letters, digits or any of . _ ~ + / = -" },
  view: ({ id, access: { secret }, deviceUrl, familyState = {} }) => ({
    ddi: { url: controllerUrl(deviceUrl, readMemory(familyState).tenant, id), token: secret },
  }),
  sentence: (view) => {
    const { url = "", token = "" } = ddiOf(view)
    return `GET ${url} with the header Authorization: TargetToken ${token}`
  },
  settings: (view, listeners) => {
    const { url = "", token = "" } = ddiOf(view)
    const path = /^https?:\/\/[^/]*(.*)$/.exec(url)?.[1] ?? ""
    return { url: `http://${listeners["device-http"] ?? ""}${path}`, token }
  },
}

function ddiOf(view: { readonly [kind: string]: unknown }): { readonly url?: string; readonly token?: string } {
  return view["ddi"] ?? {}
}
