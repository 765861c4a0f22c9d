/** Takes down what is said on one connection; every call is on a device's path and must be cheap. */
export interface Tap {
  /** One line without its end; `note` = what the server saw. */
  readonly said: (from: "device" | "server" | "note", text: string) => void
  /** The connection is over. */
  readonly end: () => void
}
