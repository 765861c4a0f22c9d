import { useQuery } from "@tanstack/react-query"
import { Cpu } from "lucide-react"
import { Fragment, useState } from "react"
import type { WireView } from "../../core/contract/schemas.ts"
import { durationText, plural } from "../live/numbers.ts"
import { deviceWire } from "../live/queries.ts"
import { Callout } from "./callout.tsx"
import { Field, inputClass } from "./dialog.tsx"
import { Empty } from "./page.tsx"
import { ClockTime, Since } from "./times.tsx"
import styles from "./wire.module.css"

type Session = WireView["sessions"][number]

/** What device and server said to each other, the newest contact first, and what is wrong in it with its cure. */
export function Wire({ id }: { readonly id: string }) {
  const [search, setSearch] = useState("")
  const { data, error } = useQuery({ ...deviceWire(id, search.trim()), refetchInterval: 5000 })
  if (error !== null) return <Empty says={error.message} />
  const sessions = data?.sessions.toReversed() ?? []
  return (
    <>
      <Field label="Only contacts with this text">
        <input className={inputClass} value={search} onChange={({ target }) => setSearch(target.value)} />
      </Field>
      {sessions.length === 0 && data !== undefined ? (
        <Empty
          says={
            search === ""
              ? "Nothing was said yet, or it was before the server started to take it down."
              : "No contact has this text."
          }
        />
      ) : null}
      {sessions.map((session) => (
        <Contact key={session.number} session={session} />
      ))}
    </>
  )
}

const signs: Readonly<Record<string, string>> = { device: "<", server: ">" }

function Contact({ session }: { readonly session: Session }) {
  const { channel, peer, startedAt, endedAt, lines, dropped, repeats, findings } = session
  return (
    <section className={styles.contact} aria-label={`Contact ${session.number}`}>
      <p>
        {channel.toUpperCase()} contact{endedAt === null ? ", still open" : ` of ${durationText(endedAt - startedAt)}`},{" "}
        <Since at={startedAt} ago />, from <span className="mono">{peer}</span>.
        {repeats === 0 ? null : <span className="muted"> {plural(repeats, "later contact")} said the same.</span>}
      </p>
      <div className={styles.lines} tabIndex={0} role="region" aria-label={`What contact ${session.number} said`}>
        {lines.map(({ at, from, text }, index) => (
          // oxlint-disable-next-line react/no-array-index-key -- lines are only added at the end
          <Fragment key={index}>
            <span className={styles.at}>
              <ClockTime at={at} />
            </span>
            <span className={styles[from]} aria-label={from}>
              {signs[from] ?? "="}
            </span>
            <span className={from === "note" ? styles.note : undefined}>{text}</span>
          </Fragment>
        ))}
      </div>
      {dropped === 0 ? null : <p className="meta">{plural(dropped, "further line")} were not kept.</p>}
      {findings.map(({ rule, says, cure }) => (
        <Callout key={rule} glyph={Cpu} as="failed" sentence={`${says} ${cure}`} />
      ))}
    </section>
  )
}
