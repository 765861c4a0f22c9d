/** Bytes of a file from `from` up to and without `to`. */
export type ByteSpan = readonly [from: number, to: number]

/** Spans with one more among them: sorted, and joined where they touch. An empty span adds nothing. */
export function withSpan(spans: readonly ByteSpan[], from: number, to: number): readonly ByteSpan[] {
  if (to <= from) return spans
  const joined: ByteSpan[] = []
  for (const [a, b] of [...spans, [from, to] as const].toSorted((one, other) => one[0] - other[0])) {
    const last = joined.at(-1)
    if (last === undefined || last[1] < a) joined.push([a, b])
    else if (last[1] < b) joined[joined.length - 1] = [last[0], b]
  }
  return joined
}

/** Spans without these bytes. */
export function withoutSpan(spans: readonly ByteSpan[], from: number, to: number): readonly ByteSpan[] {
  return spans
    .flatMap(([a, b]): ByteSpan[] => [
      [a, Math.min(b, from)],
      [Math.max(a, to), b],
    ])
    .filter(([a, b]) => b > a)
}

/** Whether every byte of a file of that size is in the spans; a file of no bytes is not. */
export function coversFile(spans: readonly ByteSpan[], sizeBytes: number): boolean {
  const [first] = spans
  return sizeBytes > 0 && spans.length === 1 && first !== undefined && first[0] === 0 && first[1] >= sizeBytes
}

/** How many bytes the spans hold. */
export function bytesIn(spans: readonly ByteSpan[]): number {
  return spans.reduce((sum, [from, to]) => sum + to - from, 0)
}
