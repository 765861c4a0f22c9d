import { createHash } from "node:crypto"
import { onTestFinished } from "vitest"
import { tokenActor } from "../../core/domain/actor.ts"
import { families } from "../../core/families/index.ts"
import type { WaftEvent } from "../../core/domain/events/table.ts"
import type { Device, ImageRef, Update } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { Emitter } from "../../core/kit/emitter.ts"
import { addDevice } from "../fleet/add-device.ts"
import { explainDevice } from "../fleet/explain-device.ts"
import type { FleetNeeds, OnBehalf } from "../fleet/fleet-needs.ts"
import { expectRebuilt } from "../fleet/ledger/rebuilt.testing.ts"
import { loadFleet } from "../fleet/load-fleet.ts"
import { advanceByTime } from "../fleet/advance-rollout.ts"
import { continueEnrolments } from "../fleet/continue-enrolments.ts"
import { rollBackDue } from "../fleet/roll-back.ts"
import { makeDueOffers, makeOffers, replanOffers } from "../fleet/make-offers.ts"
import { MemoryStore } from "../fleet/memory-store.testing.ts"
import type { Images } from "../fleet/needs.ts"
import { publishRelease } from "../fleet/publish-release.ts"
import { startRollout } from "../fleet/start-rollout.ts"
import { noticeSilence, saveContacts, saveUptime, settleUndecided } from "../fleet/watch-time.ts"
import type { FtpHost, FtpView } from "../transports/ftp/ftp-host.ts"
import { ftpGateway } from "./ftp-gateway.ts"

/** A clock that moves when it is told to. `wall` and `steady` can be moved apart: people set clocks. */
export class FakeClock {
  wall = 1_700_000_000_000
  steady = 1000
  now = (): number => this.wall
  monotonic = (): number => this.steady
  breaths = 0
  breathe = (): Promise<void> => Promise.resolve(void this.breaths++)

  pass(ms: number): void {
    this.wall += ms
    this.steady += ms
  }
}

/** A server's fleet and FTP gateway without sockets, on a fake clock and a memory store: whole stories in milliseconds. */
export class Rehearsal {
  readonly clock = new FakeClock()
  readonly store = new MemoryStore()
  readonly images = new MemoryImages()
  readonly heard: WaftEvent[] = []
  needs!: FleetNeeds & OnBehalf & { readonly complain: (what: string, error: unknown) => void }
  #texts = 0
  #gateway!: FtpHost

  /** Told of what failed in the background; a test that lets writes fail expects that. */
  complain = (what: string, error: unknown): void => {
    throw new Error(what, { cause: error })
  }

  /** When the test ends, memory must say what the store says. */
  static async start(): Promise<Rehearsal> {
    const rehearsal = await Rehearsal.startAlone()
    onTestFinished(() => expectRebuilt(rehearsal.needs))
    return rehearsal
  }

  /** The same without a test around it. */
  static async startAlone(): Promise<Rehearsal> {
    const rehearsal = new Rehearsal()
    await rehearsal.restart()
    return rehearsal
  }

  /** Ends the server without a word and starts another on what was stored. */
  async restart(): Promise<void> {
    const events = new Emitter<WaftEvent>()
    events.listen((event) => this.heard.push(event))
    this.needs = {
      actor: tokenActor("admin"),
      clock: this.clock,
      store: this.store,
      images: this.images,
      live: await loadFleet(this.store, this.clock),
      events,
      randomText: (length) => String(++this.#texts).padStart(length, "x"),
      families,
      complain: (what, error) => this.complain(what, error),
    }
    this.#gateway = ftpGateway(this.needs)
    for (const rollout of this.needs.live.rollouts.values()) await makeOffers(this.needs, rollout)
  }

  async pass(ms: number): Promise<void> {
    this.clock.pass(ms)
    await saveContacts(this.needs)
    await saveUptime(this.needs)
    await settleUndecided(this.needs)
    await replanOffers(this.needs)
    await noticeSilence(this.needs)
    await advanceByTime(this.needs)
    await makeDueOffers(this.needs)
    await rollBackDue(this.needs)
    await continueEnrolments(this.needs)
  }

  addMote(id: string, model = "4g"): Promise<Device> {
    return addDevice(this.needs, { id, family: "waspmote", model, password: "secret" })
  }

  /** Publishes a program of some bytes under a seven-character name; gives the release's id. */
  async publish(version: string, name = "PROG001"): Promise<string> {
    const bytes = otaBinary(name, Number(version))
    const upload = { fileName: name, bytes, version, models: [], options: {} }
    return (await publishRelease(this.needs, "waspmote", upload)).id
  }

  async rollOut(releaseId: string, silenceTimeoutMs = 3_600_000): Promise<string> {
    const started = await startRollout(this.needs, { releaseIds: [releaseId], group: null, silenceTimeoutMs })
    return started.rollout.id
  }

  login(user: string, peer = "192.0.2.7"): FtpView {
    const view = this.#gateway.login(user, "secret", peer)
    if (view === null || view instanceof Promise) throw new Error(`${user} could not log in`)
    return view
  }

  update(deviceId: string): Update | null {
    return this.needs.live.devices.get(deviceId)?.update ?? null
  }

  /** The newest update of a device as stored. */
  async stored(deviceId: string): Promise<Update | undefined> {
    return (await this.store.updatesOfDevice(deviceId, 1))[0]
  }

  device(id: string): Device {
    const live = this.needs.live.devices.get(id)
    if (live === undefined) throw new Error(`no device ${id}`)
    return live.device
  }

  async explain(id: string): Promise<string> {
    const live = this.needs.live.devices.get(id)
    if (live === undefined) throw new Error(`no device ${id}`)
    return explainDevice(this.needs, live, live.update ?? (await this.stored(id)) ?? null)
  }
}

/** Reads a file of a login whole, or up to `stopAt`, and ends the transfer as the FTP server would. */
export async function retrieve(view: FtpView, path: string, stopAt = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
  const node = view.find(path)
  if (node?.kind !== "file") throw new Error(`550 ${path}`)
  const content = await node.open(0)
  const to = Math.min(stopAt, content.sizeBytes)
  const bytes = Uint8Array.from(await content.read(0, to))
  await content.finished({ from: 0, to, sent: to, whole: to === content.sizeBytes })
  return bytes
}

/** UPGRADE.TXT as this login reads it now, in a session of its own. */
export async function poll(rehearsal: Rehearsal, user: string): Promise<string> {
  const view = rehearsal.login(user)
  const text = new TextDecoder().decode(await retrieve(view, "/UPGRADE.TXT"))
  view.close()
  return text
}

/** A poll in a contact of its own, hours after the last, that leaves alone what it reads. */
export async function quietPoll(rehearsal: Rehearsal, user: string): Promise<string> {
  await rehearsal.pass(1_800_000)
  const notice = await poll(rehearsal, user)
  await rehearsal.pass(1_800_000)
  return notice
}

/** Fetches the binary that `notice` names, in a session of its own. */
export async function fetchProgram(
  rehearsal: Rehearsal,
  user: string,
  notice: string,
  stopAt?: number,
): Promise<Uint8Array> {
  const view = rehearsal.login(user)
  try {
    const bytes = await retrieve(view, `/${/^FILE:(.*)$/m.exec(notice)?.[1] ?? ""}`, stopAt)
    if (stopAt === undefined) view.hear?.("QUIT")
    return bytes
  } finally {
    view.close()
  }
}

/** A program with the header of Waspmote's OTA binary. Not a real program, but one with plausible vectors. */
export function otaBinary(name: string, seed: number): Uint8Array {
  const header = `${"FIRMWARE_FILE_FOR_WASPMOTE".padEnd(32, "#")}${name.padEnd(32, "*")}${"*".repeat(448)}`
  const program = new Uint8Array(2000)
  // 57 vectors of `jmp 0x0200` (0x940C 0x0100), as avr-gcc lays them for an ATmega1281.
  for (let vector = 0; vector < 57; vector++) program.set([0x0c, 0x94, 0x00, 0x01], vector * 4)
  for (let at = 512; at < program.length; at++) program[at] = (at * 7 + seed) & 0xff
  const bytes = new Uint8Array(512 + program.length)
  bytes.set(new TextEncoder().encode(header))
  bytes.set(program, 512)
  return bytes
}

export class MemoryImages implements Images {
  /** Images that the disk has damaged. */
  readonly damaged = new Set<string>()
  /** Images that are held open now. */
  held = 0
  readonly #images = new Map<string, Uint8Array>()

  put = (bytes: Uint8Array): Promise<ImageRef> => {
    const sha256 = createHash("sha256").update(bytes).digest("hex")
    this.#images.set(sha256, Uint8Array.from(bytes))
    return Promise.resolve({ sha256, sizeBytes: bytes.length })
  }

  discard = ({ sha256 }: ImageRef): Promise<void> => {
    this.#images.delete(sha256)
    return Promise.resolve()
  }

  open: Images["open"] = ({ sha256 }) => {
    const bytes = this.#images.get(sha256)
    if (this.damaged.has(sha256)) return Promise.reject(new Refusal("image-damaged", { image: sha256 }))
    if (bytes === undefined) return Promise.reject(new Error(`no image ${sha256}`))
    this.held++
    return Promise.resolve({
      sizeBytes: bytes.length,
      read: (offset, maxBytes) => bytes.subarray(offset, offset + maxBytes),
      release: () => void this.held--,
    })
  }
}
