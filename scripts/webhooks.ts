import type { TObject, TSchema } from "typebox"
import { actorText, deviceActor, engine, tokenActor } from "../src/core/domain/actor.ts"
import { eventTable } from "../src/core/domain/events/table.ts"

/** What fields of events look like, by name; where a name says too little, by kind and name. */
const samples: Readonly<Record<string, unknown>> = {
  from: "offered",
  to: "downloading",
  attempt: 1,
  code: "sha-mismatch",
  raw: '+QIND: "FOTA","END",504',
  version: "7",
  before: "6",
  running: "6",
  peer: "198.51.100.7",
  sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  sizeBytes: 118_784,
  image: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  releaseIds: ["r-4kd2"],
  devices: 200,
  group: "site=north",
  counts: { succeeded: 198, failed: 2 },
  fromReleaseId: "r-3ab1",
  fromVersion: "6",
  toVersion: "7",
  tookMs: 840,
  name: "desk",
  role: "operator",
  session: "s-7tq9mzk2ab",
  until: 1_790_000_000_000,
  secret: "device access",
  kinds: ["rollout.*"],
  after: 4711,
  by: "o-a1b2",
  octets: "0041000c91",
}

/** An event of every kind, as the log, the stream and webhooks tell it; `seq` counts the rows. */
export function exampleEvents(): readonly { readonly kind: string; readonly means: string; readonly event: object }[] {
  return Object.entries(eventTable).map(([kind, { means, data }], i) => {
    const named = kind.replace("agent.*", "agent.cable-back").replace("conversation.*", "conversation.asked")
    const room = named.split(".")[0] ?? ""
    const ofDevice = ["device", "update", "agent", "conversation", "message"].includes(room)
    const ofRollout = ["rollout", "update"].includes(room)
    const actor = ofDevice && room !== "message" ? deviceActor("m-1") : room === "rollout" ? engine : tokenActor("ci")
    return {
      kind,
      means,
      event: {
        seq: 4000 + i,
        at: 1_789_000_000_000 + i * 1000,
        kind: named,
        actor,
        deviceId: ofDevice ? "m-1" : null,
        rolloutId: ofRollout ? "o-9f3k" : null,
        releaseId: room === "release" || room === "update" || room === "delta" ? "r-4kd2" : null,
        basis: room === "update" ? "observed" : null,
        sentence: `${means.charAt(0).toUpperCase()}${means.slice(1)}.`,
        data: sampleOf(data),
      },
    }
  })
}

function sampleOf({ properties }: TObject): object {
  return Object.fromEntries(
    Object.keys(properties as Readonly<Record<string, TSchema>>).map((name) => {
      if (!Object.hasOwn(samples, name)) throw new Error(`no sample for the field ${name}`)
      return [name, samples[name]]
    }),
  )
}

/** docs/webhooks.md from `<!-- events -->` on: every kind of event with an example. */
export function eventCatalogue(): string {
  const rows = exampleEvents().map(
    ({ kind, means, event }) => `### \`${kind}\`\n\n${means}\n\n\`\`\`json\n${JSON.stringify(event)}\n\`\`\``,
  )
  const who = [actorText(tokenActor("ci")), actorText(deviceActor("m-1")), actorText(engine)].join("`, `")
  return [
    "Written by `npx tsx scripts/write-webhooks.ts` from the table that the server itself runs on.",
    `\`actor\` says who did it (\`${who}\`, as the audit log writes them); the sentences are the server's own and differ from these.`,
    ...rows,
  ].join("\n\n")
}
