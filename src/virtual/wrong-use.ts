/** Something asked for that cannot be: the message is one sentence for whoever typed it. */
export class WrongUse extends Error {
  override readonly name = "WrongUse"
}
