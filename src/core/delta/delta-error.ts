/** Why a patch is refused or an update stops. The codes are shared with the C decoder. */
export const deltaErrors = {
  "not-a-patch": "the bytes are no patch",
  "unknown-version": "the patch has a format version that this decoder does not know",
  "bad-header": "a field of the header is out of its limits",
  truncated: "the patch is not whole",
  "payload-damaged": "the payload does not have the checksum that the header names",
  unsupported: "the patch needs something that this decoder lacks",
  "wrong-source": "the old image is not the one that the patch was made from",
  "bad-payload": "the payload does not decode within its limits",
  "wrong-target": "the new image does not have the digest that the header names",
  "wrong-block": "a block of the new image does not have the checksum that the header names",
  "bad-signature": "the patch is not signed by the key that is trusted",
  "flash-failed": "the flash does not hold what was programmed",
  "too-little-memory": "the device has less memory or flash than the patch needs",
} as const

export type DeltaErrorCode = keyof typeof deltaErrors

/** A patch from outside that cannot be used. */
export class DeltaError extends Error {
  override readonly name = "DeltaError"
  readonly code: DeltaErrorCode

  constructor(code: DeltaErrorCode, detail: string) {
    super(`${deltaErrors[code]}: ${detail}`)
    this.code = code
  }
}
