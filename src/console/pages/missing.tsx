import { Link } from "@tanstack/react-router"
import { buttonClass } from "../parts/button.tsx"
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
