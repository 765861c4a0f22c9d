import { Menu } from "@base-ui/react/menu"
import type { LucideIcon } from "lucide-react"
import { Ellipsis } from "lucide-react"
import { buttonClass } from "./button.tsx"
import { classes } from "./classes.ts"
import styles from "./overlay.module.css"

export interface MenuRow {
  readonly word: string
  readonly icon: LucideIcon
  readonly onPress: () => void
  readonly destroys?: boolean
  /** A hairline stands before it. */
  readonly apart?: boolean
}

/** What else can be done: deed, label, hairline, copies, hairline, the destructive one. */
export function MoreMenu({ label, rows }: { readonly label: string; readonly rows: readonly MenuRow[] }) {
  return (
    <Menu.Root>
      <Menu.Trigger className={buttonClass("default", { iconOnly: true })} aria-label={label}>
        <Ellipsis size={14} aria-hidden />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="end">
          <Menu.Popup className={styles.menu}>
            {rows.map(({ word, icon: Icon, onPress, destroys = false, apart = false }) => (
              <div key={word}>
                {apart ? <Menu.Separator className={styles.separator} /> : null}
                <Menu.Item className={classes(styles.item, destroys && styles.destroys)} onClick={onPress}>
                  <Icon size={14} aria-hidden />
                  {word}
                </Menu.Item>
              </div>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}
