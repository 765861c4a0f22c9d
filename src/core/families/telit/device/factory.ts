import { fromLatin1, latin1 } from "../../../kit/bytes.ts"
import type { Body, DeviceFiles } from "../../body.ts"
import { type FirmwareFlash, programFlash } from "../../recovery/firmware-flash.ts"
import { firmwareName, imageLimits, makeFirmware } from "../../recovery/firmware-image.ts"
import { newImei } from "../../imei.ts"
import type { TelitModel } from "../models.ts"

const imeiName = "imei"
/** First digits of IMEIs that GSM Europe gave out. */
const gsmEurope = "35"

interface Factory {
  readonly body: Body
  readonly model: TelitModel
  readonly flash: FirmwareFlash
  readonly files: DeviceFiles
  /** `firmware`, `imei`, `imageBytes`, as whoever makes the module wants them. */
  readonly wishes: Readonly<Record<string, string>>
}

/**
 * The module's IMEI; a module that has none comes from the factory now: it gets its firmware, then its IMEI, so that a cut
 * between begins anew. Throws `RangeError` for wishes that cannot be.
 */
export async function openFactory({ body, files, flash, model, wishes }: Factory): Promise<string> {
  const known = fromLatin1(await files.read(imeiName, 0, 100))
  if (/^\d{15}$/.test(known)) return known
  const version = wishes["firmware"] ?? `${model.software}.00${model.release}`
  const sizeBytes = Number(wishes["imageBytes"] ?? imageLimits.usual)
  const wanted = wishes["imei"]
  if (!firmwareName.test(version)) throw new RangeError(`${JSON.stringify(version)} cannot be a firmware version`)
  if (wanted !== undefined && !/^\d{15}$/.test(wanted)) throw new RangeError("an IMEI has 15 digits")
  const image = makeFirmware({ product: model.id, version, sizeBytes })
  for await (const _share of programFlash(flash.memory, image));
  const imei = wanted ?? newImei(gsmEurope, body.random)
  await files.create(imeiName)
  await files.append(imeiName, latin1(imei))
  return imei
}
