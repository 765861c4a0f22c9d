import { withoutBlanks } from "./command.ts"

/** Longest path that is looked up, in characters. Longer ones do not exist. */
export const maxPathLength = 1024

/**
 * A path in its one absolute form: `/` or `/a/b`, without `.`, `..`, `//` or a trailing slash. `..` above the root stays in
 * the root. `directory` is such a path already; an argument that begins with `/` starts from the root. `null`: no
 * such name can exist (control characters, NUL, CR and LF among them, or longer than `maxPathLength`).
 */
export function resolvePath(directory: string, argument: string): string | null {
  if (argument.length > maxPathLength || /[\0-\x1f\x7f]/.test(argument)) return null
  const parts: string[] = []
  const text = argument.startsWith("/") ? argument : `${directory}/${argument}`
  for (const part of text.split("/")) {
    if (part === "" || part === ".") continue
    if (part === "..") parts.pop()
    else parts.push(part)
  }
  const path = `/${parts.join("/")}`
  return path.length > maxPathLength ? null : path
}

/**
 * The paths that an argument may mean, in the order in which they are tried. An absolute `/X` is looked up first beneath the
 * working directory, then in the root: the SIM900 keeps the leading slash of a name after it has changed directory
 * (Waspmote GPRS, `FTPGETPATH` and `FTPGETNAME="/UPGRADE.TXT"`). The root itself is only the root. Blanks around the
 * argument belong to the name if there is such a name, and are one too many if there is not.
 */
export function lookupPaths(directory: string, argument: string): readonly string[] {
  const trimmed = withoutBlanks(argument)
  return trimmed === argument
    ? exactPaths(directory, argument)
    : [...exactPaths(directory, argument), ...exactPaths(directory, trimmed)]
}

function exactPaths(directory: string, argument: string): readonly string[] {
  const path = resolvePath(directory, argument)
  if (path === null) return []
  if (!argument.startsWith("/") || directory === "/" || path === "/") return [path]
  const beneath = resolvePath(directory, path.slice(1))
  return beneath === null ? [path] : [beneath, path]
}

/** The parent of a normalised absolute path; the root's parent is the root. */
export function parentPath(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/"
}

/** A path inside the quotation marks of a 257 reply: `"` is doubled (RFC 959 App. II). */
export function quotePath(path: string): string {
  return `"${path.replaceAll('"', '""')}"`
}
