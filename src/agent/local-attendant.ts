import type { MemoryPort } from "../core/families/memory-port.ts"
import type { AttendEvent } from "../core/families/telit/host-events.ts"
import { type AttendPlan, standardPlan } from "../core/families/telit/host-plan.ts"
import { attendModule } from "../core/families/telit/host-side.ts"
import { machineClock } from "./clock.ts"
import { memoryHostPort } from "./module-port.ts"

export type { AttendEvent } from "../core/families/telit/host-events.ts"

export interface LocalAttendance {
  /** The port of a virtual module in this process. */
  readonly port: MemoryPort
  readonly plan: Partial<AttendPlan>
  readonly speed: number
  readonly tell: (event: AttendEvent) => void
  readonly signal: AbortSignal
}

/** The host program beside a virtual module in this process, until the signal (rejects with its reason). */
export function runLocalAttendant({ port, plan, speed, tell, signal }: LocalAttendance): Promise<never> {
  const clock = machineClock(speed)
  const whole = { ...standardPlan, ...plan }
  return attendModule({ port: memoryHostPort(port, clock), clock, plan: whole, tell, signal })
}
