import type { Hop } from "../domain/chain.ts"
import type { Evidence } from "../domain/evidence.ts"
import type { UpdateState } from "../domain/update.ts"
import type { PullRules } from "../domain/pull-rules.ts"
import type { JsonObject } from "../kit/json.ts"
import type { AccessSide } from "./access.ts"
import type { AttendOption, AttendSide } from "./attend.ts"
import type { Body } from "./body.ts"
import type { CertificationSide } from "./certification.ts"
import type { ConversationSide } from "./conversation.ts"
import type { ReportMeaning } from "./report-meaning.ts"
import type { FamilyOption } from "./family-option.ts"
import type { HostSide } from "./host.ts"
import type { OfferedImage } from "./offered-image.ts"
import type { HttpSide } from "./routes.ts"

/** A device family: the table of contents of its folder. Nothing outside `core/families` names a family. */
export interface Family {
  /** Kebab-free short name, as typed after `--family`. */
  readonly id: string
  readonly title: string
  /** What its users call one of its devices: mote, board, module. */
  readonly noun: string
  readonly models: readonly Model[]
  readonly versions: VersionScheme
  /** How devices are let in: what `device add` hands the operator to put into the device, or into the agent beside it. */
  readonly access: AccessSide
  /** Present when an operator tells more of a device than every family is told. */
  readonly entry?: DeviceEntry
  /** What `publish` takes beside the version and models. */
  readonly publishOptions?: readonly FamilyOption[]
  /** Turns an uploaded file into the image that devices will fetch, or says what is wrong with it. */
  readonly publish: (upload: Upload) => Publication
  /** Decides what exactly one device is offered for a release. Pure: the same situation gives the same plan. */
  readonly planOffer: (situation: OfferSituation) => OfferPlan
  /** Where `planOffer` may edit an image for a device, whatever it says there; absent = nowhere. */
  readonly stamp?: { readonly offset: number; readonly length: number }
  /** What the server must remember of a device once it began to fetch an offer. */
  readonly afterFetch: (familyState: JsonObject, offer: JsonObject, file?: ImageFile) => JsonObject
  /** Present when devices apply patches that this server makes. */
  readonly deltas?: DeltaSide
  /** Present when the family fetches over FTP. */
  readonly ftp?: FtpSide
  /** Present when devices ask the device HTTP listener, by routes of the family's own. */
  readonly http?: HttpSide
  /** Present when devices keep images in a store and can be told to delete one. */
  readonly erase?: EraseSide
  /** Present when a program beside the device is told what to do, and reports. */
  readonly agent?: AgentSide
  /** Present when devices and server exchange messages of their own. */
  readonly conversation?: ConversationSide
  /** How conclusions are drawn from fetches: for families that report nothing. */
  readonly pull: PullRules
  /** Checks of files that operators write or get, for `waft lint`. */
  readonly linters: readonly Linter[]
  /** Work on image files without a server, for `waft image`. */
  readonly imageTool?: ImageTool
  /** Present when a host beside the device starts the update at its AT port, and `waft agent` can be that host. */
  readonly host?: HostSide
  /** Present when a program stands beside the device for good, and `waft agent attend` can be that program. */
  readonly attend?: AttendSide
  /** Present when customers' own host programs can be judged beside a virtual device. */
  readonly certification?: CertificationSide
  readonly device: DeviceSide
}

/** What an operator may tell of a device of the family. */
export interface DeviceEntry {
  readonly options: readonly FamilyOption[]
  /** What is remembered of a device by its options, as they would be typed; what is secret is left out. */
  readonly shown: (familyState: JsonObject) => Readonly<Record<string, string>>
  /**
   * What the server must know of a device entered so; `options.id` is its id. `before` = what is remembered of a device that is
   * there: the options change that and nothing else. A sentence says what is wrong with them.
   */
  readonly enter: (
    options: Readonly<Record<string, string>>,
    before?: JsonObject,
  ) => { readonly familyState: JsonObject } | { readonly fault: string }
}

/** Orders to delete what devices keep of a release that was withdrawn. */
export interface EraseSide {
  /**
   * Orders a device to drop its stored copy at its next poll; null = it holds none, as far as the server knows. The
   * sentence says what the device will do.
   */
  readonly order: (
    familyState: JsonObject,
    version: string,
  ) => { readonly familyState: JsonObject; readonly sentence: string } | null
}

/** A file of bytes that are known by their SHA-256. */
export interface ImageFile {
  readonly sha256: string
  readonly sizeBytes: number
}

/** Which patches the server makes in the background, and how. */
export interface DeltaSide {
  /** How a patch between two releases is made; null = no device could use one. Pure. */
  readonly recipe: (from: DeltaEnd, to: DeltaEnd) => DeltaRecipe | null
}

/** A release at one end of a patch. */
export interface DeltaEnd {
  readonly version: string
  readonly details: JsonObject
  readonly image: ImageFile
}

/** How a patch is made. The same recipe and images give the same bytes on every machine. */
export type DeltaRecipe =
  | {
      readonly format: "jojodiff"
      /** Devices take no file below this size, bytes: the patch is padded. */
      readonly leastBytes: number
    }
  | {
      readonly format: "waft"
      readonly profile: "tiny" | "mcu" | "std" | "gateway"
      /** Sector size of the device's flash when the old image is overwritten, bytes; absent = streamed. */
      readonly sectorBytes?: number
    }

/** A patch that is ready: `from` is what it begins from, `patch` the file. */
export interface ReadyDelta {
  readonly from: DeltaEnd
  readonly patch: ImageFile
}

export interface Model {
  readonly id: string
  readonly title: string
  /** Not a usual one: swarms take it only when it is named. */
  readonly isUnusual?: true
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
      /** A package: the exact version that it starts from. Absent = a full image. */
      readonly source?: string
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
    /** Whether the device itself says so; absent = it does not. */
    readonly isReported?: boolean
  }
  /** Every package of the family for this model that is not withdrawn: releases with a source version. Absent = none. */
  readonly packages?: readonly Hop[]
  /** The operator set this version by hand, for whoever comes: it is announced as it is. */
  readonly exact?: boolean
  readonly release: { readonly version: string; readonly details: JsonObject }
  readonly image: { readonly sha256: string; readonly sizeBytes: number }
  /** Patches to the release that are ready, each smaller than the image; absent or empty = none yet. */
  readonly deltas?: readonly ReadyDelta[]
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
      /** The package that is offered first, by its release's id; absent = the release's own image. */
      readonly packageId?: string
    }
  | {
      readonly ok: false
      readonly sentence: string
      /** Not for ever: planned again when the device says what it runs. */
      readonly isLater?: true
    }

/** What a family says to the agent beside a device, and how it reads what the agent reports. */
export interface AgentSide {
  /** What the agent is told for an offer. Pure; a fault names what about the server's addresses a device could not take. */
  readonly order: (situation: OrderSituation) => Order | { readonly fault: Fault }
  /** The file's name in a ticket's directory. */
  readonly fileName: (offer: JsonObject) => string
  /** The version that an offer leads to, which may be a hop on the way to the release. */
  readonly goal: (offer: JsonObject) => { readonly from: string; readonly to: string }
  /** What a report means for the update; null = nothing that counts. */
  readonly interpret: (report: AgentReport, context: ReportContext) => ReportMeaning | null
}

export interface OrderSituation {
  readonly model: string
  readonly offer: JsonObject
  readonly sizeBytes: number
  /** One-time credentials: letters and digits. */
  readonly ticket: { readonly user: string; readonly secret: string }
  /** Where devices reach this server. */
  readonly ftp: { readonly host: string; readonly port: number }
  /** With the ticket's directory and a final slash. */
  readonly httpDirectory: string
}

/** What an agent is told; the contract's `OrderView` without the order's name. */
export interface Order {
  readonly from: string
  readonly to: string
  readonly url: string
  readonly command: string
  readonly sizeBytes: number
  readonly limits: {
    readonly startSeconds: number
    readonly downloadSeconds: number
    readonly beginSeconds: number
    readonly endSeconds: number
  }
  readonly retry: {
    readonly times: number
    readonly pauseSeconds: number
    readonly codes: readonly number[]
    /** The same with the event that carries each. */
    readonly results?: readonly string[]
  }
}

export interface AgentReport {
  readonly state:
    | "accepted"
    | "downloading"
    | "downloaded"
    | "updating"
    | "restoring"
    | "retrying"
    | "failed"
    | "verified"
  readonly urc?: string
  readonly code?: number
  /** What carried the code. */
  readonly event?: string
  readonly version?: string
  readonly sentence?: string
}

export interface ReportContext {
  readonly model: string
  readonly offer: JsonObject
  /** The release's version: where the whole way leads. */
  readonly target: string
  /** Where the update stands. */
  readonly state: UpdateState
}

/** What a family answers over FTP. */
export interface FtpSide {
  /** Directory names that mean the login directory itself. */
  readonly directoryAliases: readonly string[]
  /** The files a login sees for an offer; `null` = nothing is offered. */
  readonly files: (offer: OfferedImage | null) => readonly OfferedFile[]
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
  /** Whether it is for that file when the operator has named the family, where that is more. */
  readonly matchesInFamily?: (fileName: string, bytes: Uint8Array) => boolean
  readonly lint: (fileName: string, bytes: Uint8Array) => readonly Fault[]
}

/** Functions on image files; faults name what is missing. */
export interface ImageTool {
  /** Makes the image that devices fetch from what a linker wrote. */
  readonly make?: (file: ToolFile, options: Readonly<Record<string, string>>) => ToolResult
  /**
   * Makes what a virtual device can be rehearsed with out of nothing but options such as `version`: the same options give
   * the same bytes.
   */
  readonly invent?: (options: Readonly<Record<string, string>>) => ToolResult
  /** Joins linker outputs into one file for a programmer. */
  readonly merge?: (files: readonly ToolFile[]) => ToolResult
  /** Every field of an image; null = it is no image of this family. */
  readonly inspect: (file: ToolFile) => ImageReport | null
}

export interface ToolFile {
  readonly fileName: string
  readonly bytes: Uint8Array
}

export type ToolResult =
  | { readonly ok: true; readonly bytes: Uint8Array; readonly notes: readonly string[] }
  | { readonly ok: false; readonly faults: readonly Fault[] }

export interface ImageReport {
  readonly title: string
  readonly fields: readonly { readonly name: string; readonly value: string }[]
  readonly faults: readonly Fault[]
}

/** The family's devices in software. */
export interface DeviceSide {
  /** Named faults with the code they end in and its words, every model; `none` stands for a run without a fault. */
  readonly faults: readonly VirtualFault[]
  /**
   * The device rests at `body.port` until a host there orders something: `run` is no contact but lasts from power-on until
   * the signal, and resolves then.
   */
  readonly needsPort?: true
  /** It has a SIM slot and a radio (`body.radio`) and is nothing without them. */
  readonly needsRadio?: true
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
  /**
   * The device's RAM: hand the same object to every contact while the device has power, a new one after a power cut or a
   * kill. Absent = the device is switched on for this contact alone.
   */
  readonly ram?: Map<string, unknown>
  readonly signal: AbortSignal
}

export interface RunEnd {
  readonly code: string
  readonly words: string
  /** What runs now. */
  readonly running: { readonly version: string; readonly [detail: string]: string | number }
}

export type { AttendOption, AttendSide, Evidence, FamilyOption, OfferedImage }
