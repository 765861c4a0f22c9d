import { IdleClock } from "../../../src/core/families/testing/idle-clock.testing.ts"
import { MemoryNet } from "../../../src/core/families/testing/memory-net.testing.ts"
import { startSmallFtpServer } from "../../../src/core/families/testing/small-ftp-server.testing.ts"
import { makeFirmware } from "../../../src/core/families/recovery/firmware-image.ts"
import { writeFullPackage } from "../../../src/core/families/recovery/full-package.ts"
import { updateStates } from "../../../src/core/domain/update.ts"
import { MortalAgent } from "./agent.testing.ts"
import { MortalLink } from "./link.testing.ts"
import { MortalModule } from "./module.testing.ts"
import { Moments } from "./moments.testing.ts"
import { ftpPort, MortalServer, unless } from "./server.testing.ts"

export const victims = ["agent", "server", "module", "link"] as const
export type Victim = (typeof victims)[number]

const id = "m1"
const longestDownSeconds = 900

/** A package with the whole new firmware in it. */
export function packageBetween(from: string, to: string): Uint8Array {
  const image = makeFirmware({ product: "AG35", version: to, sizeBytes: 9000 })
  return writeFullPackage({ from, to, product: "AG35", image })
}

/** A server, a module, an agent and the link between them, on one clock that jumps over the waiting. */
export class MortalWorld {
  readonly moments: Moments
  readonly server: MortalServer
  readonly module: MortalModule
  readonly agent: MortalAgent
  readonly clock: IdleClock
  readonly #link: MortalLink
  readonly #random: () => number
  #repairs = 0
  /** What the module had said last of its update when something was killed. */
  readonly struckAfter: string[] = []

  /** Everything is up, and the module on `firmware`. */
  static async start(firmware: string, random: () => number): Promise<MortalWorld> {
    const clock = new IdleClock(1)
    const moments = new Moments()
    const server = new MortalServer(clock, moments)
    await server.switchOn()
    const world = new MortalWorld({ clock, moments, server, firmware, random, token: await server.addModule(id) })
    world.module.switchOn()
    world.agent.switchOn()
    while ((await server.record(id)).version === null) await clock.sleep(1000)
    return world
  }

  private constructor(parts: Parts) {
    const { clock, moments, server, firmware, random, token } = parts
    const net = new MemoryNet()
    startSmallFtpServer(net, { port: ftpPort, login: (user, password) => server.login(user, password) })
    const link = new MortalLink(net, moments)
    this.moments = moments
    this.server = server
    this.clock = clock
    this.#random = random
    this.#link = link
    this.module = new MortalModule({ clock, moments, random, firmware, net: link.net(() => server.isUp) })
    this.agent = new MortalAgent({
      clock,
      moments,
      token,
      port: () => this.module.port,
      transport: (request, signal) => {
        if (link.signal === null) return Promise.reject(new Error("no network"))
        const either = AbortSignal.any([signal, link.signal])
        return unless(either, server.call(request, either))
      },
    })
  }

  /** Offers a way from the module's firmware through all of `versions`, one package each. */
  async rollOut(from: string, ...versions: readonly string[]): Promise<void> {
    let [release, before] = ["", from]
    for (const version of versions) {
      release = await this.server.publish(before, version, packageBetween(before, version))
      before = version
    }
    await this.server.rollOut(release)
    this.moments.begin()
  }

  /** Kills at once; from one second to a quarter of an hour later it is there again. */
  strike(victim: Victim): void {
    this.struckAfter.push(this.module.lastEvent)
    const { kill, revive } = this.#fates[victim]
    const downMs = Math.round(1000 * longestDownSeconds ** this.#random())
    kill()
    this.#repairs++
    void this.clock.sleep(downMs).then(async () => {
      this.#repairs--
      await revive()
    })
  }

  readonly #fates: Readonly<
    Record<Victim, { readonly kill: () => void; readonly revive: () => void | Promise<void> }>
  > = {
    agent: {
      kill: () => this.agent.kill(),
      revive: () => (this.agent.isUp ? undefined : this.agent.switchOn()),
    },
    server: {
      kill: () => {
        this.server.kill()
        this.#link.reset()
      },
      revive: () => (this.server.isUp ? undefined : this.server.switchOn()),
    },
    module: {
      kill: () => {
        this.module.kill()
        this.#link.reset()
      },
      revive: () => (this.module.isUp ? undefined : this.module.switchOn()),
    },
    link: { kill: () => this.#link.cut(), revive: () => this.#link.restore() },
  }

  /** Waits until everything is up again and the server's update is over; rejects when that does not come in a day. */
  async settle(): Promise<void> {
    const latestMs = this.clock.now() + 24 * 3_600_000
    while (!(await this.#isSettled())) {
      if (this.clock.now() > latestMs) throw new Error("the update has not come to an end in a day")
      await this.clock.sleep(5000)
    }
  }

  async #isSettled(): Promise<boolean> {
    if (this.#repairs > 0 || !this.agent.hasNothingLeft) return false
    return updateStates[(await this.server.stored(id))?.progress.state ?? "waiting"].over
  }

  /** How the story has ended, as each of the three knows it. Everything stops. */
  async end(): Promise<Outcome> {
    this.agent.kill()
    const own = await this.agent.ownVersion()
    this.module.kill()
    this.server.kill()
    await this.server.switchOn()
    const record = await this.server.record(id)
    const state = (await this.server.stored(id))?.progress.state
    return { own, record, state, installs: this.module.installs }
  }
}

interface Parts {
  readonly clock: IdleClock
  readonly moments: Moments
  readonly server: MortalServer
  readonly firmware: string
  readonly random: () => number
  readonly token: string
}

export interface Outcome {
  /** What the module answers to ATI. */
  readonly own: string
  /** What the server's store says that it runs. */
  readonly record: { readonly version: string | null; readonly evidence: string }
  readonly state: string | undefined
  /** How often the module set out to install a package. */
  readonly installs: number
}
