import type { Evidence } from "../domain/evidence.ts"
import type { PullRules } from "../domain/pull.ts"
import type { JsonObject } from "../kit/json.ts"
import type { Body } from "./body.ts"

/** A device family: the table of contents of its folder. Nothing outside `core/families` names a family. */
export interface Family {
  /** Kebab-free short name, as typed after `--family`. */
  readonly id: string
  readonly title: string
  readonly models: readonly Model[]
  readonly versions: VersionScheme
  /** What `device add` hands the operator to put into the device. */
  readonly access: "ftp-login" | "manifest-url"
  /** Turns an uploaded file into the image that devices will fetch, or says what is wrong with it. */
  readonly publish: (upload: Upload) => Publication
  /** Decides what exactly one device is offered for a release. Pure: the same situation gives the same plan. */
  readonly planOffer: (situation: OfferSituation) => OfferPlan
  /** What the server must remember of a device once it began to fetch an offer. */
  readonly afterFetch: (familyState: JsonObject, offer: JsonObject) => JsonObject
  /** Present when the family fetches over FTP. */
  readonly ftp?: FtpSide
  /** How conclusions are drawn from fetches: for families that report nothing. */
  readonly pull: PullRules
  /** Checks of files that operators write or get, for `waft lint`. */
  readonly linters: readonly Linter[]
  readonly device: DeviceSide
}

export interface Model {
  readonly id: string
  readonly title: string
}

export interface VersionScheme {
  /** One line of help: what a version of this family looks like. */
  readonly help: string
  /** The canonical text of a version, or a fault. */
  readonly parse: (text: string) => { readonly version: string } | { readonly fault: Fault }
  /** Negative when a is older than b, 0 when equal, positive when newer. Takes canonical texts. */
  readonly compare: (a: string, b: string) => number
}

/** Something wrong, named by its rule so that docs, lint and refusals speak alike. */
export interface Fault {
  /** Kebab-case name of the rule, unique inside the family. */
  readonly rule: string
  /** One sentence: what is wrong, what a device would do, and the cure. */
  readonly sentence: string
}

export interface Upload {
  readonly fileName: string
  readonly bytes: Uint8Array
  /** The version as typed; absent when the operator gave none. */
  readonly version?: string
  /** Models the release is for; empty = every model of the family. */
  readonly models: readonly string[]
  /** Further options as typed, such as `name`. */
  readonly options: Readonly<Record<string, string>>
}

export type Publication =
  | {
      readonly ok: true
      /** The bytes devices fetch. */
      readonly image: Uint8Array
      readonly version: string
      /** What the family wants to know of the release later. */
      readonly details: JsonObject
      /** Sentences for the operator about what was done with the file. */
      readonly notes: readonly string[]
    }
  | { readonly ok: false; readonly faults: readonly Fault[] }

export interface OfferSituation {
  readonly device: {
    readonly id: string
    readonly model: string
    readonly familyState: JsonObject
    /** Version the device is known or concluded to run; null when unknown. */
    readonly runningVersion: string | null
  }
  readonly release: { readonly version: string; readonly details: JsonObject }
  readonly image: { readonly sha256: string; readonly sizeBytes: number }
}

export type OfferPlan =
  | {
      readonly ok: true
      /** What the family needs to answer the device; stored with the update by name. */
      readonly offer: JsonObject
      /** Bytes to lay over the release's image before this device gets it. */
      readonly edit?: { readonly offset: number; readonly bytes: Uint8Array }
      /** Why the offer looks like this, when it is not simply the release. */
      readonly reason?: string
    }
  | { readonly ok: false; readonly sentence: string }

/** What a family answers over FTP. */
export interface FtpSide {
  /** Directory names that mean the login directory itself. */
  readonly directoryAliases: readonly string[]
  /** The files a login sees for an offer; `null` = nothing is offered. */
  readonly files: (offer: OfferedImage | null) => readonly OfferedFile[]
}

/** An offer with the image it hands out (after `edit`). */
export interface OfferedImage {
  readonly offer: JsonObject
  readonly image: { readonly sha256: string; readonly sizeBytes: number }
}

/** One file in a login directory. Names are flat: families that need folders use `directoryAliases`. */
export type OfferedFile =
  | { readonly name: string; readonly role: "notice"; readonly content: Uint8Array }
  | { readonly name: string; readonly role: "image"; readonly image: { sha256: string; sizeBytes: number } }

export interface Linter {
  /** What the file is, in the operator's words. */
  readonly title: string
  /** Whether this linter is for that file, by its name and first bytes. */
  readonly matches: (fileName: string, bytes: Uint8Array) => boolean
  readonly lint: (fileName: string, bytes: Uint8Array) => readonly Fault[]
}

/** The family's devices in software. */
export interface DeviceSide {
  /** Named faults with the code they end in and its words, every model; `none` stands for a run without a fault. */
  readonly faults: readonly VirtualFault[]
  /** One contact: boots if need be, asks for work, does it; ends when a device would sleep until its next poll. */
  readonly run: (body: Body, run: DeviceRun) => Promise<RunEnd>
}

export interface VirtualFault {
  /** Model id, or `any`. */
  readonly model: string
  readonly fault: string
  readonly code: string
  readonly words: string
}

export interface DeviceRun {
  readonly model: string
  /** `host:port` and credentials, or the URL, as the family's devices are configured. */
  readonly server: Readonly<Record<string, string>>
  readonly fault: string | null
  /** Real time divided by this, for demos and tests; 1 = as the hardware. */
  readonly speed: number
  readonly signal: AbortSignal
}

export interface RunEnd {
  readonly code: string
  readonly words: string
  /** What runs now. */
  readonly running: { readonly version: string; readonly [detail: string]: string | number }
}

export type { Evidence }
