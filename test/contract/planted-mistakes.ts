import type { PullRules } from "../../src/core/domain/pull-rules.ts"
import { versionOf } from "../../src/core/families/contract-samples.testing.ts"
import type { Family, OfferedFile } from "../../src/core/families/family.ts"
import type { CheckName } from "./checks.ts"

/** A mistake that somebody could make in a family, and the check of the contract that must see it. */
export interface Mistake {
  readonly name: string
  readonly families: readonly string[]
  readonly make: (family: Family) => Family
  readonly seenBy: CheckName
}

const all = ["waspmote", "pic32mzw1", "quectel", "telit", "ddi"] as const
/** Whose devices, or some of them, report nothing. */
const concluding = ["waspmote", "pic32mzw1", "ddi"] as const
const soundUpdate = "comes to know that a sound update runs, as soon as its rules say"

export const mistakes: readonly Mistake[] = [
  {
    name: "a publish that takes any version",
    families: all,
    make: (family) => ({
      ...family,
      publish: (upload) => {
        const published = family.publish({ ...upload, version: versionOf(family.id, 2) })
        return published.ok ? { ...published, version: upload.version ?? "" } : published
      },
    }),
    seenBy: "publishes no version that is none",
  },
  {
    name: "a version scheme that takes anything",
    families: all,
    make: (family) => ({ ...family, versions: { ...family.versions, parse: (version) => ({ version }) } }),
    seenBy: "publishes no version that is none",
  },
  {
    name: "a reversed compare",
    families: all,
    make: (family) => ({
      ...family,
      versions: { ...family.versions, compare: (a, b) => family.versions.compare(b, a) },
    }),
    seenBy: "orders the versions of its releases",
  },
  {
    name: "an offer of older firmware, as if nobody knew what the device runs",
    families: ["waspmote", "pic32mzw1"],
    make: (family) => ({
      ...family,
      planOffer: (situation) =>
        family.planOffer({
          ...situation,
          device: { ...situation.device, familyState: {}, runningVersion: null },
        }),
    }),
    seenBy: "offers an older release so that it is taken, or not at all",
  },
  {
    name: "an offer of older firmware, by a package that begins elsewhere",
    families: ["quectel", "telit"],
    make: (family) => ({
      ...family,
      planOffer: (situation) => {
        const toRelease = situation.packages?.find(({ to }) => to === situation.release.version)
        return family.planOffer({
          ...situation,
          device: { ...situation.device, runningVersion: toRelease?.from ?? situation.device.runningVersion },
        })
      },
    }),
    seenBy: "offers an older release so that it is taken, or not at all",
  },
  {
    name: "settling that never comes",
    families: concluding,
    make: (family) => withRules(family, { contact: (model) => unsettled(family.pull, model) }),
    seenBy: soundUpdate,
  },
  {
    name: "conclusions that never come",
    families: concluding,
    make: (family) => {
      const never = Object.keys(family.pull.quietContacts).map((grounds) => [grounds, 1e9] as const)
      return withRules(family, { quietContacts: Object.fromEntries(never) as unknown as PullRules["quietContacts"] })
    },
    seenBy: soundUpdate,
  },
  {
    name: "a wrong notice name",
    families: ["waspmote"],
    make: (family) => ({
      ...family,
      ftp: {
        directoryAliases: family.ftp?.directoryAliases ?? [],
        files: (offered) => (family.ftp?.files(offered) ?? []).map(misnamed),
      },
    }),
    seenBy: soundUpdate,
  },
  {
    name: "a wrong notice name, in a path",
    families: ["pic32mzw1", "ddi"],
    make: (family) => ({
      ...family,
      http: {
        ...family.http,
        routes: (family.http?.routes ?? []).map((route) =>
          route.isPoll === true ? { ...route, path: `${route.path}x` } : route,
        ),
      },
    }),
    seenBy: soundUpdate,
  },
  {
    name: "a wrong package name",
    families: ["quectel", "telit"],
    make: (family) => ({
      ...family,
      ...(family.agent === undefined ? {} : { agent: { ...family.agent, fileName: () => "elsewhere.bin" } }),
      ...(family.conversation === undefined
        ? {}
        : { conversation: { ...family.conversation, fileName: () => "elsewhere.bin" } }),
    }),
    seenBy: soundUpdate,
  },
  {
    name: "reports that nobody hears",
    families: ["quectel", "telit"],
    make: (family) => ({
      ...family,
      ...(family.agent === undefined ? {} : { agent: { ...family.agent, interpret: () => null } }),
      ...(family.conversation === undefined ? {} : { conversation: deaf(family.conversation) }),
    }),
    seenBy: soundUpdate,
  },
  {
    name: "a download taken for an install",
    families: ["quectel", "telit"],
    make: (family) => ({
      ...family,
      ...(family.agent === undefined ? {} : { agent: hasty(family.agent) }),
      ...(family.conversation === undefined ? {} : { conversation: hastyTalk(family.conversation) }),
    }),
    seenBy: "says of no failed install that it runs",
  },
]

function withRules(family: Family, change: Partial<PullRules>): Family {
  return { ...family, pull: { ...family.pull, ...change } }
}

function unsettled(rules: PullRules, model: string) {
  return { ...rules.contact(model), settleMs: Number.POSITIVE_INFINITY, sessionEndSettles: false }
}

function misnamed(file: OfferedFile): OfferedFile {
  return file.role === "notice" ? { ...file, name: "UPDATE.TXT" } : file
}

type Conversation = NonNullable<Family["conversation"]>
type Agent = NonNullable<Family["agent"]>

function deaf(side: Conversation): Conversation {
  return { ...side, step: (situation, input) => ({ ...side.step(situation, input), evidence: [] }) }
}

function hasty(side: Agent): Agent {
  return {
    ...side,
    interpret: (report, context) => {
      const meaning = side.interpret(report, context)
      return meaning?.kind === "transfer-finished" || meaning?.kind === "install-started"
        ? { ...meaning, kind: "installed" }
        : meaning
    },
  }
}

function hastyTalk(side: Conversation): Conversation {
  return {
    ...side,
    step: (situation, input) => {
      const step = side.step(situation, input)
      const evidence = step.evidence.map((one) =>
        one.kind === "accepted" || one.kind === "transfer-finished" || one.kind === "install-started"
          ? { ...one, kind: "installed" as const }
          : one,
      )
      return { ...step, evidence }
    },
  }
}
