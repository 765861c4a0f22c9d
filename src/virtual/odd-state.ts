/** A state directory that no virtual device can have left like this; the message is one sentence for the operator. */
export class OddState extends Error {
  override readonly name = "OddState"
}
