import { deviceActor } from "../../core/domain/actor.ts"
import type { Evidence } from "../../core/domain/evidence.ts"
import type { Device, Update } from "../../core/domain/records.ts"
import type { AgentReport } from "../../core/families/family.ts"
import type { ReportMeaning } from "../../core/families/report-meaning.ts"
import { closed, orderName, sayRunning } from "./ask-for-work.ts"
import { commit } from "./commit.ts"
import { familyOf } from "./families.ts"
import { advanceRollout } from "./advance-rollout.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { flagPackage } from "./flag-package.ts"
import { isOver, type LiveDevice } from "./live-fleet.ts"
import { offerAgain } from "./make-offers.ts"
import { moveUpdate } from "./move-update.ts"
import type { Change } from "./needs.ts"
import { withLock } from "./ledger/device-lock.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families" | "randomText">

export interface Report extends AgentReport {
  readonly order: string
  readonly percent?: number
}

/**
 * Takes in what an agent reports of its order. Resolves when what follows from it is durable, with whether the order still
 * stands. A report that is repeated changes nothing; one of an order that is over still tells what runs.
 */
export async function takeReport(needs: Needs, live: LiveDevice, report: Report): Promise<"open" | "over"> {
  if (live.update === null || orderName(live.update) !== report.order || isOver(live.update)) {
    if (report.state === "verified" && report.version !== undefined) await sayRunning(needs, live, report.version)
    return "over"
  }
  const moved = await withLock(needs, live, () => takeIn(needs, live, report))
  if (moved === null) return live.update !== null && orderName(live.update) === report.order ? "open" : "over"
  const rollout = needs.live.rollouts.get(moved.update.rolloutId)
  if (moved.meaning.isPackageWrong === true) await flagPackage(needs, moved.update, moved.meaning)
  if (rollout !== undefined && isOver(moved.update)) await advanceRollout(needs, rollout)
  if (moved.update.progress.state === "waiting") await offerAgain(needs, live)
  return moved.update.ticket === null ? "over" : "open"
}

interface Moved {
  readonly update: Update
  readonly meaning: ReportMeaning
}

async function takeIn(needs: Needs, live: LiveDevice, report: Report): Promise<Moved | null> {
  const { update, device } = live
  const { agent } = familyOf(needs.families, device.family)
  if (update === null || agent === undefined || update.offer === null || orderName(update) !== report.order) return null
  const target = needs.live.releases.get(update.releaseId)?.version ?? ""
  const { state } = update.progress
  const meaning = agent.interpret(report, { model: device.model, offer: update.offer, target, state })
  if (meaning === null) return notePercent(live, report)
  const at = needs.clock.now()
  const { kind, sentence, code } = meaning
  const evidence: Evidence = {
    kind,
    basis: "reported",
    at,
    sentence,
    ...(code === undefined ? {} : { code }),
    ...(report.urc === undefined ? {} : { raw: report.urc }),
  }
  const move = moveUpdate(update, [evidence])
  if (move.changes.length === 0) return notePercent(live, report)
  const after = closed(move.update)
  const running = runningAfter(device, report, meaning)
  const changes: Change[] = [{ put: "update", update: after }, ...move.changes]
  if (running !== device) changes.push({ put: "device", device: running })
  await commit(needs, deviceActor(device.id), changes)
  if (after.ticket === null) live.percent = null
  else if (report.percent !== undefined) live.percent = report.percent
  return { update: after, meaning }
}

function notePercent(live: LiveDevice, { percent }: Report): null {
  if (percent !== undefined) live.percent = percent
  return null
}

/** What is known of the device: what it says, or nothing while it is being changed. */
function runningAfter(device: Device, { version }: Report, { kind }: ReportMeaning): Device {
  if (version !== undefined) {
    const isSame = device.running.version === version && device.running.evidence === "reported"
    return isSame ? device : { ...device, running: { version, evidence: "reported" } }
  }
  const mayChange = kind === "install-started" || kind === "install-failed"
  if (!mayChange || device.running.evidence === "unknown") return device
  return { ...device, running: { version: device.running.version, evidence: "unknown" } }
}
