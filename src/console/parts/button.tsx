import type { LucideIcon } from "lucide-react"
import type { ButtonHTMLAttributes, ReactNode } from "react"
import styles from "./button.module.css"
import { classes } from "./classes.ts"

export type ButtonKind = "primary" | "default" | "quiet" | "danger"

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly kind?: ButtonKind
  readonly small?: boolean
  readonly icon?: LucideIcon
  readonly children?: ReactNode
}

/** Primary once a page; danger only inside the dialog that confirms. */
export function Button({ kind = "default", small = false, icon: Icon, children, className, ...rest }: Props) {
  return (
    <button
      type="button"
      className={buttonClass(kind, { small, iconOnly: children === undefined }, className)}
      {...rest}
    >
      {Icon === undefined ? null : <Icon size={14} aria-hidden />}
      {children}
    </button>
  )
}

/** The look of a button for what is a link. */
export function buttonClass(
  kind: ButtonKind,
  { small = false, iconOnly = false }: { readonly small?: boolean; readonly iconOnly?: boolean } = {},
  more?: string,
): string {
  return classes(styles.button, styles[kind], small && styles.small, iconOnly && styles.icon, more)
}
