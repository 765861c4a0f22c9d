import type { ContactRules, PullRules, QuietContacts } from "../../src/core/domain/pull-rules.ts"

/** Rules that once held or were tried, each of which lets the server say what is not true. */
export const oldRules = {
  "two quiet contacts are enough": (rules) => withNumbers(rules, { whole: 2 }),
  "three quiet contacts are enough for a board": (rules) => withNumbers(rules, { whole: 3 }),
  "one is enough, and what it does after the notice means nothing": (rules) =>
    wishless(withNumbers(rules, { whole: 1 })),
  "QUIT after the notice means nothing, and two are enough": (rules) =>
    withContact(withNumbers(rules, { whole: 2 }), { quitWants: false }),
  "a further session means nothing, and two are enough": (rules) =>
    withContact(withNumbers(rules, { whole: 2 }), { secondSessionWants: false, quitWants: false }),
  "hanging up after the image means nothing, and two are enough": (rules) =>
    withContact(withNumbers(rules, { whole: 2 }), { quitEndsFetch: false }),
  "a session that just stops is quiet": (rules) => withContact(rules, { closesSession: false }),
  "reads inside one contact are contacts": (rules) => withContact(rules, { contactMs: 0, settleMs: 1000 }),
  "bytes in buffers are bytes taken": (rules) => withNumbers(rules, { "handed-over": 1 }),
  "an end that nobody saw was a good one": (rules) => withNumbers(rules, { unseen: 1 }),
  "another network is as good": (rules) => withNumbers(rules, { elsewhere: 0 }),
  "whoever has the login is the device": (rules) => ({ ...rules, isVisitor: () => false }),
} as const satisfies Record<string, (rules: PullRules) => PullRules>

export type OldRule = keyof typeof oldRules

function withNumbers(rules: PullRules, numbers: Partial<QuietContacts>): PullRules {
  return { ...rules, quietContacts: { ...rules.quietContacts, ...numbers } }
}

function withContact(rules: PullRules, change: Partial<ContactRules>): PullRules {
  return { ...rules, contact: (model) => ({ ...rules.contact(model), ...change }) }
}

function wishless(rules: PullRules): PullRules {
  return withContact(rules, { quitWants: false, secondSessionWants: false, quitEndsFetch: false })
}
