import { equalBytes, fromLatin1 } from "../../../kit/bytes.ts"
import { flashPageBytes, type Mote } from "./mote.ts"

/** The file on the SD card: 32 bytes of mark, 32 of program id, filler to 512, then the program. */
const headerBytes = 512
const mark = "FIRMWARE_FILE_FOR_WASPMOTE######"
/** The bootloader's own place in the flash of the ATmega1281. */
const bootloaderStart = 0x1e000
/** `loadOTA` sets the counter to this. */
const tries = 3

/**
 * What happens at every reset before the program runs. With the OTA flag set, the program named in EEPROM goes from the SD
 * card to flash, page by page, at most three times; each try is counted before it begins, so that a mote whose power fails
 * in every try gives up. The flag stays: the program's own start clears it.
 *
 * The vendor's bootloader is not published; this is what the library's documentation and memory map say of it. One thing is
 * our guess: it voids the flashed id's last filler character before the first try. Otherwise a refused program of the same
 * name would leave both ids equal, and `checkNewProgram` would call a failure a success.
 */
export async function runBootloader(mote: Mote): Promise<void> {
  const { eeprom } = mote
  if ((await eeprom.byte("otaFlag")) !== 1) return
  const requested = await eeprom.id("requestedId")
  await eeprom.setId("flashedId", `${(await eeprom.id("flashedId")).slice(0, -1)}!`)
  let left = Math.min(await eeprom.byte("retries"), tries)
  while (left > 0) {
    left -= 1
    await eeprom.setByte("retries", left)
    const fault = await installFromSd(mote, requested)
    if (fault === null) {
      await eeprom.setId("flashedId", requested)
      mote.say(`bootloader: installed ${requested.slice(0, 7)}`)
      return
    }
    mote.say(`bootloader: ${fault}; ${left} tries left`)
  }
}

/** Copies the program; a fault found before the first page is erased leaves the flash as it was. */
async function installFromSd(mote: Mote, requested: string): Promise<string | null> {
  const { sd, flash } = mote
  const name = requested.slice(0, 7)
  const size = await sd.size(name)
  if (size <= headerBytes) return `no program ${JSON.stringify(name)} on the SD card`
  const header = fromLatin1(await sd.read(name, 0, headerBytes))
  if (!header.startsWith(mark)) return "the file on the SD card does not begin as a program does"
  if (header.slice(32, 64) !== requested) return "the program id in the file's header is another"
  const programBytes = size - headerBytes
  if (programBytes > bootloaderStart) return "the program would overwrite the bootloader"
  for (let at = 0; at < programBytes; at += flashPageBytes) {
    const page = await sd.read(name, headerBytes + at, Math.min(flashPageBytes, programBytes - at))
    await flash.erase(at)
    await flash.write(at, page)
  }
  for (let at = 0; at < programBytes; at += flashPageBytes) {
    const length = Math.min(flashPageBytes, programBytes - at)
    if (!equalBytes(await flash.read(at, length), await sd.read(name, headerBytes + at, length))) {
      return "the flash does not hold what was written"
    }
  }
  return null
}

/**
 * Whether what the flash holds can run: it begins with a jump, and it is not the torn rest of an installation whose tries
 * are used up (first page new, a later one not).
 */
export async function isBootable(mote: Mote): Promise<boolean> {
  const { eeprom, flash, sd } = mote
  const [low = 0xff, high = 0xff] = await flash.read(0, 2)
  const word = low | (high << 8)
  if ((word & 0xfe0e) !== 0x940c && (word & 0xf000) !== 0xc000) return false
  if ((await eeprom.byte("otaFlag")) !== 1 || (await eeprom.id("requestedId")) === (await eeprom.id("flashedId"))) {
    return true
  }
  const name = await eeprom.programId("requestedId")
  const programBytes = (await sd.size(name)) - headerBytes
  if (programBytes <= 0 || programBytes > bootloaderStart) return true
  let same = 0
  let pages = 0
  for (let at = 0; at < programBytes; at += flashPageBytes, pages++) {
    const length = Math.min(flashPageBytes, programBytes - at)
    const isSame = equalBytes(await flash.read(at, length), await sd.read(name, headerBytes + at, length))
    if (!isSame && at === 0) return true
    if (isSame) same += 1
  }
  return same === pages
}
