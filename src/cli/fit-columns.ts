/** A column is never made narrower than this: less says nothing. */
const narrowest = 12
const gap = 2

/**
 * Widths for columns so that a line takes at most `most` characters: the widest give way first. Where even that does not
 * fit, lines are longer than the terminal.
 */
export function fitColumns(widths: readonly number[], most: number): readonly number[] {
  const room = most - gap * (widths.length - 1)
  let cap = Math.max(narrowest, ...widths)
  const capped = (): readonly number[] => widths.map((width) => Math.min(width, cap))
  while (cap > narrowest && capped().reduce((sum, width) => sum + width, 0) > room) cap -= 1
  return capped()
}

/** Cuts in the middle, since an id's or a version's end tells it apart: `AG35CEVA…5A07M4G`. */
export function cutMiddle(text: string, most: number): string {
  if (text.length <= most) return text
  const head = Math.ceil((most - 1) / 2)
  return `${text.slice(0, head)}…${text.slice(text.length - (most - 1 - head))}`
}
