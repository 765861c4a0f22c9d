import { fromHex } from "../../../kit/bytes.ts"
import { MalformedMessage } from "../../../kit/malformed-message.ts"
import type { AtArgument } from "../../../protocols/at/command-line.ts"
import type { AtAnswer, AtCommands } from "../../../protocols/at/interpreter.ts"
import { parsePduLine } from "../../../protocols/sms/pdu-line.ts"
import { maxTpduOctets } from "../../../protocols/sms/tpdu.ts"
import type { TelitModule } from "./module.ts"

const ok: AtAnswer = {}
const lines = (...text: readonly string[]): AtAnswer => ({ lines: text })
const invalidPdu: AtAnswer = { cms: 304, words: "invalid PDU mode parameter" }
const invalidIndex: AtAnswer = { cms: 321, words: "invalid memory index" }
const noNetwork: AtAnswer = { cms: 331, words: "no network service" }
/** States of messages in PDU mode (3GPP TS 27.005 §3.1): received unread, received read, all. */
const [unread, read, all] = [0, 1, 4]
/** The centre's address, at most 12 octets, stands before the transfer unit. */
const mostHex = (maxTpduOctets + 12) * 2

/** Messages of the host, in PDU mode (3GPP TS 27.005): what `gammu` and its like need. Messages of PFM never come here. */
export const smsCommands: AtCommands<TelitModule> = {
  "+CMGF": {
    test: () => lines("+CMGF: (0)"),
    read: () => lines("+CMGF: 0"),
    write: (_module, [mode]) => (mode?.text === "0" ? ok : { cms: 303, words: "operation not supported" }),
  },
  "+CPMS": {
    test: () => lines('+CPMS: ("SM"),("SM"),("SM")'),
    read: ({ shelf }) => lines(`+CPMS: ${Array.from({ length: 3 }, () => `"SM",${used(shelf)}`).join(",")}`),
    write: ({ shelf }, [memory]) =>
      memory?.text === "SM" ? lines(`+CPMS: ${Array.from({ length: 3 }, () => used(shelf)).join(",")}`) : "ERROR",
  },
  "+CMGS": { test: () => ok, write: send },
  "+CNMA": { test: () => lines("+CNMA: (0-2)"), write: () => ok, execute: () => ok },
  "+CMGL": {
    test: () => lines("+CMGL: (0-4)"),
    execute: (module) => list(module, unread),
    write: (module, [state]) => list(module, Number(state?.text ?? unread)),
  },
  "+CMGR": { test: () => ok, write: (module, [index]) => readOne(module, Number(index?.text)) },
  "+CMGD": {
    test: ({ shelf }) => lines(`+CMGD: (${shelf.taken.join(",")}),(0-4)`),
    write: ({ shelf }, [index, flag]) => {
      if (flag !== undefined && Number(flag.text) > 0) {
        for (const place of shelf.taken) shelf.remove(place)
        return ok
      }
      return isPlace(index, shelf.size) ? (shelf.remove(Number(index.text)), ok) : invalidIndex
    },
  },
}

function used(shelf: TelitModule["shelf"]): string {
  return `${shelf.taken.length},${shelf.size}`
}

function isPlace(index: AtArgument | undefined, size: number): index is AtArgument {
  return index !== undefined && /^\d{1,3}$/.test(index.text) && Number(index.text) >= 1 && Number(index.text) <= size
}

/** §3.5.1 and its PDU form §4.3: the length of the transfer unit, then its hex. */
function send(module: TelitModule, [length]: readonly AtArgument[]): AtAnswer {
  if (length === undefined || !/^\d{1,3}$/.test(length.text)) return invalidPdu
  if (module.radio.network() === null) return noNetwork
  return { takesText: { mostCharacters: mostHex, done: (text) => submit(module, text.trim(), Number(length.text)) } }
}

async function submit(module: TelitModule, text: string, length: number): Promise<AtAnswer> {
  let tpdu: Uint8Array
  try {
    tpdu = parsePduLine(text).tpdu.slice()
  } catch (error) {
    if (error instanceof MalformedMessage) return invalidPdu
    throw error
  }
  if (tpdu.length !== length || tpdu.length < 2) return invalidPdu
  const count = module.nextMessageCount()
  // TP-MR: the module counts its messages, whatever the host wrote.
  tpdu[1] = count
  return (await module.radio.sendSms(tpdu)) ? lines(`+CMGS: ${count}`) : invalidPdu
}

function list({ shelf }: TelitModule, state: number): AtAnswer {
  if (!Number.isInteger(state) || state < 0 || state > all) return "ERROR"
  const found: string[] = []
  for (const place of shelf.taken) {
    const message = shelf.peek(place)
    if (message === null || (state !== all && (message.wasRead ? read : unread) !== state)) continue
    shelf.read(place)
    found.push(`+CMGL: ${place},${message.wasRead ? read : unread},,${lengthOf(message.pdu)}`, message.pdu)
  }
  return lines(...found)
}

function readOne({ shelf }: TelitModule, place: number): AtAnswer {
  const message = shelf.read(place)
  if (message === null) return invalidIndex
  return lines(`+CMGR: ${message.wasRead ? read : unread},,${lengthOf(message.pdu)}`, message.pdu)
}

/** Octets of the transfer unit: the shelf's lines have an empty centre before it, one octet. */
function lengthOf(pdu: string): number {
  return (fromHex(pdu)?.length ?? 1) - 1
}
