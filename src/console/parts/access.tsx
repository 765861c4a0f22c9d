import type { ReactNode } from "react"
import type { DeviceAccessView } from "../../core/contract/schemas.ts"
import { Facts } from "./page.tsx"

/** What goes into a device, by what it speaks. */
export function AccessFacts({ access }: { readonly access: DeviceAccessView }) {
  const rows: (readonly [string, ReactNode])[] = []
  const mono = (text: string) => <span className="mono">{text}</span>
  if (access.ftp !== undefined) rows.push(["FTP user", mono(access.ftp.user)], ["Password", mono(access.ftp.password)])
  if (access.manifestUrl !== undefined) rows.push(["Manifest URL", mono(access.manifestUrl)])
  if (access.agent !== undefined) {
    rows.push(["Agent's server", mono(access.agent.server)], ["Agent's token", mono(access.agent.token)])
  }
  return rows.length === 0 ? (
    <p className="muted">Nothing: it is known by its identity alone.</p>
  ) : (
    <Facts rows={rows} />
  )
}
