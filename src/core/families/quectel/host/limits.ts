/** Time limits of the host's side that do not come with an order, ms. */
export const hostLimits = {
  /** For the answer of a command that only asks. */
  answerMs: 3000,
  /** For OK after AT+QFOTADL: the module looks at the URL, not yet at the network. */
  commandMs: 30_000,
  /** Listened for so long right before AT+QFOTADL is typed. */
  breathMs: 200,
  /** Between two looks for a port that is not there. */
  reopenMs: 2000,
  /** Without a word for so long, the module is asked which firmware runs; and again after as long. */
  askEveryMs: 30_000,
  /** The same answer for so long, with nothing in between, counts: right before a restart the old firmware still answers. */
  settleMs: 20_000,
  /** A port that keeps quiet for so long is left for another one, where there is another. */
  otherPortMs: 45_000,
  /** A question whose answer is odd is asked again so often at most. */
  mostReadings: 4,
  /** A module that vanished after the download is updating for so long, whatever it looks like (quectel.md 4.7.5). */
  patienceMs: 15 * 60_000,
  /** A module that gives no sign for so long is given up. */
  giveUpMs: 60 * 60_000,
  /** After END the module restarts once more (quectel.md 4.3); the old version within this time is no answer yet. */
  lastRestartMs: 180_000,
  /** A command refused with ERROR may have come too early after a start; more refusals than these are final. */
  mostRefusals: 3,
  /** A module that took a command and refuses a second is busy with the first; it is waited for so long without a sign. */
  busyMs: 6 * 60 * 60_000,
  /** Between two tries at a module that was busy. */
  busyPauseMs: 10 * 60_000,
  /** Lines that nobody knows are logged once each, and so many at most. */
  mostUnknownLines: 200,
  /** A report of progress for so many percent. */
  percentStep: 10,
} as const
