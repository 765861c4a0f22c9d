/** Where the directly addressed slots of each context begin. The smallest profile does without some, and with fewer from format version 3 on. */
export function slotLayout({ isSmall, isSparing }: { readonly isSmall: boolean; readonly isSparing: boolean }) {
  return layout({
    kindRun: isSmall && isSparing ? 256 : 512,
    history: 256,
    trust: 512,
    switch: 32,
    place: 32,
    literal: isSmall ? 256 : 1024,
    alternative: isSmall ? 0 : 256,
    since: isSmall ? 0 : 256,
    kindHistory: isSmall ? 0 : 512,
  })
}

/** Second weights: 9 for each kind at a flag, then 8 for each class of kinds at a literal. */
export const secondWeights: number = 32 * 9 + 4 * 8
export const firstLiteralSecond = 32 * 9

/** Where the mixing weights of each kind of decision begin: 16 for each input of each set. */
export function weightLayout(isSmall: boolean) {
  return layout({
    flag: isSmall ? 6 * 16 : 4 * 9 * 16,
    switch: 2 * 16,
    alternative: 2 * 16,
    literal: isSmall ? 5 * 16 : 6 * 8 * 16,
  })
}

function layout<Name extends string>(sizes: Record<Name, number>): Record<Name | "end", number> {
  let at = 0
  const starts = Object.entries<number>(sizes).map(([name, size]) => {
    at += size
    return [name, at - size]
  })
  return Object.fromEntries([...starts, ["end", at]])
}
