import type { Model } from "../family.ts"

/** A kind of client that speaks DDI, and what is known of how it reports. */
export interface ClientModel extends Model {
  /**
   * It says itself how its update ended, at once or after its restart; false = it may say nothing, and its polls are all the
   * evidence there is.
   */
  readonly reports: boolean
  /** Files that it takes in one release. */
  readonly mostArtifacts: number
  /** What it is when it says nothing after its download. */
  readonly silence: string
}

export const clientModels: readonly ClientModel[] = [
  {
    id: "swupdate",
    title: "SWUpdate (suricatta)",
    reports: true,
    mostArtifacts: Number.POSITIVE_INFINITY,
    silence:
      "SWUpdate tells the result only after its restart, when it is started to confirm it; look whether it restarted, and how",
  },
  {
    id: "rauc",
    title: "rauc-hawkbit-updater",
    reports: true,
    // It closes an action with more in failure.
    mostArtifacts: 1,
    silence: "rauc-hawkbit-updater tells the result before it restarts; look whether the bundle was installed",
  },
  {
    id: "other",
    title: "another client (Zephyr, Memfault, own)",
    reports: false,
    mostArtifacts: Number.POSITIVE_INFINITY,
    silence: "it has not polled either; it is off or without network",
  },
]

export const models: readonly Model[] = clientModels.map(({ id, title }) => ({ id, title }))

/** The client of that name; whoever is not known is another one. */
export function clientModel(id: string): ClientModel {
  return clientModels.find((model) => model.id === id) ?? (clientModels.at(-1) as ClientModel)
}
