import type { OldRule } from "./old-rules.testing.ts"

/** A sequence of contacts after which the server once said what was not true, or would by a rule that it once had. */
export type Lie = {
  readonly model: string
  /** What it showed. */
  readonly shown: string
  /** A rule under which it is one again; absent = what told it is no rule any more but was a fault in the steps. */
  readonly under?: OldRule
} & (
  | { readonly faults: readonly string[] }
  /** Of the runs that `plans.testing.ts` makes: with rhythm, networks, visitors, power cuts and restarts. */
  | { readonly seed: number }
)

const wishless = "one is enough, and what it does after the notice means nothing"

/** Every lie that was found. A new one is added here with what it showed, and is never taken away. */
export const lies: readonly Lie[] = [
  {
    model: "gprs-pro",
    faults: ["bootloader-refuses", "upgrade-txt-sd-loses-data"],
    shown: "three reads inside one contact were taken for three polls",
    under: "reads inside one contact are contacts",
  },
  {
    model: "4g",
    faults: ["receive-error", "ftp-reopen-refused", "ftp-reopen-refused"],
    shown: "bytes in the kernel's buffer were taken for bytes that the mote took",
  },
  {
    model: "4g",
    faults: ["sd-loses-data", "ftp-reopen-refused"],
    shown: "one idle read proves nothing where the fetch itself may have failed",
    under: wishless,
  },
  {
    model: "4g",
    faults: ["bootloader-refuses", "ftp-reopen-refused"],
    shown: "QUIT after the notice says that it goes on to fetch",
    under: wishless,
  },
  {
    model: "4g",
    faults: ["bootloader-refuses", "ftp-reopen-refused", "ftp-reopen-refused"],
    shown: "the same twice in a row",
    under: "QUIT after the notice means nothing, and two are enough",
  },
  {
    model: "4g",
    faults: ["bootloader-refuses", "server-size-zero", "server-size-zero"],
    shown: "a second session that asks for nothing is one that wants to fetch",
    under: "a further session means nothing, and two are enough",
  },
  {
    model: "4g",
    faults: ["sd-loses-data", "no-file", "no-file"],
    shown: "a mote that hangs up after the image has not stored it",
    under: "hanging up after the image means nothing, and two are enough",
  },
  {
    model: "4g",
    faults: ["bootloader-refuses", "sd-create-fails"],
    shown: "a mote that asks for the program's size wants it",
  },
  {
    model: "3g",
    faults: ["bootloader-refuses", "binary-no-answer"],
    shown: "a mote that lists the program wants it",
  },
  {
    model: "gprs-pro",
    faults: ["bootloader-refuses", "binary-connection-error", "binary-connection-error"],
    shown: "two polls at which the modem could not connect are two quiet ones on the wire",
    under: "two quiet contacts are enough",
  },
  {
    model: "wifi-pro",
    faults: ["sd-loses-data", "receive-error"],
    shown: "a mote that names the program in vain wants it",
  },
  {
    model: "wifi-pro",
    faults: ["sd-loses-data", "no-file", "no-file-label"],
    shown: "three faults in a row leave on the wire what two quiet polls leave",
    under: "two quiet contacts are enough",
  },
  {
    model: "v3.8",
    faults: ["program-write-error", "manifest-truncated", "manifest-reset"],
    shown: "the same of a board",
    under: "two quiet contacts are enough",
  },
  {
    model: "4g",
    seed: 1328,
    shown: "three faults in a row, at its own rhythm",
    under: "two quiet contacts are enough",
  },
  {
    model: "3g",
    seed: 1337,
    shown: "three faults in a row, at its own rhythm",
    under: "two quiet contacts are enough",
  },
  {
    model: "wifi-pro",
    seed: 342,
    shown: "three faults in a row, at its own rhythm",
    under: "two quiet contacts are enough",
  },
  {
    model: "v3.8",
    seed: 715,
    shown: "three faults in a row, at its own rhythm",
    under: "two quiet contacts are enough",
  },
  {
    model: "v3.8",
    seed: 14_634,
    shown: "two faults, and a power cut behind the manifest, which nobody sees",
    under: "three quiet contacts are enough for a board",
  },
  {
    model: "4g",
    seed: 58_771,
    shown: "a power cut behind the notice: its session just stops",
    under: "a session that just stops is quiet",
  },
  { model: "4g", seed: 656, shown: "a whole image in buffers", under: "bytes in buffers are bytes taken" },
  { model: "3g", seed: 4768, shown: "a whole image in buffers", under: "bytes in buffers are bytes taken" },
  { model: "gprs-pro", seed: 6986, shown: "a whole image in buffers", under: "bytes in buffers are bytes taken" },
  { model: "wifi-pro", seed: 274, shown: "a whole image in buffers", under: "bytes in buffers are bytes taken" },
  { model: "v3.8", seed: 520, shown: "a whole image in buffers", under: "bytes in buffers are bytes taken" },
  {
    model: "3g",
    seed: 87,
    shown: "polls of one contact, counted apart",
    under: "reads inside one contact are contacts",
  },
  {
    model: "v3.8",
    seed: 1221,
    shown: "polls of one contact, counted apart",
    under: "reads inside one contact are contacts",
  },
  { model: "wifi-pro", seed: 3962, shown: "quiet polls from another network", under: "another network is as good" },
  { model: "3g", seed: 51_249, shown: "quiet polls from another network", under: "another network is as good" },
]
