import { Tabs as BaseTabs } from "@base-ui/react/tabs"
import type { ReactNode } from "react"
import styles from "./tabs.module.css"

export interface Tab {
  readonly name: string
  readonly content: ReactNode
}

interface Props {
  readonly label: string
  readonly tabs: readonly Tab[]
  /** The tab that is open; the first when there is none of that name. */
  readonly open: string
  readonly onOpen: (name: string) => void
}

/** Tabs whose choice stands in the page's address. */
export function Tabs({ label, tabs, open, onOpen }: Props) {
  const value = tabs.find(({ name }) => name === open)?.name ?? tabs[0]?.name
  return (
    <BaseTabs.Root value={value} onValueChange={(next: string) => onOpen(next)}>
      <BaseTabs.List className={styles.list} aria-label={label}>
        {tabs.map(({ name }) => (
          <BaseTabs.Tab key={name} value={name} className={styles.tab}>
            {name}
          </BaseTabs.Tab>
        ))}
      </BaseTabs.List>
      {tabs.map(({ name, content }) => (
        <BaseTabs.Panel key={name} value={name}>
          {content}
        </BaseTabs.Panel>
      ))}
    </BaseTabs.Root>
  )
}
