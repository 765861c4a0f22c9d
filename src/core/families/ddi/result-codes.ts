/** How a contact of a virtual DDI client ends, and what an operator reads of it. The names are ours: DDI has none. */
export const resultWords = {
  NO_UPDATE: "The server has nothing for the client.",
  INSTALLED: "The client has installed the release and told the server so.",
  INSTALLED_SILENTLY: "The client has installed the release and says nothing of it, as its kind does.",
  INSTALLED_UNREPORTED:
    "The client has installed the release, restarted, and was not started so that it tells the result.",
  WAITS_FOR_CONFIRMATION: "The update waits for a word of whoever owns the device.",
  WAITS_FOR_WINDOW: "The client has the release and waits for its maintenance window to install it.",
  DOWNLOAD_FAILED: "The connection broke at every try; the client goes on from there at its next contact.",
  HASH_MISMATCH: "What was fetched has not the hash that the server told; it was thrown away, and the update failed.",
  SIGNATURE_WRONG: "The image is not signed by anybody that the client trusts; the update failed.",
  REJECTED: "The client does not do it now, and leaves the action open.",
  CANCELED: "The client's own application does not want the update.",
  STOPPED: "The server took the update back, and the client has stopped.",
  KEEPS_ON: "The server took the update back, and the client does not stop.",
  NOT_BACK: "The client has installed the release, restarted, and has not come back.",
  DOWNLOADED_AGAIN:
    "The client has fetched the release whole, forgotten it and will fetch it again (a known fault of rauc-hawkbit-updater).",
  UNAUTHORIZED: "The server does not know this token for this device.",
  TOO_MANY_REQUESTS: "The server said 429: the client waits until its next poll.",
  SERVER_UNREACHABLE: "There was no answer from the server.",
} as const

export type ResultCode = keyof typeof resultWords
