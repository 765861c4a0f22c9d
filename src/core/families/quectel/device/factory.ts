import { fromLatin1, latin1 } from "../../../kit/bytes.ts"
import type { Body, DeviceFiles } from "../../body.ts"
import { type FirmwareFlash, programFlash } from "../../recovery/firmware-flash.ts"
import { newImei } from "../../imei.ts"
import { firmwareName, imageLimits, makeFirmware } from "../../recovery/firmware-image.ts"
import type { ModuleProfile } from "../models.ts"

/** What is written into a module and its SIM at the factory. */
export interface Identity {
  readonly imei: string
  readonly imsi: string
  readonly iccid: string
}

const identityName = "identity"

interface Factory {
  readonly body: Body
  readonly profile: ModuleProfile
  readonly flash: FirmwareFlash
  readonly files: DeviceFiles
  /** `firmware`, `imei`, `imageBytes`, as whoever makes the module wants them. */
  readonly wishes: Readonly<Record<string, string>>
}

/**
 * The module's identity; a module that has none comes from the factory now: it gets its firmware, then its identity, so
 * that a cut between begins anew. Throws `RangeError` for wishes that cannot be.
 */
export async function openFactory(factory: Factory): Promise<Identity> {
  const { files, flash, profile, wishes } = factory
  const known = readIdentity(fromLatin1(await files.read(identityName, 0, 1000)))
  if (known !== null) return known
  const version = wishes["firmware"] ?? `${profile.id}V01`
  const sizeBytes = Number(wishes["imageBytes"] ?? imageLimits.usual)
  if (!firmwareName.test(version)) throw new RangeError(`${JSON.stringify(version)} cannot be a firmware version`)
  const image = makeFirmware({ product: profile.id, version, sizeBytes })
  for await (const _share of programFlash(flash.memory, image));
  const identity = newIdentity(factory.body.random, wishes["imei"])
  await files.create(identityName)
  await files.append(identityName, latin1(JSON.stringify(identity)))
  return identity
}

function readIdentity(text: string): Identity | null {
  const match = /^\{"imei":"(\d{15})","imsi":"(\d{15})","iccid":"(\d{20})"\}$/.exec(text)
  if (match === null) return null
  const [, imei = "", imsi = "", iccid = ""] = match
  return { imei, imsi, iccid }
}

function newIdentity(random: () => number, wanted: string | undefined): Identity {
  if (wanted !== undefined && !/^\d{15}$/.test(wanted)) throw new RangeError("an IMEI has 15 digits")
  const digits = (count: number): string =>
    Array.from({ length: count }, () => Math.min(9, Math.floor(random() * 10))).join("")
  // 86 is the allocation of China, 001/01 the network of tests, 8988 a SIM's own prefix.
  return {
    imei: wanted ?? newImei("8600", random),
    imsi: `00101${digits(10)}`,
    iccid: `8988${digits(16)}`,
  }
}
