import { useQuery } from "@tanstack/react-query"
import type { LucideIcon } from "lucide-react"
import type { ButtonHTMLAttributes, ReactNode } from "react"
import { reaches, type Role } from "../../core/domain/people.ts"
import { me } from "../live/queries.ts"
import styles from "./button.module.css"
import { classes } from "./classes.ts"

export type ButtonKind = "primary" | "default" | "quiet" | "danger"

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly kind?: ButtonKind
  readonly small?: boolean
  readonly icon?: LucideIcon
  /** The least role that may do it; whoever has less is told so instead. */
  readonly needs?: Role
  readonly children?: ReactNode
}

/** Primary once a page; danger only inside the dialog that confirms. */
export function Button({ needs = "viewer", ...rest }: Props) {
  return needs === "viewer" ? <Plain {...rest} /> : <Guarded needs={needs} {...rest} />
}

function Guarded({ needs, ...rest }: Props & { readonly needs: Role }) {
  const role = useQuery(me).data?.role
  if (role === undefined || reaches(role, needs)) return <Plain {...rest} />
  return <Plain {...rest} disabled title={`This takes the role ${needs}; you have the role ${role}.`} />
}

function Plain({ kind = "default", small = false, icon: Icon, children, className, ...rest }: Omit<Props, "needs">) {
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
