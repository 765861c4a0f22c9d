/** What is being fetched: `setup` is before the first file, `notice` UPGRADE.TXT, `binary` the program. */
export type Phase = "setup" | "notice" | "binary"

/** How the modem answers instead of doing what it was told. */
export type ModemAnswer = "ERROR" | "CME" | "silence" | "zero" | "garbled" | "short" | "empty" | "busy"

export interface SdFault {
  readonly phase: Phase
  readonly deed: "start" | "create" | "open" | "seek" | "write" | "lose"
}

/** What the mote's own memory holds, for faults that change what was received. */
export interface HeldProgram {
  readonly programId: string
  readonly version: number
}

/** What a named fault does to the body. None of it asks what the server offers. */
export interface FaultAction {
  /** The modem answers this step so. */
  readonly answer?: { readonly phase: Phase; readonly step: string; readonly with: ModemAnswer }
  readonly sd?: SdFault
  /** UPGRADE.TXT reads like this from the SD card. */
  readonly notice?: (text: string, held: HeldProgram) => string
  /** The first block of the program is damaged on its way to the SD card. */
  readonly damagesHeader?: true
  /** The sketch starts and asks for nothing. */
  readonly startsOnly?: true
  /** The run ends with what `checkNewProgram` said after the reboot. */
  readonly tellsCheck?: true
}
