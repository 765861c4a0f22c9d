/**
 * `AT+CNMI` (3GPP TS 27.005 §3.4.1): how a modem announces messages. What is best first in each: stored and announced
 * (`+CMTI`) before handed over at once (`+CMT`), reports at once (`+CDS`) before stored ones; the fifth as the modem wants it.
 */
const wishes: readonly (readonly number[])[] = [[2, 1, 3, 0], [1, 2, 0], [0], [1, 2, 0], [0, 1]]

/** For a modem that does not say which values it takes; each has been met with modems that take only it. */
const usual: readonly string[] = ["2,1,0,1,0", "2,1,0,1,1", "1,1,0,1,0", "1,1,0,1,1", "2,1,0,0,0", "2,1,0,0,1", "2,1"]

/**
 * The settings to try, the best first, from the answer to `AT+CNMI=?`: `+CNMI: (0-2),(0,1,3),(0,2),(0-2),(1)`.
 */
export function indicationSettings(answer: readonly string[]): readonly string[] {
  const text = answer.map((line) => /^\+CNMI: *(\(.*)$/i.exec(line.trim())?.[1]).find((found) => found !== undefined)
  if (text === undefined) return usual
  const groups = [...text.matchAll(/\(([^()]*)\)/g)].map(([, group = ""]) => valuesOf(group))
  const chosen = groups
    .slice(0, wishes.length)
    .map((values, at) => wishes[at]?.find((wish) => values.has(wish)) ?? Math.min(...values))
  const isWhole = chosen.length > 1 && chosen.every(Number.isFinite)
  return isWhole ? [chosen.join(","), ...usual.filter((setting) => setting !== chosen.join(","))] : usual
}

/** `0-2` and `0,1,3` and both mixed. */
function valuesOf(group: string): ReadonlySet<number> {
  const values = new Set<number>()
  for (const part of group.split(",")) {
    const [, first = "", last = first] = /^ *(\d{1,2}) *(?:- *(\d{1,2}) *)?$/.exec(part) ?? []
    if (first !== "") for (let value = Number(first); value <= Number(last); value++) values.add(value)
  }
  return values
}
