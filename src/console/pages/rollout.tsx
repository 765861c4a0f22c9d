import { useQuery } from "@tanstack/react-query"
import { Link, useParams, useSearch } from "@tanstack/react-router"
import { CircleX, Copy, Info, LockOpen, Pause, Play, RotateCcw, Stamp, Terminal, Undo2 } from "lucide-react"
import { useState } from "react"
import type { CauseView, RolloutView, UpdateView } from "../../core/contract/schemas.ts"
import { updateStates } from "../../core/domain/update.ts"
import { ApiError, call } from "../live/api.ts"
import { bytesText, countText, middleText, percentText, plural } from "../live/numbers.ts"
import { queryClient, releases, rollout, rolloutCauses, rolloutUpdates } from "../live/queries.ts"
import { Button, buttonClass } from "../parts/button.tsx"
import { Callout } from "../parts/callout.tsx"
import { Card } from "../parts/card.tsx"
import { copy, curlText } from "../parts/copy.ts"
import { ConfirmDialog } from "../parts/dialog.tsx"
import { MoreMenu } from "../parts/menu.tsx"
import { Empty, Facts, PageHead, Stack, Stacks } from "../parts/page.tsx"
import { rolloutTitle } from "../parts/rollout-line.tsx"
import { PhaseBar } from "../parts/phases.tsx"
import { RolloutPill, StateLegend, StateWord } from "../parts/state.tsx"
import { type Column, Table } from "../parts/table.tsx"
import { Since } from "../parts/times.tsx"
import { tell, tellRefusal } from "../parts/toast.tsx"
import { isUpdateState, overStates, rolloutLooks } from "../live/states.ts"

/** One rollout, live: how it stands, why devices are not done, and what can be done about it. */
export function Rollout() {
  const { id } = useParams({ from: "/rollouts/$id" })
  const { data, error } = useQuery(rollout(id))
  const known = useQuery(releases).data ?? []
  if (error instanceof ApiError) {
    return (
      <>
        <PageHead title={<span className="mono">{id}</span>} />
        <Empty says={error.message}>
          <Link to="/rollouts" className={buttonClass("default")}>
            All rollouts
          </Link>
        </Empty>
      </>
    )
  }
  if (data === undefined) return <h1 className="visually-hidden">{id}</h1>
  return (
    <>
      <PageHead
        title={
          <>
            {rolloutTitle(data, known)}
            <RolloutPill state={data.state} />
          </>
        }
        sub={
          <>
            <span className="mono">{data.group ?? "every device that fits"}</span> · {plural(data.devices, "device")} ·
            started <Since at={data.startedAt} ago />
          </>
        }
        deeds={<RolloutDeeds rollout={data} />}
      />
      <Callout glyph={Info} as={rolloutLooks[data.state]?.as ?? "waiting"} sentence={data.explain} />
      <Stack>
        <Card>
          <PhaseBar phases={data.phases} />
          <StateLegend counts={data.counts} href={(state) => `?state=${state}`} />
        </Card>
        <Updates rollout={data} />
      </Stack>
    </>
  )
}

const causeColumns: readonly Column<CauseView>[] = [
  { title: "Update", cell: ({ state }) => <StateWord state={state} /> },
  { title: "What it means", cell: ({ sentence }) => sentence },
  { title: "Example", cell: ({ example }) => <DeviceLink id={example} /> },
  {
    title: "Models",
    cell: ({ models }) => (
      <span className="muted">{models.map(({ value, devices }) => `${value} ${countText(devices)}`).join(", ")}</span>
    ),
  },
  { title: "Devices", right: true, cell: ({ devices }) => countText(devices) },
]

const updateColumns: readonly Column<UpdateView>[] = [
  { title: "Device", cell: ({ deviceId }) => <DeviceLink id={deviceId} /> },
  { title: "State", cell: ({ state }) => <StateWord state={state} /> },
  { title: "To", cell: ({ version }) => <span className="mono">{version}</span> },
  { title: "Why", cell: ({ sentence }) => <span className="muted">{sentence}</span> },
  { title: "Since", right: true, cell: ({ since }) => <Since at={since} /> },
]

const shownUpdates = 200

function Updates({ rollout }: { readonly rollout: RolloutView }) {
  const { id, startedAt, endedAt, silenceTimeoutMs } = rollout
  const { state } = useSearch({ from: "/rollouts/$id" })
  const causes = useQuery(rolloutCauses(id)).data?.items ?? []
  const page = useQuery(rolloutUpdates(id, isUpdateState(state) ? state : undefined)).data
  const chosen = page?.items ?? []
  const total = page?.total ?? 0
  return (
    <Stacks
      left={
        <>
          <Card
            title="Why not done"
            aside={plural(
              causes.reduce((whole, { devices }) => whole + devices, 0),
              "device",
            )}
          >
            {causes.length === 0 ? (
              <Empty says="Every device is done." />
            ) : (
              <Table
                caption="Causes"
                columns={causeColumns}
                rows={causes}
                keyOf={({ state, code, sentence }) => `${state} ${code} ${sentence}`}
              />
            )}
          </Card>
          <Card
            title={state === "" ? "Devices" : `Devices that are ${state}`}
            aside={
              state === "" ? (
                countText(total)
              ) : (
                <Link to="/rollouts/$id" params={{ id }} search={{ state: "" }}>
                  {countText(total)} · show all
                </Link>
              )
            }
          >
            <Table
              caption="Devices"
              columns={updateColumns}
              rows={chosen.slice(0, shownUpdates)}
              keyOf={(update) => update.id}
            />
            {total > shownUpdates ? (
              <p className="meta">The first {shownUpdates} are shown; choose a state above for fewer.</p>
            ) : null}
          </Card>
        </>
      }
      right={
        <>
          <CanaryCard phases={rollout.phases} />
          <Costs rollout={rollout} />
          <Foretold rollout={rollout} />
          <Card title="Rollout">
            <Facts
              rows={[
                ["Id", <span className="mono">{id}</span>],
                ["Started", <Since at={startedAt} ago />],
                ["Ended", endedAt === null ? "–" : <Since at={endedAt} ago />],
                ["Silent after", `${Math.round(silenceTimeoutMs / 3_600_000)} h`],
              ]}
            />
          </Card>
        </>
      }
    />
  )
}

function Costs({ rollout: { budget, plan, rollbackOf } }: { readonly rollout: RolloutView }) {
  const { bytes, sms, money } = plan.budget
  return (
    <Card title="What it costs">
      <Facts
        rows={[
          [
            "Data sent",
            <>
              <span title={`${budget.bytes} bytes`}>{bytesText(budget.bytes)}</span>
              {bytes === null ? null : ` of ${bytesText(bytes)}, then it pauses itself`}
            </>,
          ],
          ["SMS", `${countText(budget.sms)}${sms === null ? "" : ` of ${countText(sms)}, then it pauses itself`}`],
          ...(budget.money === 0 && money === null
            ? []
            : [["Money", `${budget.money.toFixed(2)}${money === null ? "" : ` of ${money.toFixed(2)}`}`] as const]),
          ...(rollbackOf === null
            ? []
            : [
                [
                  "Takes back",
                  <Link to="/rollouts/$id" params={{ id: rollbackOf }} search={{ state: "" }} className="mono">
                    {rollbackOf}
                  </Link>,
                ] as const,
              ]),
        ]}
      />
    </Card>
  )
}

interface Share {
  readonly what: string
  readonly canary: string
  readonly rest: string
}

const shareColumns: readonly Column<Share>[] = [
  { title: "Share", cell: ({ what }) => what },
  { title: "Canary", right: true, cell: ({ canary }) => canary },
  { title: "Rest", right: true, cell: ({ rest }) => rest },
]

/** The first phase beside all others. */
function CanaryCard({ phases }: { readonly phases: RolloutView["phases"] }) {
  const [first, ...others] = phases
  if (first === undefined || others.length === 0) return null
  const sides = [[first], others].map((side) => {
    const size = side.reduce((whole, phase) => whole + phase.size, 0)
    const of = (...states: (keyof typeof updateStates)[]): number =>
      side.reduce((whole, { counts }) => whole + sum(counts, states), 0)
    return { size, of, over: of(...overStates) }
  })
  const [canary, rest] = sides as [(typeof sides)[number], (typeof sides)[number]]
  const share = (what: string, ...states: (keyof typeof updateStates)[]): Share => ({
    what,
    canary: percentText(canary.of(...states), canary.over),
    rest: percentText(rest.of(...states), rest.over),
  })
  const rows: readonly Share[] = [
    {
      what: "Over",
      canary: `${canary.over} of ${canary.size}`,
      rest: `${countText(rest.over)} of ${countText(rest.size)}`,
    },
    share("Succeeded", "succeeded"),
    share("Failed", "failed"),
    share("No-show", "no-show"),
  ]
  return (
    <Card title="Canary against the rest">
      <Table caption="Canary against the rest" columns={shareColumns} rows={rows} keyOf={({ what }) => what} />
      {canary.over < 10 ? (
        <p className="meta">With {plural(canary.over, "canary", "canaries")} over, a difference says little yet.</p>
      ) : null}
    </Card>
  )
}

/** What a rehearsal of the same plan foretold, beside what came of it. */
function Foretold({ rollout: { prediction, counts, budget } }: { readonly rollout: RolloutView }) {
  if (prediction === null) return null
  const number = (name: string): number => (typeof prediction[name] === "number" ? prediction[name] : 0)
  const rows: readonly (readonly [string, string])[] = [
    ["Succeeded", `${countText(counts["succeeded"] ?? 0)}, foretold ${countText(number("succeeded"))}`],
    ["Failed", `${countText(counts["failed"] ?? 0)}, foretold ${countText(number("failed"))}`],
    ["No-show", `${countText(counts["no-show"] ?? 0)}, foretold ${countText(number("noShow"))}`],
    ["Data", `${bytesText(budget.bytes)}, foretold ${bytesText(number("bytes"))}`],
  ]
  return (
    <Card title="What was foretold">
      <Facts rows={rows} />
    </Card>
  )
}

function DeviceLink({ id }: { readonly id: string }) {
  return (
    <Link to="/devices/$id" params={{ id }} className="mono" title={id}>
      {middleText(id, 24)}
    </Link>
  )
}

function RolloutDeeds({ rollout: { id, state, counts, phases, plan } }: { readonly rollout: RolloutView }) {
  const [aborting, setAborting] = useState(false)
  const [goingBack, setGoingBack] = useState(false)
  const refresh = async (): Promise<void> => {
    await queryClient.invalidateQueries({ queryKey: ["rollout", id] })
    await queryClient.invalidateQueries({ queryKey: ["rollouts"] })
  }
  const steer = (route: SteerRoute, says: string): void => {
    call(route, { params: { id } })
      .then(refresh)
      .then(() => tell(says))
      .catch(tellRefusal)
  }
  const isOpen = state === "running" || state === "paused"
  const waitsForApproval =
    plan.approval && sum(counts, ["waiting"]) === Object.values(counts).reduce((a, b) => a + b, 0)
  return (
    <>
      {state === "running" ? (
        <Button icon={Pause} needs="operator" onClick={() => steer("POST /api/rollouts/:id/pause", `${id} is paused`)}>
          Pause
        </Button>
      ) : null}
      {state === "paused" ? (
        <Button icon={Play} needs="operator" onClick={() => steer("POST /api/rollouts/:id/resume", `${id} goes on`)}>
          Resume
        </Button>
      ) : null}
      {isOpen ? (
        <Button icon={CircleX} needs="operator" onClick={() => setAborting(true)}>
          Abort…
        </Button>
      ) : null}
      {isOpen ? (
        <Button icon={Undo2} needs="operator" onClick={() => setGoingBack(true)}>
          Roll back…
        </Button>
      ) : null}
      {isOpen && waitsForApproval ? (
        <Button
          kind="primary"
          icon={Stamp}
          needs="operator"
          onClick={() => steer("POST /api/rollouts/:id/approve", `${id} is approved`)}
        >
          Approve
        </Button>
      ) : null}
      {isOpen && phases.some((phase) => phase.state === "closed") ? (
        <Button
          icon={LockOpen}
          needs="operator"
          onClick={() => steer("POST /api/rollouts/:id/open-gate", `${id}: the gate is open`)}
        >
          Open the next gate
        </Button>
      ) : null}
      {sum(counts, ["failed", "no-show"]) > 0 ? (
        <Button
          icon={RotateCcw}
          needs="operator"
          onClick={() => steer("POST /api/rollouts/:id/retry-failed", `${id}: the failed try again`)}
        >
          Retry failed
        </Button>
      ) : null}
      <MoreMenu
        label={`More for ${id}`}
        rows={[
          { word: "Copy as CLI", icon: Terminal, onPress: () => copy("The command", `waft rollout show ${id}`) },
          {
            word: "Copy as curl",
            icon: Copy,
            onPress: () => copy("The command", curlText("GET", `/api/rollouts/${id}`)),
          },
        ]}
      />
      <ConfirmDialog
        title={`Roll back ${id}`}
        means="It ends, and every device that had begun is brought back to what it ran before, by its family's own means."
        touches={backOf(counts)}
        name={id}
        deed="Roll back"
        keep="Keep it running"
        open={goingBack}
        onClose={() => setGoingBack(false)}
        onDeed={async () => {
          const back = await call("POST /api/rollouts/:id/roll-back", { params: { id } })
          await refresh()
          tell(`${back.id} takes ${id} back`)
        }}
      />
      <ConfirmDialog
        title={`Abort ${id}`}
        means="Nothing is offered any more. Devices that are done keep the new version."
        touches={touchesOf(counts)}
        name={id}
        deed="Abort rollout"
        keep="Keep it running"
        open={aborting}
        onClose={() => setAborting(false)}
        onDeed={async () => {
          await call("POST /api/rollouts/:id/abort", { params: { id } })
          await refresh()
          tell(`${id} is aborted`)
        }}
      />
    </>
  )
}

type SteerRoute =
  | "POST /api/rollouts/:id/pause"
  | "POST /api/rollouts/:id/resume"
  | "POST /api/rollouts/:id/open-gate"
  | "POST /api/rollouts/:id/approve"
  | "POST /api/rollouts/:id/retry-failed"

/** What an abort does, numbers first, zeros left out. */
function touchesOf(counts: Readonly<Record<string, number>>): readonly string[] {
  const begun = sum(counts, ["downloading", "downloaded", "installing"])
  const rows: readonly (readonly [number, string])[] = [
    [counts["succeeded"] ?? 0, "keep the new version."],
    [begun, "have begun: their offer is withdrawn; what is already on the device may still install."],
    [sum(counts, ["waiting", "offered", "accepted"]), "have not begun and keep the old version."],
  ]
  return rows.filter(([count]) => count > 0).map(([count, words]) => `${countText(count)} ${words}`)
}

/** What a roll-back does, numbers first. */
function backOf(counts: Readonly<Record<string, number>>): readonly string[] {
  const rows: readonly (readonly [number, string])[] = [
    [
      sum(counts, ["succeeded", "downloading", "downloaded", "installing", "no-show", "failed"]),
      "have or may have the new version and are brought back.",
    ],
    [sum(counts, ["waiting", "offered", "accepted"]), "have not begun and are left as they are."],
  ]
  return rows.filter(([count]) => count > 0).map(([count, words]) => `${countText(count)} ${words}`)
}

function sum(counts: Readonly<Record<string, number>>, states: readonly (keyof typeof updateStates)[]): number {
  return states.reduce((whole, state) => whole + (counts[state] ?? 0), 0)
}
