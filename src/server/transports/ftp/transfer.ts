import { encodeText } from "../../../core/protocols/ftp/text.ts"
import type { DataChannel } from "./data-channel.ts"
import { Download, type DownloadNeeds } from "./download.ts"
import type { TransferCause, TransferContent, TransferEnd } from "../content.ts"
import type { FtpFile } from "./ftp-host.ts"

/** What every transfer of the server shares. */
export interface TransferParts extends DownloadNeeds {
  readonly contentFailed: (name: string, error: unknown) => void
  readonly began: () => void
  readonly ended: (end: TransferEnd) => void
}

export interface TransferNeeds {
  readonly parts: TransferParts
  readonly data: DataChannel
  /** PROT P: TLS on the data connection. */
  readonly secure: boolean
  readonly type: "A" | "I"
  readonly reply: (code: 150 | 226 | 425 | 426 | 451, words: string) => void
}

export interface RunningTransfer {
  /** Resolves when the last reply has been given. */
  readonly done: Promise<void>
  /** ABOR. */
  readonly abort: () => void
  readonly cancel: (cause: TransferCause) => void
}

const endReplies: Readonly<Record<TransferCause, readonly [code: 426 | 451, words: string]>> = {
  aborted: [426, "Transfer aborted"],
  reset: [426, "Data connection broke off"],
  timeout: [426, "Data connection stood still for too long"],
  unread: [451, "The file could not be read"],
}

/** Sends a file's content from an offset, with the replies that belong to it. */
export function transferFile(needs: TransferNeeds, file: FtpFile, from: number): RunningTransfer {
  return start(needs, async (control) => {
    let content: TransferContent
    try {
      content = await file.open(from)
    } catch (error) {
      needs.parts.contentFailed(file.name, error)
      needs.data.drop()
      needs.reply(451, "The file cannot be had now")
      return
    }
    const words = `Opening ${needs.type === "A" ? "ASCII" : "BINARY"} mode data connection for ${file.name}`
    await send(needs, control, { content, from, words: `${words} (${content.sizeBytes} bytes)`, name: file.name })
  })
}

/** Sends the lines of a listing, with the replies that belong to it. */
export function transferListing(needs: TransferNeeds, title: string, lines: readonly string[]): RunningTransfer {
  const bytes = encodeText(lines.map((line) => `${line}\r\n`).join(""))
  const content: TransferContent = {
    sizeBytes: bytes.length,
    read: (offset, maxBytes) => bytes.subarray(offset, offset + maxBytes),
    finished: () => undefined,
  }
  return start(needs, (control) => send(needs, control, { content, from: 0, words: `Listing ${title}`, name: title }))
}

/** What calls a transfer off, whether its connection is still being opened or is at work. */
class TransferControl {
  cause: TransferCause | null = null
  download: Download | null = null
  readonly #data: DataChannel

  constructor(data: DataChannel) {
    this.#data = data
  }

  cancel(cause: TransferCause): void {
    if (this.cause !== null) return
    this.cause = cause
    if (this.download === null) this.#data.drop()
    else this.download.cancel(cause)
  }
}

function start(needs: TransferNeeds, deed: (control: TransferControl) => Promise<void>): RunningTransfer {
  const control = new TransferControl(needs.data)
  return {
    done: deed(control),
    abort: () => control.cancel("aborted"),
    cancel: (cause) => control.cancel(cause),
  }
}

interface Sending {
  readonly content: TransferContent
  readonly from: number
  readonly words: string
  readonly name: string
}

async function send(needs: TransferNeeds, control: TransferControl, sending: Sending): Promise<void> {
  const { content, name } = sending
  needs.parts.began()
  const seen = await carry(needs, control, sending)
  // Somebody else came to this connection: what was sent may have gone to him, and says nothing about the client.
  const { from } = sending
  const end = needs.data.isContested ? ({ from, to: from, sent: from, whole: false, cause: "reset" } as const) : seen
  needs.parts.ended(end)
  try {
    await content.finished(end)
  } catch (error) {
    needs.parts.contentFailed(name, error)
    needs.reply(451, "The end of the transfer could not be recorded")
    return
  }
  if (end.whole) needs.reply(226, "Transfer complete")
  else if (control.download === null && control.cause === null) needs.reply(425, "Can't open data connection")
  else needs.reply(...endReplies[end.cause ?? "reset"])
}

async function carry(needs: TransferNeeds, control: TransferControl, sending: Sending): Promise<TransferEnd> {
  const { content, from, words } = sending
  const nothing = { from, to: from, sent: from, whole: false } as const
  if (control.cause !== null) return { ...nothing, cause: control.cause }
  needs.reply(150, words)
  const socket = await needs.data.open(needs.secure)
  if (control.cause !== null) {
    socket?.destroy()
    return { ...nothing, cause: control.cause }
  }
  if (socket === null) return { ...nothing, cause: "timeout" }
  control.download = new Download(socket, content, from, needs.parts)
  return control.download.run()
}
