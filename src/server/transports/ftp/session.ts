import type { Socket } from "node:net"
import { type SecureContext, TLSSocket } from "node:tls"
import { parseCommand } from "../../../core/protocols/ftp/command.ts"
import { CommandCutter } from "../../../core/protocols/ftp/command-cutter.ts"
import type { DataAddress } from "../../../core/protocols/ftp/data-address.ts"
import { listingFacts } from "../../../core/protocols/ftp/listing.ts"
import { lookupPaths } from "../../../core/protocols/ftp/path.ts"
import { formatReply, type ReplyCode } from "../../../core/protocols/ftp/reply.ts"
import type { CommandContext, CommandRow, CommandTable, Found, SessionSettings } from "./commands/command-row.ts"
import { DataChannel } from "./data-channel.ts"
import type { Guard } from "../deadlines.ts"
import type { FtpFile, FtpNode, FtpView } from "./ftp-host.ts"
import type { Tap } from "../tap.ts"
import type { SessionNeeds } from "./session-needs.ts"
import { type RunningTransfer, transferFile, transferListing } from "./transfer.ts"

const greeting = "Waft FTP server ready"

/** One control connection from greeting to end. Commands are answered one after the other, in the order in which they came. */
export class FtpSession implements CommandContext, Guard {
  dueAt: number
  readonly peer: string
  readonly settings: SessionSettings = {
    user: null,
    directory: "/",
    type: "A",
    restOffset: 0,
    facts: listingFacts,
    extendedOnly: false,
    hasBufferSize: false,
    protection: "C",
  }
  /** When the last command came, as the deadlines' clock has it. */
  lastActiveAt: number
  readonly #needs: SessionNeeds
  #socket: Socket
  #cutter: CommandCutter
  readonly #queue: (string | null)[] = []
  #output = ""
  #view: FtpView | null = null
  #data: DataChannel | null = null
  #transfer: RunningTransfer | null = null
  #isBusy = false
  #isWorking = false
  #isPaused = false
  #isRetiring = false
  #isQuitting = false
  #peerEnded = false
  #isClosed = false
  readonly #earlyVerbs = new Set<string>()
  #commandsBeforeLogin = 0
  #failedLogins = 0
  #wakeUp: (() => void) | null = null
  readonly #tap: Tap | null
  /** Of this session alone: whatever resumes a TLS session under it belongs to this control connection. */
  #secureContext: SecureContext | null = null

  constructor(socket: Socket, peer: string, needs: SessionNeeds) {
    this.#socket = socket
    this.#needs = needs
    this.peer = peer
    this.#cutter = new CommandCutter(needs.limits.maxCommandBytes)
    this.lastActiveAt = needs.deadlines.now
    this.dueAt = this.lastActiveAt + needs.limits.loginTimeoutMs
    needs.deadlines.add(this)
    this.#listen()
    this.#tap = needs.host.tap?.(peer) ?? null
    this.#tap?.said("server", `220 ${greeting}`)
    this.#socket.write(formatReply(220, greeting), "latin1")
  }

  get commands(): CommandTable {
    return this.#needs.commands
  }

  get account(): string | null {
    return this.#view?.account ?? null
  }

  get isLoggedIn(): boolean {
    return this.#view !== null
  }

  get isTransferring(): boolean {
    return this.#transfer !== null
  }

  get isSecure(): boolean {
    return this.#socket instanceof TLSSocket
  }

  get mayUseTls(): boolean {
    return this.#needs.mayUseTls
  }

  get passiveHost(): string | null {
    return this.#needs.passiveHost(this.#socket)
  }

  get hasDataPlan(): boolean {
    return this.#data?.isPlanned ?? false
  }

  readonly now = (): Date => new Date(this.#needs.now())

  reply(code: ReplyCode, ...lines: readonly string[]): void {
    const text = formatReply(code, ...lines)
    this.#output += text
    this.#tap?.said("server", text.trimEnd())
    if (!this.#isWorking) this.#flush()
  }

  find(argument: string, kind?: FtpNode["kind"]): Found | null {
    if (this.#view === null) return null
    for (const path of lookupPaths(this.settings.directory, argument)) {
      const node = this.#view.find(path)
      if (node !== null && (kind === undefined || node.kind === kind)) return { path, node }
    }
    return null
  }

  async logIn(password: string): Promise<void> {
    const { host, limits, throttle, log } = this.#needs
    const user = this.settings.user ?? ""
    const guess = { peer: this.peer, user, isUsual: host.isUsual?.(user, this.peer) === true }
    const waitMs = throttle.admit(guess)
    if (waitMs !== 0) await this.#wait(waitMs ?? limits.unheardGuessMs)
    if (this.#isClosed) return
    const view = waitMs === null ? null : await host.login(user, password, this.peer)
    if (view !== null) {
      throttle.passed(guess)
      this.#enter(view)
      return
    }
    this.#failedLogins++
    if (this.#tap !== null) host.refused?.(user, this.#tap)
    throttle.failed(guess)
    log({ event: "login-failed", peer: this.peer, user })
    this.settings.user = null
    this.reply(530, "Wrong user or password")
    if (this.#failedLogins >= limits.maxFailedLogins) this.quit()
  }

  logOut(): void {
    const view = this.#view
    if (view === null) return
    this.#data?.drop()
    this.#needs.left(this)
    this.#view = null
    Object.assign(this.settings, { user: null, directory: "/", restOffset: 0 })
    this.dueAt = this.#needs.deadlines.now + this.#needs.limits.loginTimeoutMs
    view.close()
  }

  quit(): void {
    this.#isQuitting = true
  }

  /** RFC 4217 §4: what came in the clear behind AUTH is thrown away, for it could be anybody's. */
  startTls(): Promise<void> {
    const { limits } = this.#needs
    const secureContext = this.#needs.newSecureContext()
    if (secureContext === null) return Promise.resolve()
    this.#data?.close()
    this.#data = null
    this.#secureContext = secureContext
    const plain = this.#socket
    this.logOut()
    plain.pause()
    this.#flush()
    return new Promise((resolve) => {
      plain.write("", () => {
        this.#queue.length = 0
        this.#cutter = new CommandCutter(limits.maxCommandBytes)
        plain.removeAllListeners("data").removeAllListeners("end").removeAllListeners("drain")
        if (!this.#isClosed) {
          this.#isPaused = false
          this.#socket = new TLSSocket(plain, { isServer: true, secureContext })
          this.#listen()
        }
        resolve()
      })
    })
  }

  planPassive(): number | null | Promise<number | null> {
    const view = this.#view
    return this.#dataChannel().planPassive({
      peer: this.peer,
      account: view?.account ?? "",
      isProven: this.#mustResume,
      contested: () => {
        this.#needs.log({ event: "data-contested", peer: this.peer, user: view?.account ?? "" })
        view?.contested?.()
      },
    })
  }

  planActive(address: DataAddress): void {
    this.#dataChannel().planActive(address, this.#socket.localAddress ?? "")
  }

  dropData(): void {
    this.#data?.drop()
  }

  sendFile(file: FtpFile, from: number): Promise<void> {
    return this.#run(transferFile(this.#transferNeeds(), file, from))
  }

  sendListing(title: string, lines: readonly string[]): Promise<void> {
    return this.#run(transferListing(this.#transferNeeds(), title, lines))
  }

  /** What the server saw of this session. */
  note(text: string): void {
    this.#tap?.said("note", text)
  }

  describe(): readonly string[] {
    return [
      `Connected from ${this.peer}`,
      `Logged in as ${this.account ?? "nobody"}`,
      `TYPE ${this.settings.type}, STRU F, MODE S, PROT ${this.settings.protection}`,
    ]
  }

  /** The guard's moment: the client has been silent for too long. */
  expire(): void {
    this.dismiss(421, this.isLoggedIn ? "Idle for too long" : "Not logged in in time")
  }

  /** Ends the session as soon as the command that runs now is done. */
  retire(): void {
    this.#isRetiring = true
    if (!this.#isBusy) this.dismiss(421, "The server is closing")
  }

  /** Ends the session from the server's side, with a last word. */
  dismiss(code: ReplyCode, words: string): void {
    if (this.#isClosed) return
    this.#socket.end(formatReply(code, words))
    this.#close()
    this.#socket.destroySoon()
  }

  #enter(view: FtpView): void {
    if (this.#isClosed) {
      view.close()
      return
    }
    if (!this.#needs.entered(this, view)) {
      view.close()
      this.reply(421, "Too many sessions of this login")
      this.quit()
      return
    }
    this.#view = view
    if (this.#tap !== null) view.adopt?.(this.#tap)
    for (const verb of this.#earlyVerbs) view.hear?.(verb)
    this.#earlyVerbs.clear()
    this.reply(230)
  }

  /** With TLS the data connection must resume the control connection's session, or it could be anybody's. */
  get #mustResume(): boolean {
    return this.settings.protection === "P" && this.isSecure && this.#needs.mustResume(this.account ?? "")
  }

  #dataChannel(): DataChannel {
    this.#data ??= new DataChannel({
      deadlines: this.#needs.deadlines,
      passivePorts: this.#needs.passivePorts,
      connectTimeoutMs: this.#needs.limits.dataConnectTimeoutMs,
      secureContext: this.#secureContext,
    })
    return this.#data
  }

  #transferNeeds() {
    return {
      parts: this.#needs.transfer,
      data: this.#dataChannel(),
      secure: this.settings.protection === "P",
      type: this.settings.type,
      reply: (code: ReplyCode, words: string): void => this.reply(code, words),
    }
  }

  async #run(transfer: RunningTransfer): Promise<void> {
    this.#transfer = transfer
    try {
      await transfer.done
    } finally {
      this.#transfer = null
    }
  }

  #listen(): void {
    const socket = this.#socket
    socket.on("data", this.#onData)
    socket.on("end", this.#onEnd)
    socket.on("close", this.#onClose)
    socket.on("error", this.#onClose)
    socket.on("drain", this.#onDrain)
  }

  readonly #onData = (packet: Uint8Array): void => {
    const { limits, deadlines } = this.#needs
    this.lastActiveAt = deadlines.now
    for (const line of this.#cutter.push(packet)) {
      this.#queue.push(line)
      // It must be seen while a transfer runs, whatever stands before it.
      if (this.#transfer !== null && line !== null && parseCommand(line)?.verb === "ABOR") this.#transfer.abort()
    }
    if (this.#cutter.discardedBytes > limits.maxDiscardedBytes) this.dismiss(500, "Command line too long")
    else if (this.#queue.length > limits.maxQueuedCommands)
      this.dismiss(421, "Too many commands ahead of their answers")
    else this.#work()
  }

  readonly #onDrain = (): void => this.#work()

  readonly #onEnd = (): void => {
    this.#peerEnded = true
    this.#work()
  }

  readonly #onClose = (): void => this.#close()

  #work(): void {
    if (this.#isWorking) return
    this.#isWorking = true
    let at = 0
    while (!this.#isBusy && !this.#isQuitting && !this.#isClosed && !this.#socket.writableNeedDrain) {
      const line = this.#queue[at]
      if (line === undefined) break
      at++
      this.#execute(line)
    }
    if (at > 0) this.#queue.splice(0, at)
    this.#isWorking = false
    if (this.#isClosed) return
    this.#flush()
    if (!this.#isBusy) this.#settle()
    this.#regulate()
  }

  #settle(): void {
    const { deadlines, limits } = this.#needs
    if (this.#isQuitting || (this.#peerEnded && this.#queue.length === 0)) {
      // Over for the host now; how long the client takes to hang up is our concern alone.
      this.logOut()
      if (this.#socket.writable) this.#socket.end()
      this.dueAt = deadlines.now + limits.dataConnectTimeoutMs
    } else if (this.isLoggedIn) this.dueAt = deadlines.now + limits.idleTimeoutMs
  }

  /** Stops reading while many commands wait or answers pile up, and goes on when they are done. */
  #regulate(): void {
    const isFull = this.#queue.length > this.#needs.limits.maxQueuedCommands / 8 || this.#socket.writableNeedDrain
    if (isFull === this.#isPaused) return
    this.#isPaused = isFull
    if (isFull) this.#socket.pause()
    else this.#socket.resume()
  }

  #execute(line: string | null): void {
    this.#tap?.said("device", line ?? "(a line over the limit)")
    const command = line === null ? null : parseCommand(line)
    if (!this.isLoggedIn && ++this.#commandsBeforeLogin > this.#needs.limits.maxCommandsBeforeLogin) {
      this.reply(421, "Too many commands before login")
      this.quit()
      return
    }
    if (command === null) {
      this.reply(500, line === null ? "Command line too long" : "Syntax error, command unrecognized")
      return
    }
    const row = this.#needs.commands.get(command.verb)
    if (this.#view !== null) this.#view.hear?.(command.verb)
    else if (row !== undefined) this.#earlyVerbs.add(command.verb)
    if (row === undefined) this.reply(500)
    else if (row.needsLogin && !this.isLoggedIn) this.reply(530)
    else this.#start(row, command.argument)
  }

  #start(row: CommandRow, argument: string): void {
    try {
      this.#await(row.run(this, argument))
    } catch (error) {
      this.#fail(error)
    }
  }

  /** A bug of ours or of the host ends this session, never the server. */
  #fail(error: unknown): void {
    this.#needs.log({ event: "failed", peer: this.peer, error })
    this.reply(421, "Internal error")
    this.quit()
  }

  #await(result: void | Promise<void>): void {
    if (!(result instanceof Promise)) return
    this.#isBusy = true
    this.dueAt = Number.POSITIVE_INFINITY
    result
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#isBusy = false
        if (this.#isClosed) this.#finish()
        else if (this.#isRetiring) {
          this.#flush()
          this.dismiss(421, "The server is closing")
        } else {
          if (!this.isLoggedIn) this.dueAt = this.#needs.deadlines.now + this.#needs.limits.loginTimeoutMs
          this.#work()
        }
      })
  }

  #flush(): void {
    const text = this.#output
    this.#output = ""
    if (text !== "" && this.#socket.writable) this.#socket.write(text)
  }

  #wait(ms: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      const stop = this.#needs.deadlines.after(ms, resolve)
      this.#wakeUp = () => {
        stop()
        resolve()
      }
    })
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#queue.length = 0
    this.#needs.deadlines.delete(this)
    this.#data?.close()
    this.#transfer?.cancel("reset")
    this.#wakeUp?.()
    if (!this.#isBusy) this.#finish()
  }

  /** The last act, once no command runs any more: transfers have told their end before the view is closed. */
  #finish(): void {
    this.logOut()
    this.#tap?.end()
    this.#needs.deadlines.delete(this)
    this.#needs.ended(this)
  }
}
