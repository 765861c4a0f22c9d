import { Link } from "@tanstack/react-router"
import { Button, buttonClass } from "../parts/button.tsx"
import { Empty, PageHead } from "../parts/page.tsx"

export function Missing() {
  return (
    <>
      <PageHead title="There is no such page" />
      <Empty says="The address names nothing that the console has.">
        <Link to="/" className={buttonClass("default")}>
          Go to the overview
        </Link>
      </Empty>
    </>
  )
}

/** A page of ours that failed: says so instead of standing empty. */
export function Failed({ error }: { readonly error: unknown }) {
  return (
    <>
      <PageHead title="This page failed" />
      <Empty says={`It is a fault of the console: ${error instanceof Error ? error.message : String(error)}`}>
        <Button onClick={() => location.reload()}>Load it again</Button>
      </Empty>
    </>
  )
}
