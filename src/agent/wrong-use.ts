/** The agent was started with something that cannot be; the message is one sentence without its full stop. */
export class WrongUse extends Error {
  override readonly name = "WrongUse"
}

/** The agent cannot start or go on; the message is one sentence without its full stop. */
export class AgentTrouble extends Error {
  override readonly name = "AgentTrouble"
}
