import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { rollouts } from "../live/queries.ts"
import { buttonClass } from "../parts/button.tsx"
import { Card } from "../parts/card.tsx"
import { Empty, PageHead, Stack } from "../parts/page.tsx"
import { RolloutLine } from "../parts/rollout-line.tsx"

/** Every rollout, those that are open first. */
export function Rollouts() {
  const { data } = useQuery(rollouts)
  const all = data?.toReversed() ?? []
  const isOpen = (state: string): boolean => state === "running" || state === "paused"
  const open = all.filter(({ state }) => isOpen(state))
  const over = all.filter(({ state }) => !isOpen(state))
  return (
    <>
      <PageHead
        title="Rollouts"
        deeds={
          <Link to="/rollouts/new" search={{ group: "", release: "" }} className={buttonClass("primary")}>
            Start a rollout
          </Link>
        }
      />
      {data === undefined ? null : (
        <Stack>
          <Card title="Open" aside={open.length}>
            {open.length === 0 ? (
              <Empty says="No rollout is open." />
            ) : (
              open.map((one) => <RolloutLine key={one.id} rollout={one} />)
            )}
          </Card>
          {over.length === 0 ? null : (
            <Card title="Over" aside={over.length}>
              {over.slice(0, 50).map((one) => (
                <RolloutLine key={one.id} rollout={one} />
              ))}
            </Card>
          )}
        </Stack>
      )}
    </>
  )
}
