import { concat } from "../../../kit/bytes.ts"
import { flashPageBytes, type Mote } from "./mote.ts"

/** The program that a mote leaves the factory with: vectors that lead to an endless loop, in AVR machine code. */
const factoryProgram = concat([
  ...Array.from({ length: 51 }, () => Uint8Array.of(0x0c, 0x94, 0x66, 0x00)),
  Uint8Array.of(0xff, 0xcf),
])
const factoryId = "FACTORY"
const bootloaderVersion = 1

/**
 * A mote that has never been switched on gets what the factory gives it: a program, its name, VERSION 0. The bootloader's
 * version is written last, so that a power cut in between only starts this again.
 */
export async function manufacture(mote: Mote): Promise<void> {
  const { eeprom, flash } = mote
  if ((await eeprom.byte("bootloaderVersion")) === bootloaderVersion) return
  for (let at = 0; at < factoryProgram.length; at += flashPageBytes) {
    await flash.erase(at)
    await flash.write(at, factoryProgram.slice(at, at + flashPageBytes))
  }
  await eeprom.setByte("otaFlag", 0)
  for (const field of ["requestedId", "flashedId", "stableId"] as const) await eeprom.setId(field, factoryId)
  await eeprom.setByte("retries", 0)
  await eeprom.setByte("version", 0)
  await eeprom.setByte("versionBackup", 0)
  await eeprom.setByte("bootloaderVersion", bootloaderVersion)
}

/** `Utils.loadOTA`: asks the bootloader for a program that lies on the SD card; the mote reboots after it. */
export async function loadOta(mote: Mote, name: string, version: number): Promise<void> {
  const { eeprom } = mote
  await eeprom.setId("requestedId", name)
  await eeprom.setByte("otaFlag", 1)
  await eeprom.setByte("retries", 3)
  await eeprom.setByte("versionBackup", await eeprom.byte("version"))
  await eeprom.setByte("version", version)
}

/** The start of every program (`main.cpp`): whether the bootloader was asked; the flag is cleared, the answer is in RAM. */
export async function takeOtaFlag(mote: Mote): Promise<boolean> {
  if ((await mote.eeprom.byte("otaFlag")) !== 1) return false
  await mote.eeprom.setByte("otaFlag", 0)
  return true
}

/** `Utils.checkNewProgram`: 0 reprogramming error, 1 reprogramming OK, 2 normal starting (guide 3.3). */
export async function checkNewProgram(mote: Mote, wasOtaRequested: boolean): Promise<0 | 1 | 2> {
  const { eeprom } = mote
  await eeprom.setId("stableId", await eeprom.id("flashedId"))
  const version = await eeprom.byte("version")
  const backup = await eeprom.byte("versionBackup")
  if (wasOtaRequested) {
    if ((await eeprom.id("requestedId")) === (await eeprom.id("flashedId"))) {
      await eeprom.setByte("versionBackup", version)
      return 1
    }
    await eeprom.setByte("version", backup)
    return 0
  }
  if (backup === version) return 2
  await eeprom.setByte("version", backup)
  return 0
}
