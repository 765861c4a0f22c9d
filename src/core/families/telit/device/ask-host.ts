import type { TelitModule } from "./module.ts"

const delayForEver = 2

/**
 * Asks the host whether the firmware may be updated (§3.2.3): 1 accepts, 0 refuses, 2 delays for ever, after which the
 * question is repeated until it is answered (AT reference). Without an answer in time the update is off.
 */
export async function askHost(
  module: TelitModule,
  seconds: number,
  delayed: () => Promise<unknown>,
): Promise<"accepted" | "refused" | "no-answer"> {
  let isDelayed = false
  for (;;) {
    const answer = await askOnce(module, seconds)
    if (answer === 1) return "accepted"
    if (answer === 0) return "refused"
    if (answer === delayForEver && !isDelayed) await delayed()
    isDelayed ||= answer === delayForEver
    if (isDelayed) {
      if (answer === delayForEver) await module.pause(seconds * 1000)
      continue
    }
    await module.tell("answerTimeout")
    return "no-answer"
  }
}

/** The host's answer; null = none came in time. */
async function askOnce(module: TelitModule, seconds: number): Promise<number | null> {
  const answered = new Promise<number>((resolve) => {
    module.answer = resolve
  })
  module.beside(() => ring(module))
  await module.tell("question")
  const waiting = new AbortController()
  const late = module.pause(seconds * 1000, AbortSignal.any([waiting.signal, module.signal])).then(() => null)
  // Whoever wins, the other is over.
  late.catch(() => undefined)
  try {
    return await Promise.race([answered, late])
  } finally {
    module.answer = null
    waiting.abort(new Error("answered"))
  }
}

/** `#OTASETRI`: one pulse on RI with each question. */
async function ring(module: TelitModule): Promise<void> {
  const { ringMs } = module.memory.value
  if (ringMs === 0) return
  module.port.setLine("RI", true)
  await module.pause(ringMs)
  module.port.setLine("RI", false)
}
