import type { EndpointName } from "../../core/contract/endpoints.ts"
import type { DeltaView, RolloutView } from "../../core/contract/schemas.ts"
import type { Update } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { type LimitName, limits } from "../../core/kit/limits.ts"
import { addDevice, addDevices } from "../fleet/add-device.ts"
import { converse } from "../fleet/converse.ts"
import { DeviceFinder } from "../fleet/find-devices.ts"
import { familyOf } from "../fleet/families.ts"
import { acceptDevice, createEnrolment, revokeEnrolment } from "../fleet/enrolment.ts"
import { releaseById } from "../fleet/find-release.ts"
import type { OnBehalf } from "../fleet/fleet-needs.ts"
import type { LiveDevice } from "../fleet/live-fleet.ts"
import type { LiveRollout } from "../fleet/live-rollout.ts"
import { cancelDelta, deltasOf, orderDelta } from "../fleet/make-deltas.ts"
import { planRollout } from "../fleet/plan-rollout.ts"
import { addSignatures, envelopeOf } from "../fleet/release-signatures.ts"
import { approveRelease, publishRelease } from "../fleet/publish-release.ts"
import { actorOf, type Caller } from "../people/caller.ts"
import { demandSecondPerson } from "../people/four-eyes.ts"
import { maySeeChannelSecrets, tellRevealed } from "../people/reveal.ts"
import { demandMine, withinReach, demandStays } from "../people/within.ts"
import type { ApiNeeds } from "./api-needs.ts"
import { fleetHandlers } from "./fleet-handlers.ts"
import type { Handlers } from "./handler.ts"
import { listHandlers } from "./list-handlers.ts"
import { labHandlers } from "./lab-handlers.ts"
import { loginHandlers } from "./login-handlers.ts"
import { webhookHandlers } from "./webhook-handlers.ts"
import { groupHandlers } from "./group-handlers.ts"
import { peopleHandlers } from "./people-handlers.ts"
import { deviceWire, wireSentence } from "../fleet/wire/device-wire.ts"
import { deviceById, removeDevice } from "../fleet/remove-device.ts"
import { replaceDevice, setDevice } from "../fleet/set-device.ts"
import { channelByName, channelFiles, removeChannel, setChannel } from "../fleet/set-channel.ts"
import { orderErase } from "../fleet/order-erase.ts"
import { rollBackRollout } from "../fleet/roll-back.ts"
import { ShownPlans } from "../fleet/shown-plans.ts"
import { beginPlan, beginShown, type BegunRollout } from "../fleet/start-rollout.ts"
import { retryFailed } from "../fleet/retry-failed.ts"
import { rehearsePlan } from "../fleet/rehearse-rollout.ts"
import { parseRules, planIdOfBody, planOfBody } from "./rollout-order.ts"
import { setRules } from "../fleet/set-rules.ts"
import { rolloutById } from "../fleet/find-rollout.ts"
import {
  abortRollout,
  approveRollout,
  openGate,
  pauseRollout,
  resumeRollout,
  withdrawRelease,
} from "../fleet/steer-rollout.ts"
import {
  accessView,
  channelView,
  deltaView,
  deviceView,
  enrolmentView,
  planView,
  releaseView,
  rehearsalView,
  rolloutView,
} from "./views.ts"

/** Every endpoint's deed. */
export function handlers(needs: ApiNeeds): Handlers {
  const plans = new ShownPlans(needs)
  const finder = new DeviceFinder(needs)
  return {
    ...deviceHandlers(needs),
    ...enrolmentHandlers(needs),
    ...releaseHandlers(needs),
    ...deltaHandlers(needs),
    ...groupHandlers(needs),
    ...rolloutHandlers(needs, plans),
    ...otherHandlers(needs),
    ...listHandlers(needs, plans, finder),
    ...fleetHandlers(needs, finder),
    ...peopleHandlers(needs),
    ...loginHandlers(needs),
    ...webhookHandlers(needs),
    ...labHandlers(needs),
  }
}

/** A use case's needs on behalf of whoever made the call. */
const by = (needs: ApiNeeds, caller: Caller): ApiNeeds & OnBehalf => ({ ...needs, actor: actorOf(caller) })

type Some<Name extends EndpointName> = Pick<Handlers, Name>

function deviceHandlers(
  needs: ApiNeeds,
): Some<
  | "addDevice"
  | "importDevices"
  | "showDevice"
  | "deviceAccess"
  | "deviceWire"
  | "removeDevice"
  | "acceptDevice"
  | "setDevice"
  | "replaceDevice"
  | "askDevice"
> {
  return {
    addDevice: async ({ body }, caller) => accessView(needs, await addDevice(by(needs, caller), body)),
    importDevices: async ({ body }, caller) => {
      const devices = await addDevices(by(needs, caller), body)
      return devices.map((device) => accessView(needs, device))
    },
    showDevice: async ({ params }, _caller, { tag }) => {
      const live = deviceById(needs, (params as { id: string }).id)
      tag(live.device)
      const view = deviceView(needs, live, await newestUpdate(needs, live))
      return { ...view, explain: `${view.explain}${wireSentence(needs, live)}` }
    },
    deviceWire: async ({ params, query }) => {
      await Promise.resolve()
      const { id } = params as { id: string }
      const sessions = deviceWire(needs, deviceById(needs, id), query)
      return {
        id,
        sessions: sessions.map((session) => ({
          ...session,
          lines: [...session.lines],
          findings: [...session.findings],
        })),
      }
    },
    deviceAccess: async ({ params }, caller) => {
      const { device } = deviceById(needs, (params as { id: string }).id)
      await tellRevealed(by(needs, caller), { secret: "device access", deviceId: device.id })
      return accessView(needs, device)
    },
    removeDevice: async ({ params }, caller, { expected }) => {
      const { id } = params as { id: string }
      await removeDevice(by(needs, caller), id, expected)
      return { id }
    },
    setDevice: async ({ params, body }, caller, { expected, tag }) => {
      const { id } = params as { id: string }
      demandStays(needs, caller, id, body)
      const live = await setDevice(by(needs, caller), id, body, expected)
      tag(live.device)
      return deviceView(needs, live, await newestUpdate(needs, live))
    },
    replaceDevice: async ({ params }, caller) => {
      const live = await replaceDevice(by(needs, caller), (params as { id: string }).id)
      return deviceView(needs, live, await newestUpdate(needs, live))
    },
    askDevice: async ({ params, body }) => {
      const live = await askDevice(needs, (params as { id: string }).id, body.request)
      return deviceView(needs, live, await newestUpdate(needs, live))
    },
    acceptDevice: async ({ params }, caller) => {
      const live = await acceptDevice(by(needs, caller), (params as { id: string }).id)
      return deviceView(needs, live, await newestUpdate(needs, live))
    },
  }
}

async function askDevice(needs: ApiNeeds, id: string, request: string): Promise<LiveDevice> {
  const live = deviceById(needs, id)
  const { conversation } = familyOf(needs.families, live.device.family)
  const known = Object.keys(conversation?.requests ?? {})
  if (!known.includes(request)) {
    const words = { family: live.device.family, request, known: known.length === 0 ? "none" : known.join(", ") }
    throw new Refusal("no-such-request", words)
  }
  await converse(needs, live, { kind: "asked", request })
  return live
}

function enrolmentHandlers(needs: ApiNeeds): Some<"createEnrolment" | "revokeEnrolment"> {
  return {
    createEnrolment: async ({ body }, caller) => enrolmentView(await createEnrolment(by(needs, caller), body), true),
    revokeEnrolment: async ({ params }, caller) =>
      enrolmentView(await revokeEnrolment(by(needs, caller), (params as { id: string }).id)),
  }
}

async function newestUpdate({ store }: Pick<ApiNeeds, "store">, live: LiveDevice): Promise<Update | null> {
  if (live.update !== null) return live.update
  return (await store.updatesOfDevice(live.device.id, 1))[0] ?? null
}

function releaseHandlers(
  needs: ApiNeeds,
): Some<"publishRelease" | "approveRelease" | "addSignatures" | "setRules" | "showRelease" | "withdrawRelease"> {
  return {
    publishRelease: async ({ query, body }, caller) => {
      const { family, fileName, version, models, options, rules, signatures } = query
      const mustBeApproved = needs.fourEyes.has("release")
      const envelope = signatures === undefined ? null : envelopeOf(signatures)
      const upload = {
        fileName,
        bytes: body,
        models: models === undefined || models === "" ? [] : models.split(","),
        options: parseOptions(options),
        ...(version === undefined ? {} : { version }),
      }
      return releaseView(
        await publishRelease({ ...by(needs, caller), mustBeApproved, envelope }, family, upload, parseRules(rules)),
      )
    },
    setRules: async ({ params, body }, caller) =>
      releaseView(await setRules(by(needs, caller), (params as { id: string }).id, body)),
    showRelease: ({ params }) => releaseView(releaseById(needs, (params as { id: string }).id)),
    approveRelease: async ({ params }, caller) =>
      releaseView(await approveRelease(by(needs, caller), (params as { id: string }).id)),
    addSignatures: async ({ params, body }, caller) =>
      releaseView(await addSignatures(by(needs, caller), (params as { id: string }).id, envelopeOf(body.envelope))),
    withdrawRelease: async ({ params, query }, caller) => {
      const { id } = params as { id: string }
      await withdrawRelease(by(needs, caller), id)
      if (query.erase === true) await orderErase(by(needs, caller), id)
      return releaseView(releaseById(needs, id))
    },
  }
}

function deltaHandlers(needs: ApiNeeds): Some<"makeDelta" | "cancelDelta"> {
  const view = ({ id, from }: { readonly id: string; readonly from: string }): DeltaView => {
    const found = deltasOf(needs, id).find((delta) => delta.from.id === from)
    if (found === undefined) throw new Refusal("no-such-delta", { release: id, from })
    return deltaView(found)
  }
  return {
    makeDelta: ({ params }) => {
      orderDelta(needs, params.id, params.from)
      return view(params)
    },
    cancelDelta: async ({ params }, caller) => {
      await cancelDelta(by(needs, caller), params.id, params.from)
      return view(params)
    },
  }
}

function parseOptions(text: string | undefined): Record<string, string> {
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === "object" && value !== null && Object.values(value).every((one) => typeof one === "string")) {
      return value as Record<string, string>
    }
  } catch (error) {
    throw new Refusal("bad-request", { detail: `options is not JSON (${(error as Error).message})` })
  }
  throw new Refusal("bad-request", { detail: "options must be a JSON object whose values are texts" })
}

function rolloutHandlers(
  needs: ApiNeeds,
  plans: ShownPlans,
): Some<
  | "planRollout"
  | "startRollout"
  | "showRollout"
  | "pauseRollout"
  | "resumeRollout"
  | "abortRollout"
  | "retryFailed"
  | "rollBackRollout"
  | "openGate"
  | "approveRollout"
  | "rehearsePlan"
> {
  const view = (live: LiveRollout): RolloutView => rolloutView(needs, live)
  return {
    planRollout: async ({ body }, caller) => {
      const plan = withinReach(needs, caller, planOfBody(body))
      const { releases: releaseIds, group, allowsDowngrade } = plan
      const again = body.again === true
      const planned = await planRollout(needs, { releaseIds, group, again, allowsDowngrade })
      return planView(plans.keep({ ...planned, plan, again }))
    },
    startRollout: async ({ body }, caller, { repeatId }) => {
      // Its id stands for the call: also a server that was started anew knows that it is done.
      const id = repeatId === null ? undefined : `o-${repeatId.slice(0, 16)}`
      const started = needs.live.rollouts.get(id ?? "")
      if (started !== undefined) return view(started)
      const mustBeApproved = needs.fourEyes.has("rollout")
      const planId = planIdOfBody(body)
      if (planId !== null) {
        const shown = plans.byId(planId)
        demandMine(needs, caller, shown.members)
        return view(await answerOf(needs, await beginShown(by(needs, caller), shown, { mustBeApproved, id })))
      }
      const plan = withinReach(needs, caller, planOfBody(body))
      const more = { again: body.again === true, mayTakeOver: body.takeOver === true, mustBeApproved, id }
      return view(await answerOf(needs, await beginPlan(by(needs, caller), plan, more)))
    },
    rehearsePlan: async ({ body }, caller) => {
      const { plan, seeds = 5, horizonMs = 30 * 86_400_000, rhythmMs = 6 * 3_600_000, odds = {} } = body
      const order = { plan: withinReach(needs, caller, planOfBody({ plan })), seeds, horizonMs, rhythmMs, odds }
      return rehearsalView(await rehearsePlan(needs, order))
    },
    showRollout: ({ params }, _caller, { tag }) => {
      const live = rolloutById(needs, (params as { id: string }).id)
      tag(live.rollout)
      return view(live)
    },
    pauseRollout: async ({ params }, caller) =>
      view(await pauseRollout(by(needs, caller), (params as { id: string }).id)),
    resumeRollout: async ({ params }, caller) =>
      view(await resumeRollout(by(needs, caller), (params as { id: string }).id)),
    abortRollout: async ({ params }, caller) =>
      view(await abortRollout(by(needs, caller), (params as { id: string }).id)),
    rollBackRollout: async ({ params }, caller) =>
      view(
        await rollBackRollout(by(needs, caller), (params as { id: string }).id, {
          mustBeApproved: needs.fourEyes.has("roll-back"),
        }),
      ),
    retryFailed: async ({ params }, caller) =>
      view(await retryFailed(by(needs, caller), (params as { id: string }).id)),
    openGate: async ({ params }, caller) => view(await openGate(by(needs, caller), (params as { id: string }).id)),
    approveRollout: async ({ params }, caller) => {
      const { id } = params as { id: string }
      await demandSecondPerson(needs, caller, id)
      return view(await approveRollout(by(needs, caller), id))
    },
  }
}

/** A rollout of many devices is answered when it has begun: it goes on by itself. */
async function answerOf(needs: ApiNeeds, { live, done, isLong }: BegunRollout): Promise<LiveRollout> {
  const goesOn = done.catch((error: unknown) =>
    needs.complain(`the rollout ${live.rollout.id} did not begin whole; it goes on later`, error),
  )
  if (!isLong) await goesOn
  return live
}

function otherHandlers(
  needs: ApiNeeds,
): Some<
  "listSettings" | "health" | "limits" | "families" | "showChannel" | "setChannel" | "removeChannel" | "channelFiles"
> {
  const { live } = needs
  return {
    listSettings: () => needs.settings.map((setting) => ({ ...setting })),
    limits: () =>
      Object.entries(limits).map(([name, limit]) => ({ name, ...limit, hits: needs.hits.count(name as LimitName) })),
    health: async () => {
      const detail = await needs.whyNotReady()
      if (detail !== null) throw new Refusal("not-ready", { detail })
      return { status: "ok", version: needs.version, devices: live.devices.size, listeners: needs.listeners() }
    },
    families: () =>
      needs.families.map(({ id, title, noun, access, versions, models }) => ({
        id,
        title,
        noun,
        access: access.words,
        versions: versions.help,
        models: models.map((model) => ({ ...model })),
      })),
    showChannel: async ({ params }, caller) => {
      const { name } = params as { name: string }
      const channel = channelByName(needs, name)
      const reveals = maySeeChannelSecrets(caller)
      if (reveals) await tellRevealed(by(needs, caller), { secret: `channel ${name}` })
      return channelView(needs, channel, reveals)
    },
    setChannel: async ({ params, body }, caller) => {
      const { name } = params as { name: string }
      await setChannel(by(needs, caller), { name, ...body })
      return channelView(needs, channelByName(needs, name), true)
    },
    removeChannel: async ({ params }, caller) => {
      const { name } = params as { name: string }
      await removeChannel(by(needs, caller), name)
      return { name }
    },
    channelFiles: async ({ params }) => {
      const files = await channelFiles(needs, (params as { name: string }).name)
      return files.map(({ name, role, bytes }) => ({ name, role, base64: Buffer.from(bytes).toString("base64") }))
    },
  }
}
