import { type Endpoint, endpoints } from "../src/core/contract/endpoints.ts"
import { eventTable } from "../src/core/domain/events/table.ts"
import { reachWords } from "../src/core/contract/permit.ts"
import { roles } from "../src/core/domain/people.ts"
import { refusals } from "../src/core/domain/refusal.ts"
import { type UpdateState, updateStates, updateTransitions } from "../src/core/domain/update.ts"
import { environmentName, serverSettings } from "../src/server/config.ts"

const states = Object.entries(updateStates) as [UpdateState, (typeof updateStates)[UpdateState]][]

/** docs/reference.md, whole, made from the tables that the program itself runs on. */
export function reference(): string {
  return [
    "# Reference",
    "Written by `npx tsx scripts/write-reference.ts` from the program's own tables; do not edit.",
    "## An update",
    `\`\`\`mermaid\n${diagram()}\n\`\`\``,
    table(
      ["State", "Means", "Over"],
      states.map(([state, { means, over }]) => [`\`${state}\``, means, over ? "yes" : ""]),
    ),
    "Evidence without an entry changes nothing.",
    table(
      ["From", "Evidence", "To"],
      states.flatMap(([from]) =>
        Object.entries(updateTransitions[from]).map(([kind, to]) => [`\`${from}\``, `\`${kind}\``, `\`${to}\``]),
      ),
    ),
    "## Events",
    "What the log, `waft events` and the stream tell. Every event has a number, a time, who did it, and one sentence; some carry data.",
    table(
      ["Kind", "Means", "Data"],
      Object.entries(eventTable).map(([kind, { means, data }]) => [
        `\`${kind}\``,
        means,
        Object.keys(data.properties)
          .map((name) => `\`${name}\``)
          .join(", "),
      ]),
    ),
    "## Settings of `waft serve`",
    "A flag wins over its environment variable, that over the config file (`--config`, JSON with the flags' names as keys).",
    table(
      ["Flag", "Environment", "Default", "What it is"],
      serverSettings.map(({ flag, value, fallback, help }) => [
        `\`--${flag} ${value}\``,
        `\`${environmentName(flag)}\``,
        fallback === "" ? "" : `\`${fallback}\``,
        help,
      ]),
    ),
    "## The management API",
    "`GET /api/openapi.json` describes every call; `GET /api/events` streams the event log as server-sent events and goes on after `Last-Event-ID`.",
    "",
    "A `POST` with an `Idempotency-Key` (1 to 255 visible ASCII characters) may be sent again when its answer was not heard: for a day, and among the last 1000, the server gives the first answer again and does nothing twice; it forgets them when it ends, but a rollout that was started so is not started again after that either. What makes something is answered with 201. A device and a rollout come with their version as `ETag`; `POST /api/devices/ID/set` and `DELETE /api/devices/ID` with that in `If-Match` do nothing to a device that has changed since (412).",
    table(
      ["Call", "Path", "What it does", "Role", "A group"],
      Object.values<Endpoint>(endpoints).map(({ method, path, summary, permit }) => [
        method,
        `\`${path}\``,
        summary,
        permit === null ? "everybody" : `\`${permit.role}\``,
        permit === null ? "" : reachWords[permit.reach],
      ]),
    ),
    "Each role may do what those before it may. A token's group limits it to the devices that match it.",
    table(
      ["Role", "May"],
      Object.entries(roles).map(([role, may]) => [`\`${role}\``, may]),
    ),
    "## Refusals",
    "Each is a problem document (RFC 9457) with the code as `title` and one sentence as `detail`.",
    table(
      ["Code", "HTTP", "Sentence"],
      Object.entries(refusals).map(([code, { status, says }]) => [`\`${code}\``, String(status), says]),
    ),
  ].join("\n\n")
}

/** One arrow for every pair of states; endings that nearly every state has are left to the table. */
function diagram(): string {
  const common = new Set(["cancelled", "superseded"])
  const lines = states.flatMap(([from]) => {
    const byTarget = new Map<string, string[]>()
    for (const [kind, to] of Object.entries(updateTransitions[from])) {
      if (common.has(to) || to === from) continue
      byTarget.set(to, [...(byTarget.get(to) ?? []), kind])
    }
    return [...byTarget].map(([to, kinds]) => `  ${node(from)} --> ${node(to)}: ${kinds.join(" / ")}`)
  })
  return ["stateDiagram-v2", "  [*] --> waiting", ...lines].join("\n")
}

/** Mermaid takes no hyphen in a state's name. */
function node(state: string): string {
  return state.replace("-", "_")
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
  return [line(titles), `|${titles.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n")
}
