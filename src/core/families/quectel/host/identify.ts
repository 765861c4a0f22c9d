import type { AtAnswer, AtHost } from "../../../protocols/at/at-host.ts"
import type { DeviceIdentity } from "../../host.ts"
import { hostLimits } from "./limits.ts"

/**
 * Asks a module who it is: ATI, AT+CGMR, AT+QGMR, AT+CGSN. Null when it does not answer, or without a version. The version
 * is the longest-known form: QGMR's, which names the build, before CGMR's and ATI's (quectel.md 4.5).
 */
export async function identify(host: AtHost): Promise<DeviceIdentity | null> {
  if (!(await answersAtAll(host))) return null
  const about = linesOf(await ask(host, "ATI"))
  const revision = about
    .map((line) => /^Revision: *(\S.*)$/i.exec(line)?.[1]?.trim())
    .find((text) => text !== undefined)
  const build = oneOf(linesOf(await ask(host, "AT+QGMR")))
  const plain = oneOf(linesOf(await ask(host, "AT+CGMR")))
  const serial = oneOf(linesOf(await ask(host, "AT+CGSN")))
  const versions = [...new Set([build, plain, revision].filter((text) => text !== undefined && text !== null))]
  const version = versions[0]
  if (version === undefined) return null
  const [manufacturer, model] = about.filter((line) => !/^Revision:/i.test(line))
  return {
    manufacturer: manufacturer ?? null,
    model: model ?? null,
    version,
    versions,
    imei: serial !== null && /^\d{14,17}$/.test(serial) ? serial : null,
  }
}

/** Echo off, results in words; the first try may fall into noise or a module that still wakes up. */
async function answersAtAll(host: AtHost): Promise<boolean> {
  for (let attempt = 0; attempt < 2; attempt++) {
    if ((await ask(host, "ATE0V1")).end === "ok") return true
    if (host.isGone) return false
  }
  return false
}

function ask(host: AtHost, text: string): Promise<AtAnswer> {
  return host.command({ text, timeoutMs: hostLimits.answerMs })
}

function linesOf(answer: AtAnswer): readonly string[] {
  return answer.end === "ok" ? answer.lines.map((line) => line.trim()).filter((line) => line !== "") : []
}

/** The value of a one-line answer, with or without the command's name and quotes; 64 characters at most. */
function oneOf(lines: readonly string[]): string | null {
  const text = lines[0]?.replace(/^\+[A-Z]+: */, "").replace(/^"(.*)"$/, "$1")
  return text === undefined || text === "" || !/^[\x20-\x7e]{1,64}$/.test(text) ? null : text
}
