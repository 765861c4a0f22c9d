/**
 * Chapter 9.1 of the application note: the commands whose parameters survive an update. Everything else in the module's
 * memory is lost and falls back to its default; restoring it is the host's part (§3.1.2).
 */
export interface Setting {
  /** Parameters as a new module has them, as they stand in the answer to the read form. */
  readonly byDefault: string
  /** What the test form shows; empty = nothing but OK. */
  readonly range: string
  readonly isKept: boolean
}

const kept = (byDefault: string, range = ""): Setting => ({ byDefault, range, isKept: true })
const lost = (byDefault: string, range = ""): Setting => ({ byDefault, range, isKept: false })

/** Defaults and ranges are those of the AT reference where it has them, and otherwise plain. */
export const settings = {
  "#ESCRIPT": kept('""'),
  "#STARTMODESCR": kept("0,10", "(0-2),(10-60)"),
  "#CMUXSCR": kept("0,115200", "(0,1),(9600,19200,38400,57600,115200)"),
  "#BND": kept("0", "(0-3)"),
  "#AUTOBND": kept("0", "(0-2)"),
  "#ENS": kept("0", "(0,1)"),
  "#SMSMODE": kept("0", "(0,1)"),
  "#SELINT": kept("2", "(2)"),
  "#COPSMODE": kept("0", "(0,1)"),
  "#ENHSIM": kept("0", "(0-3)"),
  "+COPS": kept("0", "(0-4)"),
  "#SMSATRUNCFG": kept("1,1,5", "(1-3),(0,1),(5-60)"),
  "#SMSATWL": kept(""),
  "#TCPATRUNCFG": kept('1,1,1024,1024,"",0,5,0,0,2'),
  "#TCPATRUNFRWL": kept(""),
  "#TCPATRUNAUTH": kept('"",""'),
  "+CGDCONT": kept(""),
  "#GSMCONT": kept(""),
  "#DNS": kept('1,"0.0.0.0","0.0.0.0"'),
  "#SGACTCFG": kept("1,0,180,0"),
  "#SKTSAV": kept(""),
  "#SKTRST": kept(""),
  "#SCFG": kept("1,1,300,90,600,50"),
  "#SCFGEXT": kept("1,0,0,0"),
  "+IPR": kept("0", "(0,300,1200,2400,4800,9600,19200,38400,57600,115200)"),
  "#STIA": kept("0", "(0-2,17,18,33,34)"),
  "#PORTCFG": kept("0", "(0-3)"),
  "+WS46": kept("12", "(12,22,25)"),
  "#ENAEVMONI": kept("0", "(0,1)"),
  "#ENAEVMONICFG": kept("3,1,5"),
  "#EVMONI": kept(""),
  // The rest is what hosts often set and the note says nothing of: it goes.
  "+CGCLASS": lost('"B"', '("B","CG","CC")'),
  "+CGATT": lost("1", "(0,1)"),
  "+CGACT": lost("1,0", "(0,1)"),
  "#GPRS": lost("0", "(0,1)"),
  "#SGACT": lost("1,0", "(1-5),(0,1)"),
  "+CREG": lost("0", "(0-2)"),
  "+CGREG": lost("0", "(0-2)"),
  // The card's own; the network in software asks nobody for it.
  "+CSCA": lost('"+10000000000",145'),
  "+CNMI": lost("0,0,0,0,0", "(0-3),(0-3),(0,2,3),(0-2),(0,1)"),
  "+CSMS": lost("0", "(0,1)"),
  "#SLED": lost("2,10,10"),
  "#GPIO": lost("1,0,0"),
  "+CLIP": lost("0", "(0,1)"),
  "#NITZ": lost("7,0", "(0-15),(0,1)"),
} as const satisfies Readonly<Record<string, Setting>>

export type SettingName = keyof typeof settings

export function isSetting(name: string): name is SettingName {
  return Object.hasOwn(settings, name)
}

/** What is left of some settings after an update. */
export function afterUpdate(
  values: Readonly<Partial<Record<SettingName, string>>>,
): Partial<Record<SettingName, string>> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => isSetting(name) && settings[name].isKept))
}
