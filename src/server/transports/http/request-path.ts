/** The path of a request target: origin form or absolute form, query and fragment cut off. Null = no path at all. */
export function requestPath(target: string): string | null {
  const origin = target.startsWith("/") ? target : target.replace(/^https?:\/\/[^/?#]*/i, "")
  const path = /^[^?#]*/.exec(origin)?.[0] ?? ""
  if (path === "" && origin !== target) return "/"
  return path.startsWith("/") ? path : null
}
