/**
 * How a virtual board's contact ended: the OTA service's event, with the HTTP client's error code behind a colon where the
 * client failed (pic32mzw1.md 2.4 and 2.5), and two codes of the bootloader's doing. The words are what an operator reads.
 */
export const resultWords = {
  DB_ENTRY_SUCCESS: "The image was fetched, its digest is right, it stands in the database, and the board restarted.",
  UPDATE_NOTAVAILABLE: "The manifest offers nothing newer; the board goes on.",
  UPDATE_AVAILABLE: "The manifest offers a newer version, and automatic update is switched off on the board.",
  WAITING_FOR_NETWORK_CONNECTION: "The board has no network and waits for one.",
  "UPDATE_CHECK_FAILED:0": "The manifest never became whole; the board tries again at its next period.",
  "UPDATE_CHECK_FAILED:1":
    "The server's answer to the manifest request was not 200; the board tries again at its next period.",
  "UPDATE_CHECK_FAILED:2": "The server's name could not be resolved; the board tries again at its next period.",
  "UPDATE_CHECK_FAILED:3": "The server could not be reached; the board tries again at its next period.",
  "UPDATE_CHECK_FAILED:4": "The HTTP client had no memory; the board tries again at its next period.",
  "UPDATE_CHECK_FAILED:5": "The headers of the manifest could not be read; the board tries again at its next period.",
  "UPDATE_CHECK_FAILED:6":
    "The connection broke while the manifest was received; the board tries again at its next period.",
  "UPDATE_CHECK_FAILED:7": "The manifest request could not be sent; the board tries again at its next period.",
  "DOWNLOAD_FAILED:0": "The image never became whole within 1000 seconds; the board waits for a reset.",
  "DOWNLOAD_FAILED:1": "The server's answer to the image request was not 200; the board waits for a reset.",
  "DOWNLOAD_FAILED:2": "The name in the image's URL could not be resolved; the board waits for a reset.",
  "DOWNLOAD_FAILED:3": "The server of the image could not be reached; the board waits for a reset.",
  "DOWNLOAD_FAILED:4": "The HTTP client had no memory for the image; the board waits for a reset.",
  "DOWNLOAD_FAILED:5": "The headers of the image could not be read; the board waits for a reset.",
  "DOWNLOAD_FAILED:6": "The connection broke while the image was received; the board waits for a reset.",
  "DOWNLOAD_FAILED:7": "The image request could not be sent; the board waits for a reset.",
  TRIGGER_OTA_FAILED:
    "The manifest's URL cannot be used (no file name with an extension); the board waits for a reset.",
  URL_OVERFLOW:
    "The manifest's URL has more than 99 characters and overran the buffer of 100; the board crashed and restarts.",
  IMAGE_DIGEST_VERIFY_FAILED:
    "The image's SHA-256 is not the manifest's Digest (TargetDigest after a patch); it was deleted, and the board waits for a reset.",
  PATCH_IMAGE_DIGEST_VERIFY_FAILED:
    "The patch's SHA-256 is not the manifest's PatchDigest; it was deleted, and the board waits for a reset.",
  PATCH_BASEVERSION_NOTFOUND:
    "The image that the patch begins from is no longer in the board's store; the board waits for a reset.",
  PATCH_FAILED: "The patch is no JojoDiff patch for its base; the board waits for a reset.",
  IMAGE_DATABASE_FULL: "The external flash has no room for the image; the board waits for a reset.",
  IMAGE_ERASED: "The stored image was deleted as ordered; the board waits for a reset.",
  IMAGE_ERASE_FAILED: "The version to delete is not in the board's database; the board waits for a reset.",
  PROGRAM_FAILED:
    "The bootloader could not verify the new image in program flash, deleted its row and started another image.",
  APP_HUNG:
    "The new program hangs before it marks itself good; there is no automatic rollback, the board stays silent.",
  NO_IMAGE: "The bootloader found no image it could start.",
} as const

export type ResultCode = keyof typeof resultWords
