/** Compares with `*` for any characters, in linear time: no regular expression made from the operator's text. */
export function glob(pattern: string): (value: string) => boolean {
  const parts = pattern.split("*")
  if (parts.length === 1) return (value) => value === pattern
  const first = parts[0] ?? ""
  const last = parts.at(-1) ?? ""
  return (value) => {
    if (value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last)) return false
    let at = first.length
    const end = value.length - last.length
    for (const part of parts.slice(1, -1)) {
      const found = value.indexOf(part, at)
      if (found < 0 || found + part.length > end) return false
      at = found + part.length
    }
    return true
  }
}
