import { useQuery } from "@tanstack/react-query"
import { Link, useNavigate } from "@tanstack/react-router"
import { Play } from "lucide-react"
import { useState } from "react"
import type { LabView } from "../../core/contract/schemas.ts"
import { call } from "../live/api.ts"
import { families, health, lab, queryClient } from "../live/queries.ts"
import { Button, buttonClass } from "./button.tsx"
import { Card } from "./card.tsx"
import { Fault, useDeed } from "./dialog.tsx"
import styles from "./first-run.module.css"
import { PageHead, Stacks } from "./page.tsx"

/** What a server without devices shows: how to see an update at once, and how to bring one's own. */
export function FirstRun() {
  return (
    <>
      <PageHead
        title="No devices yet"
        sub="The server is up. Practise on virtual devices first; they speak the vendor's language byte by byte and fail the way real ones do."
      />
      <Stacks left={<Practise />} right={<ConnectYours />} />
    </>
  )
}

const steps: readonly (readonly [string, string])[] = [
  ["They call", "first contact and model"],
  ["You look", "what a rollout would do, device by device"],
  ["You start", "one device first, watched live"],
  ["They run it", "and the page says how it is known"],
]

/** The way through a first update, with the step that it is at. */
export function Steps({ at }: { readonly at: number | null }) {
  return (
    <ol className={styles.steps} data-alone={at !== null}>
      {steps.map(([title, says], index) => (
        <li key={title} aria-current={index === at ? "step" : undefined} data-done={at !== null && index < at}>
          <span className={styles.number}>{index + 1}</span>
          <span>
            <b>{title}</b>
            <span className="meta">{says}</span>
          </span>
        </li>
      ))}
    </ol>
  )
}

function Practise() {
  const { data } = useQuery(lab)
  const families = (data?.families ?? []).slice(0, 4)
  const [chosen, setChosen] = useState<string | null>(null)
  const one = chosen ?? families[0]?.family ?? ""
  const alone = useStart([one])
  const all = useStart(families.map(({ family }) => family))
  const isBusy = alone.busy || all.busy || data === undefined
  return (
    <Card>
      <div className={styles.practise}>
        <h2 className={styles.title}>See an update in a minute</h2>
        <p className="muted">
          Five virtual devices start beside the server, ask it as hardware would, and take new firmware. Nothing leaves
          this machine; remove them with one click.
        </p>
        {data?.isAllowed === false ? (
          <p className={styles.off}>
            Virtual devices are off on this server. Start it with <code className="mono">--lab on</code>, as{" "}
            <code className="mono">npm start</code> does.
          </p>
        ) : (
          <>
            <Choice families={families} chosen={one} onChoose={setChosen} />
            <Fault says={alone.fault ?? all.fault} />
            <div className={styles.deeds}>
              <Button kind="primary" icon={Play} needs="releaser" disabled={isBusy} onClick={alone.run}>
                Start 5 virtual devices
              </Button>
              <Button kind="quiet" disabled={isBusy} onClick={all.run}>
                All four families at once
              </Button>
            </div>
          </>
        )}
        <Steps at={null} />
      </div>
    </Card>
  )
}

/** Starts virtual devices of these families, and goes to where they are watched. */
function useStart(families: readonly string[]): ReturnType<typeof useDeed> {
  const navigate = useNavigate()
  return useDeed(
    async () => {
      const started = await call("POST /api/lab/practice", { body: { families: [...families] } })
      queryClient.setQueryData(lab.queryKey, started)
      await navigate({ to: "/practice" })
    },
    () => undefined,
  )
}

interface ChoiceProps {
  readonly families: LabView["families"]
  readonly chosen: string
  readonly onChoose: (family: string) => void
}

function Choice({ families, chosen, onChoose }: ChoiceProps) {
  return (
    <fieldset className={styles.choice}>
      <legend className="visually-hidden">Which devices</legend>
      {families.map(({ family, title, speaks }) => (
        <label key={family} className={styles.option}>
          <input
            type="radio"
            name="practice"
            className="visually-hidden"
            checked={family === chosen}
            onChange={() => onChoose(family)}
          />
          <b>{title}</b>
          <span className="meta">{speaks}</span>
        </label>
      ))}
    </fieldset>
  )
}

/** `Login into the device.` */
function sentenceCase(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`
}

/** What real devices are told, family by family. */
function ConnectYours() {
  const known = useQuery(families).data ?? []
  const listeners = useQuery(health).data?.listeners ?? {}
  const doors = [
    ["FTP", listeners["ftp"]],
    ["HTTP", listeners["device-http"]],
    ["Messages over TCP", listeners["device-tcp"]],
  ] as const
  return (
    <Card title="Connect your own">
      <ul className={styles.yours}>
        {known.map(({ id, title, access }) => (
          <li key={id}>
            <b>{title}</b>
            <span className="muted">{sentenceCase(access)}</span>
          </li>
        ))}
        <li>
          <b>Where they call</b>
          {doors.map(([word, at]) =>
            at === undefined ? null : (
              <span key={word}>
                <span className="muted">{word}</span> <span className="mono">{at}</span>
              </span>
            ),
          )}
        </li>
        <li>
          <b>They share one login</b>
          <span className="muted">
            <Link to="/channels">Channels</Link> offer one release, or nothing, to whoever comes.
          </span>
        </li>
      </ul>
      <Link to="/devices" search={{ filter: "" }} className={buttonClass("default")}>
        Add a device…
      </Link>
    </Card>
  )
}
