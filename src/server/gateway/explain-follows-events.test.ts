import fc from "fast-check"
import { expect, it } from "vitest"
import { endingsOfMany } from "../../core/domain/events/table.ts"
import { expectRebuilt } from "../fleet/ledger/rebuilt.testing.ts"
import { replaceDevice, setDevice } from "../fleet/set-device.ts"
import { abortRollout, pauseRollout, resumeRollout, withdrawRelease } from "../fleet/steer-rollout.ts"
import { startRollout } from "../fleet/start-rollout.ts"
import { fetchProgram, poll, Rehearsal, retrieve } from "./rehearsal.testing.ts"

const week = 7 * 86_400_000

/** What somebody may do to a mote, its server and its rollouts; what is refused changes nothing. */
const deeds: Readonly<Record<string, (story: Story) => Promise<unknown>>> = {
  poll: async (story) => {
    story.notice = await poll(story.server, "m1")
  },
  quiet: async ({ server }) => {
    await server.pass(1_800_000)
    await poll(server, "m1")
    await server.pass(1_800_000)
  },
  fetch: ({ server, notice }) => fetchProgram(server, "m1", notice),
  cut: ({ server, notice }) => fetchProgram(server, "m1", notice, 900),
  update: async ({ server }) => fetchProgram(server, "m1", await poll(server, "m1")),
  concluded: async (story) => {
    await deeds["update"]?.(story)
    for (let polls = 0; polls < 3; polls++) await deeds["quiet"]?.(story)
  },
  stranger: async ({ server }) => {
    const view = server.login("m1", "198.51.100.1")
    await retrieve(view, "/UPGRADE.TXT")
    view.close()
  },
  later: ({ server }) => server.pass(3_600_000),
  silence: ({ server }) => server.pass(2 * week),
  restart: ({ server }) => server.restart(),
  release: async (story) => {
    story.releases.push(await story.server.publish(String(story.releases.length + 5)))
    story.rollout = await story.server.rollOut(story.releases.at(-1) ?? "", week)
  },
  back: async (story) => {
    story.rollout = await story.server.rollOut(story.releases[0] ?? "", week)
  },
  again: async (story) => {
    const wish = { releaseIds: [story.releases.at(-1) ?? ""], group: null, silenceTimeoutMs: week, again: true }
    story.rollout = (await startRollout(story.server.needs, wish)).rollout.id
  },
  pause: ({ server, rollout }) => pauseRollout(server.needs, rollout),
  resume: ({ server, rollout }) => resumeRollout(server.needs, rollout),
  abort: ({ server, rollout }) => abortRollout(server.needs, rollout),
  withdraw: ({ server, releases }) => withdrawRelease(server.needs, releases.at(-1) ?? ""),
  "told 4": ({ server }) => setDevice(server.needs, "m1", { running: "4" }),
  "told unknown": ({ server }) => setDevice(server.needs, "m1", { running: "unknown" }),
  single: ({ server }) => setDevice(server.needs, "m1", { single: true }),
  replace: ({ server }) => replaceDevice(server.needs, "m1"),
}

interface Story {
  readonly server: Rehearsal
  readonly releases: string[]
  rollout: string
  notice: string
}

/** Words of a sentence that say what runs, as if nothing had happened since. */
const claims = /which it does only when it runs it|so it has it\.|ran version \S+ already/

it("explain never contradicts a later event, whatever happens in whatever order", async () => {
  // Conclusions take many deeds: they come more often than chance would have them.
  const names = [...Object.keys(deeds), "concluded", "concluded", "update", "quiet"]
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...names), { minLength: 4, maxLength: 24 }), async (wanted) => {
      const story: Story = { server: await Rehearsal.start(), releases: [], rollout: "", notice: "" }
      await story.server.addMote("m1")
      await deeds["release"]?.(story)
      for (const name of wanted) {
        await deeds[name]?.(story).catch(() => undefined)
        await story.server.needs.live.devices.get("m1")?.lock.freed
        await expectConsistent(story, name)
        await expectRebuilt(story.server.needs)
      }
    }),
    { numRuns: 150, seed: 20_261_128 },
  )
})

async function expectConsistent({ server }: Story, after: string): Promise<void> {
  const said = await server.explain("m1")
  const { running } = server.device("m1")
  const update = server.update("m1") ?? (await server.stored("m1")) ?? null
  const release = server.needs.live.releases.get(update?.releaseId ?? "")?.version
  const isSo = running.evidence !== "unknown" && running.version === release
  const story = `after ${after}: ${said}`
  // Whoever is said to run a release, without a word of what came since, is known to run it.
  if (claims.test(said) && !said.includes("Since then")) expect(isSo, story).toBe(true)
  if (update?.progress.state === "succeeded") expect(isSo || said.includes("Since then"), story).toBe(true)
  else expect(said, story).not.toMatch(claims)
  // The newest event about its update is the one whose sentence is said, but for a pause and for what the engine waits for.
  const last = server.heard.findLast(
    ({ kind, deviceId, rolloutId }) =>
      kind.startsWith("update.") && deviceId === "m1" && rolloutId === update?.rolloutId,
  )
  // What ends many devices' updates at once is told once, of their rollout.
  const { state = "waiting" } = update?.progress ?? {}
  const ending = server.heard.find(
    ({ kind, rolloutId, at }) =>
      rolloutId === update?.rolloutId &&
      at === update?.progress.since &&
      Object.hasOwn(endingsOfMany, kind) &&
      endingsOfMany[kind as keyof typeof endingsOfMany] === state,
  )
  if (state === "cancelled" || state === "superseded") expect(ending, story).toBeDefined()
  const isOwn = update !== null && !/is paused/.test(said) && state !== "waiting" && ending === undefined
  if (isOwn && last !== undefined) expect(said.toLowerCase(), story).toContain(last.sentence.toLowerCase().slice(1, 60))
  // A doubt that stands is said, and one that was ended is not.
  const isDoubted = (update?.pull.sharing ?? null) !== null
  if (!/is paused/.test(said)) expect(said.includes("seem to share"), story).toBe(isDoubted)
}
