import type { Readable } from "node:stream"
import type { SettingView } from "../../core/contract/schemas.ts"
import type { FourEyesDeed } from "../../core/domain/people.ts"
import type { LimitHits } from "../../core/kit/limits.ts"
import type { ConverseNeeds } from "../fleet/converse.ts"
import type { DeltaNeeds } from "../fleet/make-deltas.ts"
import type { UploadExaminer } from "../fleet/needs.ts"
import type { Lab } from "./lab.ts"
import type { LoginNeeds } from "./login-handlers.ts"
import type { WebhookNeeds } from "./webhook-handlers.ts"

/** What the endpoints' deeds need. */
export interface ApiNeeds extends ConverseNeeds, DeltaNeeds, LoginNeeds, WebhookNeeds {
  readonly version: string
  /** Each listener's address, by name, once all are up. */
  readonly listeners: () => Readonly<Record<string, string>>
  /** Scheme, host and port of the device HTTP listener as devices and agents reach it. */
  readonly deviceUrl: () => string
  readonly hits: LimitHits
  /** What a second person has to approve. */
  readonly fourEyes: ReadonlySet<FourEyesDeed>
  /** A backup as a tar archive. */
  readonly backup: () => Promise<Readable>
  /** Looks at uploaded files where nobody waits for that; absent = here. */
  readonly examine?: UploadExaminer
  /** What the server goes by. */
  readonly settings: readonly SettingView[]
  /** Virtual devices beside this server; null = they are off. */
  readonly lab: Lab | null
  /** Why the server cannot keep what it is told; null = it can. */
  readonly whyNotReady: () => Promise<string | null>
}
