import type { Linter } from "../../family.ts"
import { looksLikeIntelHex } from "../codec/intel-hex.ts"
import { looksLikeOtaBinary } from "../codec/ota-binary.ts"
import { publish } from "./publish.ts"

/** Names what is wrong with a program file by asking whether it could be published under its own name. */
export const programLinter: Linter = {
  title: "program of a Waspmote (OTA binary or Intel HEX)",
  // Any board's program may be Intel HEX; only the OTA binary is surely ours.
  matchesInFamily: (_fileName, bytes) => looksLikeIntelHex(bytes),
  matches: (fileName, bytes) =>
    looksLikeOtaBinary(bytes) || (looksLikeIntelHex(bytes) && /waspmote|ota-files/i.test(fileName)),
  lint: (fileName, bytes) => {
    const publication = publish({ fileName, bytes, version: "1", models: [], options: {} })
    return publication.ok ? [] : publication.faults
  },
}
