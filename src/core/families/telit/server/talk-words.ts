import type { ModuleMemory, TalkState } from "./memory.ts"

/** What the state means for an operator, where that helps; null = nothing that the update itself does not say. */
export function stateWords({ talk }: ModuleMemory): string | null {
  return explanations[talk.state]({ kind: talk.kind })
}

type Facts = { readonly kind: ModuleMemory["talk"]["kind"] }
const nothing = (): null => null

const explanations: Readonly<Record<TalkState, (facts: Facts) => string | null>> = {
  idle: nothing,
  held: nothing,
  verifying: () => "A Query asks the module what it runs: so far only an operator has said so.",
  provisioning: () => "It is told its access point (Provisioning) and has not acknowledged it yet.",
  inviting: () => "TCP/IP variant: nothing happens before its host types AT#OTAIPUPD.",
  commanded: ({ kind }) => `The ${kind === "test" ? "Test" : "Command"} is sent; the module has not answered it yet.`,
  delayed: () => "Its host has put the question off; the module asks it again and again.",
  fetching: nothing,
  installing: () => "Its Command Final is awaited; a PIN that nobody enters holds it up.",
  pausing: () => "The Command is repeated after a pause.",
  silent: nothing,
  over: nothing,
}
