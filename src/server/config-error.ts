/** A wrong setting; `message` names it and the cure. */
export class ConfigError extends Error {
  override readonly name = "ConfigError"
}
