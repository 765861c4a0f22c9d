import type { AtAnswer, AtHost } from "../../../protocols/at/at-host.ts"
import { isSameModule } from "../../exact-version.ts"
import type { DeviceIdentity } from "../../host.ts"
import { moduleProfiles } from "../models.ts"
import { hostLimits } from "./limits.ts"

/** Another module than the one that is meant stands at the port; nothing but its serial number was asked. */
export interface OtherModule {
  readonly otherImei: string
}

/**
 * Asks a module who it is: its IMEI first, then AT+QGMR, AT+CGMR, ATI. Null when it does not answer whole. The version is the
 * most exact text: QGMR's, which names the build, before CGMR's and ATI's (quectel.md 4.5).
 */
export async function identify(host: AtHost): Promise<DeviceIdentity | null> {
  const found = await identifyAs(host, null)
  return found === null || "otherImei" in found ? null : found
}

/** The same for the module with that IMEI; null = whichever is there. */
export async function identifyAs(host: AtHost, imei: string | null): Promise<DeviceIdentity | OtherModule | null> {
  if (!(await answersAtAll(host))) return null
  const found = await readImei(host)
  if (found === null) return null
  if (imei !== null && !isSameModule(found, imei)) return { otherImei: found }
  let before = ""
  for (let n = 0; n < hostLimits.mostReadings; n++) {
    const reading = await readVersions(host)
    if (host.isGone) return null
    if (reading === null) continue
    const text = JSON.stringify(reading)
    if (isCoherent(reading) || text === before) return identityOf(reading, found)
    before = text
  }
  return null
}

/** What each command said; null = it gave an error, as modules do that do not know it. */
interface Reading {
  readonly build: string | null
  readonly plain: string | null
  readonly revision: string | null
  readonly manufacturer: string | null
  readonly model: string | null
}

/** One round of questions; null = one of them was not answered. */
async function readVersions(host: AtHost): Promise<Reading | null> {
  const build = await readOne(host, "AT+QGMR", isVersion)
  const plain = build === undefined ? undefined : await readOne(host, "AT+CGMR", isVersion)
  if (build === undefined || plain === undefined) return null
  const { end, lines } = await ask(host, "ATI", (line) => isAbout(line))
  if (end !== "ok") return null
  const revision = lines.map(revisionOf).find((text) => text !== null) ?? null
  const manufacturer = lines.find((line) => /^Quectel/i.test(line)) ?? null
  return { build, plain, revision, manufacturer, model: lines.find(isModel) ?? null }
}

/** The module names its firmware in several commands: where the names agree, none of them was some other line. */
function isCoherent({ build, plain, revision }: Reading): boolean {
  return build !== null && (plain ?? revision) !== null && build.startsWith(plain ?? revision ?? "")
}

function identityOf({ build, plain, revision, manufacturer, model }: Reading, imei: string): DeviceIdentity | null {
  const versions = [...new Set([build, plain, revision].filter((text) => text !== null))]
  const [version] = versions
  return version === undefined ? null : { manufacturer, model, version, versions, imei }
}

/** Echo off, results in words; the first try may fall into noise or a module that still wakes up. */
async function answersAtAll(host: AtHost): Promise<boolean> {
  for (let attempt = 0; attempt < 2; attempt++) {
    if ((await ask(host, "ATE0V1", () => false)).end === "ok") return true
    if (host.isGone) return false
  }
  return false
}

async function readImei(host: AtHost): Promise<string | null> {
  for (let n = 0; n < hostLimits.mostReadings && !host.isGone; n++) {
    const imei = await readOne(host, "AT+CGSN", (text) => /^\d{14,17}$/.test(text))
    if (imei !== undefined && imei !== null) return imei
  }
  return null
}

/**
 * The one line of an answer that has its shape. Null = the module said ERROR; undefined = it said nothing that could be meant,
 * or several things, of which one is something else.
 */
async function readOne(host: AtHost, text: string, is: (value: string) => boolean): Promise<string | null | undefined> {
  const name = text.slice(2)
  const { end, lines } = await ask(host, text, (line) => is(valueOf(line, name)))
  if (end === "error") return null
  const [value, ...more] = new Set(lines.map((line) => valueOf(line.trim(), name)))
  return end === "ok" && more.length === 0 ? value : undefined
}

/** The value of a one-line answer, with or without the command's name and quotes. */
function valueOf(line: string, name: string): string {
  const bare = line.startsWith(`${name}:`) ? line.slice(name.length + 1).trim() : line
  return bare.replace(/^"(.*)"$/, "$1")
}

/** A firmware's name as `versions.ts` has it: no blank and no colon, which `APP RDY` and `SRING: 1` have, and a digit. */
function isVersion(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._+-]{1,63}$/.test(text) && /\d/.test(text) && /[A-Za-z.]/.test(text)
}

function revisionOf(line: string): string | null {
  const text = /^Revision: *(\S+)$/i.exec(line.trim())?.[1]
  return text !== undefined && isVersion(text) ? text : null
}

function isModel(line: string): boolean {
  return (
    moduleProfiles.some(({ id }) => id === line) || (/^[A-Z]{2,3}\d[A-Z0-9-]{1,12}$/.test(line) && !isSystemLine(line))
  )
}

/** Nothing that modules say at their start looks like a model's name, but what is said there is theirs to choose. */
function isSystemLine(line: string): boolean {
  return /READY|RDY|DONE|START/.test(line)
}

function isAbout(line: string): boolean {
  return /^Quectel/i.test(line) || isModel(line) || revisionOf(line) !== null
}

function ask(host: AtHost, text: string, isAnswer: (line: string) => boolean): Promise<AtAnswer> {
  return host.command({ text, timeoutMs: hostLimits.answerMs, isAnswer })
}
