import { useQuery } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { type FormEvent, type ReactNode, useState } from "react"
import type { NewTokenView, SettingView, TokenView, UserView, WebhookView } from "../../core/contract/schemas.ts"
import { type Role, roles } from "../../core/domain/people.ts"
import { ApiError, call } from "../live/api.ts"
import { queryClient, settings, tokens, users, webhooks } from "../live/queries.ts"
import { Button } from "../parts/button.tsx"
import { Card } from "../parts/card.tsx"
import { ConfirmDialog, Deeds, DialogFrame, Fault, Field, inputClass, useDeed } from "../parts/dialog.tsx"
import { Empty, PageHead, Stack } from "../parts/page.tsx"
import { type Column, Table } from "../parts/table.tsx"
import { Since } from "../parts/times.tsx"
import { tell, tellRefusal } from "../parts/toast.tsx"

/** What the server goes by, and who may do what. */
export function Settings() {
  const { data, error } = useQuery(settings)
  return (
    <>
      <PageHead
        title="Settings"
        sub="What this server goes by comes from its flags, environment and file; people are made here."
      />
      {error instanceof ApiError ? (
        <Empty says={error.message} />
      ) : (
        <Stack>
          <Configuration rows={data ?? []} />
          <Users />
          <Tokens />
          <Webhooks />
          <Card title="Roles">
            <Table caption="Roles" columns={roleColumns} rows={roleRows} keyOf={([role]) => role} />
          </Card>
        </Stack>
      )}
    </>
  )
}

const sourceOrder = ["flag", "environment", "file", "default"]
const settingColumns: readonly Column<SettingView>[] = [
  {
    title: "Setting",
    cell: ({ flag, help }) => (
      <span className="mono" title={help}>
        {flag}
      </span>
    ),
  },
  {
    title: "Value",
    cell: ({ value }) => (value === "" ? <span className="muted">–</span> : <span className="mono">{value}</span>),
  },
  { title: "Source", cell: ({ source }) => source },
  { title: "From", cell: ({ from }) => <span className="mono">{from === "" ? "–" : from}</span> },
  { title: "What it is", cell: ({ help }) => <span className="muted">{help}</span> },
]

/** What somebody set stands first; then the defaults. */
function Configuration({ rows }: { readonly rows: readonly SettingView[] }) {
  const inOrder = rows.toSorted((a, b) => sourceOrder.indexOf(a.source) - sourceOrder.indexOf(b.source))
  const own = rows.filter(({ source }) => source !== "default").length
  return (
    <Card title="Effective configuration" aside={`${own} of ${rows.length} set`}>
      <Table caption="Settings" columns={settingColumns} rows={inOrder} keyOf={({ flag }) => flag} />
    </Card>
  )
}

const roleRows = Object.entries(roles)
const roleColumns: readonly Column<(typeof roleRows)[number]>[] = [
  { title: "Role", cell: ([role]) => role },
  { title: "May, beside what those before it may", cell: ([, says]) => <span className="muted">{says}</span> },
]

function Users() {
  const rows = useQuery(users).data ?? []
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<string | null>(null)
  const columns: readonly Column<UserView>[] = [
    { title: "User", cell: ({ name }) => name },
    { title: "Role", cell: ({ role }) => role },
    { title: "Group", cell: ({ group }) => <span className="mono">{group ?? "the whole fleet"}</span> },
    { title: "Made", right: true, cell: ({ createdAt }) => <Since at={createdAt} ago /> },
    {
      title: "Change",
      right: true,
      cell: ({ name }) => (
        <Button small onClick={() => setRemoving(name)} aria-label={`Remove user ${name}…`}>
          Remove…
        </Button>
      ),
    },
  ]
  return (
    <Listing
      title="Users"
      says="People who log in with a password stand here."
      add={() => setAdding(true)}
      count={rows.length}
    >
      {rows.length === 0 ? null : <Table caption="Users" columns={columns} rows={rows} keyOf={({ name }) => name} />}
      <AddPerson
        title="Add a user"
        hasPassword
        open={adding}
        onClose={() => setAdding(false)}
        onAdd={async ({ name, role, group, password }) => {
          await call("POST /api/users", { body: { name, role, password, ...groupOf(group) } })
          await queryClient.invalidateQueries({ queryKey: ["users"] })
          tell(`${name} may log in`)
          setAdding(false)
        }}
      />
      <ConfirmDialog
        title={`Remove ${removing ?? ""}`}
        means="They are logged out at once and may not log in again. What they did stays in the audit log."
        name={removing ?? ""}
        deed="Remove user"
        keep="Keep them"
        open={removing !== null}
        onClose={() => setRemoving(null)}
        onDeed={async () => {
          await call("DELETE /api/users/:name", { params: { name: removing ?? "" } })
          await queryClient.invalidateQueries({ queryKey: ["users"] })
        }}
      />
    </Listing>
  )
}

function Tokens() {
  const rows = useQuery(tokens).data ?? []
  const [adding, setAdding] = useState(false)
  const [made, setMade] = useState<NewTokenView | null>(null)
  const [revoking, setRevoking] = useState<string | null>(null)
  const columns: readonly Column<TokenView>[] = [
    { title: "Token", cell: ({ name }) => name },
    { title: "Role", cell: ({ role }) => role },
    { title: "Group", cell: ({ group }) => <span className="mono">{group ?? "the whole fleet"}</span> },
    { title: "Made", right: true, cell: ({ createdAt }) => <Since at={createdAt} ago /> },
    {
      title: "Change",
      right: true,
      cell: ({ name, revokedAt }) =>
        revokedAt === null ? (
          <Button small onClick={() => setRevoking(name)} aria-label={`Revoke token ${name}…`}>
            Revoke…
          </Button>
        ) : (
          "revoked"
        ),
    },
  ]
  return (
    <Listing
      title="Tokens"
      says="Programs and people without a password call with a token."
      add={() => setAdding(true)}
      count={rows.length}
    >
      {rows.length === 0 ? null : <Table caption="Tokens" columns={columns} rows={rows} keyOf={({ id }) => id} />}
      <AddPerson
        title="Add a token"
        open={adding}
        onClose={() => setAdding(false)}
        onAdd={async ({ name, role, group }) => {
          setMade(await call("POST /api/tokens", { body: { name, role, ...groupOf(group) } }))
          await queryClient.invalidateQueries({ queryKey: ["tokens"] })
          setAdding(false)
        }}
      />
      <DialogFrame title={`${made?.name ?? ""} is made`} open={made !== null} onClose={() => setMade(null)} wide>
        <p className="muted">Its text is shown this once:</p>
        <p className="mono">{made?.token}</p>
        <Deeds>
          <Button kind="primary" onClick={() => setMade(null)}>
            Done
          </Button>
        </Deeds>
      </DialogFrame>
      <ConfirmDialog
        title={`Revoke ${revoking ?? ""}`}
        means="Whoever calls with it is refused from now on."
        name={revoking ?? ""}
        deed="Revoke token"
        keep="Keep it"
        open={revoking !== null}
        onClose={() => setRevoking(null)}
        onDeed={async () => {
          await call("POST /api/tokens/:id/revoke", { params: { id: revoking ?? "" } })
          await queryClient.invalidateQueries({ queryKey: ["tokens"] })
        }}
      />
    </Listing>
  )
}

function Webhooks() {
  const rows = useQuery(webhooks).data ?? []
  const test = (name: string): void => {
    call("POST /api/webhooks/:name/test", { params: { name } })
      .then((result) => tell(`${name} was tested`, JSON.stringify(result)))
      .catch(tellRefusal)
  }
  const columns: readonly Column<WebhookView>[] = [
    { title: "Webhook", cell: ({ name }) => name },
    { title: "URL", cell: ({ url }) => <span className="mono">{url}</span> },
    { title: "Events", cell: ({ kinds }) => <span className="mono">{kinds.join(", ")}</span> },
    {
      title: "Try it",
      right: true,
      cell: ({ name }) => (
        <Button small onClick={() => test(name)} aria-label={`Test webhook ${name}`}>
          Test
        </Button>
      ),
    },
  ]
  return (
    <Listing title="Webhooks" says="`waft webhook add` tells another server of what happens." count={rows.length}>
      {rows.length === 0 ? null : <Table caption="Webhooks" columns={columns} rows={rows} keyOf={({ name }) => name} />}
    </Listing>
  )
}

interface ListingProps {
  readonly title: string
  /** What will stand there. */
  readonly says: string
  readonly count: number
  readonly add?: () => void
  /** The table first, then dialogs. */
  readonly children: ReactNode
}

function Listing({ title, says, count, add, children }: ListingProps) {
  return (
    <Card
      title={title}
      aside={
        add === undefined ? (
          count
        ) : (
          <Button small icon={Plus} onClick={add} aria-label={`Add to ${title.toLowerCase()}`}>
            Add
          </Button>
        )
      }
    >
      {count === 0 ? <Empty says={says} /> : null}
      {children}
    </Card>
  )
}

function groupOf(text: string): { readonly group?: string } {
  return text.trim() === "" ? {} : { group: text.trim() }
}

interface Person {
  readonly name: string
  readonly role: Role
  readonly group: string
  readonly password: string
}

interface AddProps {
  readonly title: string
  readonly hasPassword?: boolean
  readonly open: boolean
  readonly onClose: () => void
  readonly onAdd: (person: Person) => Promise<void>
}

function AddPerson({ title, hasPassword = false, open, onClose, onAdd }: AddProps) {
  const [person, setPerson] = useState<Person>({ name: "", role: "viewer", group: "", password: "" })
  const change = (more: Partial<Person>): void => setPerson({ ...person, ...more })
  const { run, busy, fault } = useDeed(
    () => onAdd(person),
    () => setPerson({ name: "", role: "viewer", group: "", password: "" }),
  )
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    run()
  }
  return (
    <DialogFrame title={title} open={open} onClose={onClose}>
      <form onSubmit={submit}>
        <Field label="Name">
          <input className={inputClass} value={person.name} onChange={({ target }) => change({ name: target.value })} />
        </Field>
        {hasPassword ? (
          <Field label="Password">
            <input
              className={inputClass}
              type="password"
              autoComplete="new-password"
              value={person.password}
              onChange={({ target }) => change({ password: target.value })}
            />
          </Field>
        ) : null}
        <Field label="Role">
          <select
            className={inputClass}
            value={person.role}
            onChange={({ target }) => change({ role: target.value as Role })}
          >
            {Object.keys(roles).map((role) => (
              <option key={role} value={role}>
                {role}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Their devices: a filter; empty = the whole fleet">
          <input
            className={`${inputClass} mono`}
            value={person.group}
            onChange={({ target }) => change({ group: target.value })}
          />
        </Field>
        <Fault says={fault} />
        <Deeds>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={busy || person.name.trim() === ""}>
            {title}
          </Button>
        </Deeds>
      </form>
    </DialogFrame>
  )
}
