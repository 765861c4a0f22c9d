import { latin1 } from "../../../kit/bytes.ts"
import { bootControl } from "./board-hardware.ts"
import { factorySignFile, readRows } from "./image-database.ts"
import type { Board } from "./board.ts"
import { checkForUpdate, triggerFactoryReset, triggerRollback } from "./ota-service.ts"
import { applicationVersion, reset } from "./restart.ts"
import { controlMessages } from "./ota-events.ts"
import type { ResultCode } from "../result-codes.ts"

interface ConsoleCommand {
  readonly form: RegExp
  readonly usage: string
  readonly run: (board: Board, words: readonly string[]) => Promise<ResultCode | null> | ResultCode | null
}

/** The board's console (pic32mzw1.md 2.5). `sysota ctrl` sends a control message, as an application would. */
export const consoleCommands: readonly ConsoleCommand[] = [
  {
    form: /^sysota set ([01]) ([01]) ([01]) (\d{1,4}) (\S{1,255})$/,
    usage: "sysota set <periodic 0|1> <auto reset> <auto update> <seconds> <url>",
    run: (board, [periodic, autoReset, autoUpdate, seconds, url = ""]) => {
      if (Number(seconds) > 7200) return say(board, "the period is 0 to 7200 seconds")
      board.service.settings = {
        periodic: periodic === "1",
        autoReset: autoReset === "1",
        autoUpdate: autoUpdate === "1",
        seconds: Number(seconds),
        url,
      }
      return say(board, "OK")
    },
  },
  {
    form: /^sysota get info$/,
    usage: "sysota get info",
    run: async (board) => {
      const { settings, idle } = board.service
      const control = await bootControl(board.hardware)
      say(board, `version ${await applicationVersion(board)}, boot control ${control.status.toString(16)}`)
      say(board, `periodic ${Number(settings.periodic)}, every ${settings.seconds} s, ${settings.url}`)
      say(board, `auto reset ${Number(settings.autoReset)}, auto update ${Number(settings.autoUpdate)}`)
      return say(board, idle === null ? "ready" : `idle until a reset: ${idle}`)
    },
  },
  {
    form: /^sysota getfs info$/,
    usage: "sysota getfs info",
    run: async (board) => {
      const { files } = board.hardware
      for (const name of files.names()) say(board, `${name} ${files.size(name)}`)
      for (const row of (await readRows(files)) ?? []) {
        say(board, `row ${row.name} status ${row.status.toString(16)} version 0x${row.version.toString(16)}`)
      }
      return null
    },
  },
  {
    form: /^sysota set factory sign (\S{1,96})$/,
    usage: "sysota set factory sign <base64>",
    run: async (board, [signature = ""]) => {
      await board.hardware.files.replace(factorySignFile, latin1(signature))
      return say(board, "OK")
    },
  },
  {
    form: /^sysota ctrl ([0-5])$/,
    usage: `sysota ctrl <${controlMessages.map((name, number) => `${number} ${name}`).join(" | ")}>`,
    run: (board, [message = "0"]) => control(board, controlMessages[Number(message)] ?? "REGCALLBACK"),
  },
]

/** Types one line; the code tells what followed from it, null = nothing but words. */
export async function typeLine(board: Board, line: string): Promise<ResultCode | null> {
  const typed = line.trim().replace(/ +/g, " ")
  for (const command of consoleCommands) {
    const match = command.form.exec(typed)
    if (match !== null) return command.run(board, match.slice(1))
  }
  return say(board, `unknown command; known are: ${consoleCommands.map((command) => command.usage).join("; ")}`)
}

async function control(board: Board, message: (typeof controlMessages)[number]): Promise<ResultCode | null> {
  if (message === "TRIGGER_SYSTEM_RESET") return reset(board)
  if (message === "TRIGGER_FACTORY_RESET") return triggerFactoryReset(board)
  if (message === "TRIGGER_ROLLBACK") return triggerRollback(board)
  if (message === "REGCALLBACK") return say(board, "OK")
  // An application trigger wakes the service even from its idle state (2.2 M3).
  board.service.idle = null
  return checkForUpdate(board)
}

function say(board: Board, text: string): null {
  board.body.log(`sysota: ${text}`)
  return null
}
