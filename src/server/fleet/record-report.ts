import { deviceActor } from "../../core/domain/actor.ts"
import type { Evidence } from "../../core/domain/evidence.ts"
import type { Device, Update } from "../../core/domain/records.ts"
import type { DeviceReport } from "../../core/families/report.ts"
import type { ReportMeaning } from "../../core/families/report-meaning.ts"
import { closed, mayPlanAnew } from "./ask-for-work.ts"
import { checkedLabels } from "./add-device.ts"
import { commit, eventOf } from "./commit.ts"
import { advanceRollout } from "./advance-rollout.ts"
import { flagPackage } from "./flag-package.ts"
import { givenUp, isGivenUp } from "./given-up.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { isOver, type LiveDevice } from "./live-fleet.ts"
import { offerAgain } from "./make-offers.ts"
import { moveUpdate } from "./move-update.ts"
import type { Change } from "./needs.ts"
import { withLock } from "./ledger/device-lock.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families" | "randomText">

/**
 * Reads what a device said, once nothing else is under way for it, and takes that in. Resolves with what was read when
 * everything that follows from it is durable. A report that is repeated changes nothing.
 */
export async function recordReport<Read>(
  needs: Needs,
  live: LiveDevice,
  read: () => { readonly report: DeviceReport | undefined; readonly read: Read },
): Promise<Read> {
  const taken = await withLock(needs, live, async () => {
    const { report, read: result } = read()
    return { result, moved: report === undefined ? null : await takeIn(needs, live, report) }
  })
  if (taken.moved !== null) await follow(needs, live, taken.moved)
  return taken.result
}

interface Moved {
  /** The update where it moved. */
  readonly update: Update | null
  /** Whether what the device runs is known better than before. */
  readonly isVersionNews: boolean
  readonly evidence: readonly ReportMeaning[]
}

async function takeIn(needs: Needs, live: LiveDevice, report: DeviceReport): Promise<Moved> {
  const at = needs.clock.now()
  const { device } = live
  // Of a rollout that is over only a late success is news.
  const former = isVersionNews(device, report) ? await givenUp(needs, live) : null
  const update = live.update ?? former
  const said = former === null ? (report.evidence ?? []).map((meaning) => toEvidence(meaning, at)) : []
  const evidence = [...said, ...lateInstall(needs, update, report, at)]
  const move = update === null ? null : moveUpdate(update, evidence)
  const after = move === null || move.changes.length === 0 ? update : closed(move.update)
  const { device: told, changes: news } = deviceAfter(device, report, at)
  const changes: Change[] = []
  if (after !== null && after !== update) changes.push({ put: "update", update: after })
  changes.push(...(move?.changes ?? []))
  if (told !== device) changes.push({ put: "device", device: told })
  changes.push(...news)
  if (changes.length > 0) {
    await commit(needs, deviceActor(device.id), changes)
  }
  if (former !== null) needs.live.forgetUpdate(device.id, former.rolloutId)
  if (report.percent !== undefined) live.percent = report.percent
  if (after === null || isOver(after)) live.percent = null
  const isMoved = after !== update && former === null
  return {
    update: isMoved ? after : null,
    isVersionNews: told.running !== device.running,
    evidence: report.evidence ?? [],
  }
}

/** A device that was given up and says now that it runs the release has installed it late: what it says wins. */
function lateInstall(
  { live }: Pick<Needs, "live">,
  update: Update | null,
  { running, evidence = [] }: DeviceReport,
  at: number,
): readonly Evidence[] {
  if (running === undefined || update === null || !isGivenUp(update)) return []
  if (evidence.some(({ kind }) => kind === "installed")) return []
  if (live.releases.get(update.releaseId)?.version !== running) return []
  return [{ kind: "installed", basis: "reported", at, sentence: `It says that it runs ${running}.` }]
}

function isVersionNews({ running }: Device, report: DeviceReport): boolean {
  return report.running !== undefined && (running.version !== report.running || running.evidence !== "reported")
}

function toEvidence({ kind, sentence, code, basis = "reported" }: ReportMeaning, at: number): Evidence {
  return { kind, basis, at, sentence, ...(code === undefined ? {} : { code }) }
}

/** The device as it says that it is, and the events that tell what was news. */
function deviceAfter(device: Device, report: DeviceReport, at: number): { device: Device; changes: readonly Change[] } {
  const changes: Change[] = (report.notes ?? []).map((note) => eventOf({ at, deviceId: device.id, ...note }))
  let after = device
  if (report.familyState !== undefined && report.familyState !== device.familyState) {
    after = { ...after, familyState: report.familyState }
  }
  const version = report.running
  if (version !== undefined && isVersionNews(device, report)) {
    after = { ...after, running: { version, evidence: "reported" } }
    changes.push(
      eventOf({
        at,
        kind: "device.version-reported",
        deviceId: device.id,
        basis: "reported",
        sentence: `${device.id} says that it runs ${version}.`,
        data: { version, before: device.running.version },
      }),
    )
  }
  if (report.labels !== undefined && !isSame(report.labels, device.labels)) {
    after = { ...after, labels: checkedLabels(report.labels) }
    const names = Object.keys(report.labels).join(", ")
    changes.push(
      eventOf({
        at,
        kind: "device.labels-reported",
        deviceId: device.id,
        basis: "reported",
        sentence: `${device.id} tells what it is; its labels are ${names === "" ? "none" : names}.`,
      }),
    )
  }
  return { device: after, changes }
}

function isSame(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(one)
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name])
}

/** What a move of the update brings with it. */
async function follow(needs: Needs, live: LiveDevice, { update, evidence, isVersionNews }: Moved): Promise<void> {
  if (update !== null) {
    const wrong = evidence.find(({ isPackageWrong }) => isPackageWrong === true)
    if (wrong !== undefined) await flagPackage(needs, update, wrong)
    const rollout = needs.live.rollouts.get(update.rolloutId)
    if (rollout !== undefined && isOver(update)) await advanceRollout(needs, rollout)
  }
  if ((update !== null || isVersionNews) && mayPlanAnew(needs, live)) await offerAgain(needs, live)
}
