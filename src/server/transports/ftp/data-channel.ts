import { connect, type Socket } from "node:net"
import { type SecureContext, TLSSocket } from "node:tls"
import type { DataAddress } from "../../../core/protocols/ftp/data-address.ts"
import type { Deadlines } from "../deadlines.ts"
import type { PassiveClaim, PassivePorts, PassiveWish } from "./passive-ports.ts"

export interface DataChannelNeeds {
  readonly deadlines: Deadlines
  readonly passivePorts: PassivePorts
  readonly connectTimeoutMs: number
  readonly secureContext: SecureContext | null
}

type Plan =
  | { readonly kind: "passive"; readonly claim: PassiveClaim }
  | { readonly kind: "active"; readonly address: DataAddress; readonly localAddress: string }

/** How one session's next data connection comes about: what PASV or PORT arranged, used up by one transfer. */
export class DataChannel {
  readonly #needs: DataChannelNeeds
  #plan: Plan | null = null
  #cancel: (() => void) | null = null
  #isClosed = false
  #contested: PassiveClaim | null = null
  #current: PassiveClaim | null = null

  constructor(needs: DataChannelNeeds) {
    this.#needs = needs
  }

  get isPlanned(): boolean {
    return this.#plan !== null
  }

  /** Whether somebody else came to the connection that was opened last. */
  get isContested(): boolean {
    return this.#contested !== null && this.#contested === this.#current
  }

  /** Claims a passive port and gives its number; `null` when there is none. Asked again, the same port. */
  planPassive(wish: PassiveWish): number | null | Promise<number | null> {
    const { claim: held } = this.#plan?.kind === "passive" ? this.#plan : { claim: null }
    if (held !== null && !held.hasArrived && held.isProven === wish.isProven) return held.port
    this.drop()
    const contested = (claim: PassiveClaim): void => {
      this.#contested = claim
      wish.contested(claim)
    }
    const claim = this.#needs.passivePorts.claim({ ...wish, contested })
    return claim instanceof Promise ? claim.then((late) => this.#hold(late)) : this.#hold(claim)
  }

  planActive(address: DataAddress, localAddress: string): void {
    this.drop()
    this.#plan = { kind: "active", address, localAddress }
  }

  /** Opens the planned connection. `null`: it did not come in time, was refused, or was called off by `drop`. */
  async open(secure: boolean): Promise<Socket | null> {
    const plan = this.#plan
    this.#plan = null
    if (plan === null) return null
    this.#current = plan.kind === "passive" ? plan.claim : null
    if (plan.kind === "passive" && plan.claim.isProven) return secure ? this.#awaitProven(plan.claim) : null
    const socket = await (plan.kind === "passive" ? this.#await(plan.claim) : this.#connect(plan))
    if (socket === null || !secure) return socket
    return this.#secure(socket)
  }

  /** Forgets the plan and calls off a connection that is being opened. */
  drop(): void {
    if (this.#plan?.kind === "passive") this.#plan.claim.release()
    this.#plan = null
    this.#cancel?.()
  }

  close(): void {
    this.#isClosed = true
    this.drop()
  }

  #hold(claim: PassiveClaim | null): number | null {
    if (claim === null) return null
    if (this.#isClosed) {
      claim.release()
      return null
    }
    this.#plan = { kind: "passive", claim }
    return claim.port
  }

  #await(claim: PassiveClaim): Promise<Socket | null> {
    return this.#guarded((settle) => {
      claim.take(settle)
      return () => claim.release()
    })
  }

  /** Of all who come the one that resumes the control connection's session is the client. */
  #awaitProven(claim: PassiveClaim): Promise<Socket | null> {
    const { secureContext } = this.#needs
    if (secureContext === null) return Promise.resolve(null)
    return this.#guarded((settle) => {
      const candidates = new Set<Socket>()
      claim.takeEach((socket) => {
        candidates.add(socket)
        const secured = new TLSSocket(socket, { isServer: true, secureContext })
        secured.once("secure", () => {
          if (!secured.isSessionReused()) {
            secured.destroy()
            return
          }
          candidates.delete(socket)
          setImmediate(settle, secured)
        })
        secured.on("error", () => secured.destroy())
        secured.once("close", () => candidates.delete(socket))
      })
      return () => {
        for (const socket of candidates) socket.destroy()
        claim.release()
      }
    }).finally(() => claim.release())
  }

  #connect(plan: Plan & { kind: "active" }): Promise<Socket | null> {
    return this.#guarded((settle) => {
      const { host, port } = plan.address
      const socket = connect({ host, port, localAddress: plan.localAddress, allowHalfOpen: true, noDelay: true })
      socket.once("connect", () => settle(socket))
      socket.on("error", () => settle(null))
      return () => socket.destroy()
    })
  }

  #secure(socket: Socket): Promise<Socket | null> {
    const { secureContext } = this.#needs
    if (secureContext === null) return Promise.resolve(null)
    return this.#guarded((settle) => {
      const secured = new TLSSocket(socket, { isServer: true, secureContext })
      // A turn later: a short file sent in the turn of the handshake's end leaves TLS 1.3 clients in their handshake
      // (OpenSSL's SHUTDOWN_WHILE_IN_INIT), since the session tickets are still on their way out.
      secured.once("secure", () => setImmediate(settle, secured))
      secured.on("error", () => settle(null))
      secured.once("close", () => settle(null))
      return () => socket.destroy()
    })
  }

  /** Runs one wait with its own deadline; `begin` returns how it is called off. */
  #guarded(begin: (settle: (socket: Socket | null) => void) => () => void): Promise<Socket | null> {
    return new Promise((resolve) => {
      let isSettled = false
      let undo: (() => void) | null = null
      let stopGuard: (() => void) | null = null
      const settle = (socket: Socket | null): void => {
        if (isSettled) return
        isSettled = true
        stopGuard?.()
        if (this.#cancel === cancel) this.#cancel = null
        if (socket === null) undo?.()
        resolve(socket)
      }
      const cancel = (): void => settle(null)
      this.#cancel = cancel
      undo = begin(settle)
      if (!isSettled) stopGuard = this.#needs.deadlines.after(this.#needs.connectTimeoutMs, cancel)
    })
  }
}
