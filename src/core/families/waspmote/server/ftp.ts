import { latin1 } from "../../../kit/bytes.ts"
import type { FtpSide } from "../../family.ts"
import { readOffer } from "./plan-offer.ts"
import { makeNoFile, makeUpgradeTxt } from "../codec/upgrade-txt.ts"

/** The file that every modem asks for first, by that name in the login directory (guide 3.2.1). */
export const noticeName = "UPGRADE.TXT"

/**
 * What a mote's login shows: UPGRADE.TXT and the binary it names. GPRS modems put `.gprs` before every path, so a directory
 * of that name is the login directory again.
 */
export const ftp: FtpSide = {
  directoryAliases: [".gprs"],
  files: (offered) => {
    if (offered === null) return [{ name: noticeName, role: "notice", content: latin1(makeNoFile()) }]
    const { programId, versionByte } = readOffer(offered.offer)
    const { sha256, sizeBytes } = offered.image
    const text = makeUpgradeTxt({ name: programId, sizeBytes, version: versionByte })
    return [
      { name: noticeName, role: "notice", content: latin1(text) },
      { name: programId, role: "image", image: { sha256, sizeBytes } },
    ]
  },
}
