/** Bytes from outside that break the rules of their format. A value of the outside world, never a bug of ours. */
export class MalformedMessage extends Error {
  override readonly name = "MalformedMessage"
}
