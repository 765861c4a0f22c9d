import type { Device, Update } from "../../../core/domain/records.ts"
import { StaleRecord, type Store } from "../needs.ts"

/** Held by one action at a time. A device points at the last one that queued up for it. */
export interface DeviceLock {
  isFree: boolean
  /** Resolves when it is free; never rejects. */
  readonly freed: Promise<void>
}

/** What is locked: a device in memory. */
export interface Lockable {
  readonly device: Device
  lock: DeviceLock
}

/** Where a device is read again that somebody else has saved. */
export interface RefreshNeeds {
  readonly store: Pick<Store, "device" | "updatesOfDevice">
  readonly live: {
    readonly putDevice: (device: Device) => unknown
    readonly setUpdate: (update: Update) => void
    readonly removeDevice: (id: string) => void
  }
}

/** The lock of a device for which nothing is under way. */
export const freeLock: DeviceLock = { isFree: true, freed: Promise.resolve() }

/**
 * Runs an action alone for all these devices: after everything that is under way for any of them, and before anything that comes
 * later. Whatever the action decides it must read inside, not before. Two such actions cannot wait for each other, since each
 * queues up for all its devices at one moment. A device that is free costs one assignment, so that many can be locked at once.
 */
export async function withLocks<Result>(
  needs: RefreshNeeds,
  devices: Iterable<Lockable>,
  action: () => Promise<Result> | Result,
): Promise<Result> {
  let free = (): void => undefined
  const own: DeviceLock = {
    isFree: false,
    freed: new Promise<void>((resolve) => {
      free = resolve
    }),
  }
  const before = new Set<DeviceLock>()
  for (const live of devices) {
    if (!live.lock.isFree && live.lock !== own) before.add(live.lock)
    live.lock = own
  }
  try {
    for (const { freed } of before) await freed
    return await untilFresh(needs, devices, action)
  } finally {
    own.isFree = true
    free()
  }
}

/** Runs an action alone for one device. */
export function withLock<Result>(
  needs: RefreshNeeds,
  live: Lockable,
  action: () => Promise<Result> | Result,
): Promise<Result> {
  return withLocks(needs, [live], action)
}

/** How often an action is tried whose devices somebody else goes on saving. */
const mostTries = 4

/**
 * An action that was to save a record over a version that is no longer the newest has changed nothing: the devices are read again, and
 * it is tried again from what they are now.
 */
async function untilFresh<Result>(
  { store, live: fleet }: RefreshNeeds,
  devices: Iterable<Lockable>,
  action: () => Promise<Result> | Result,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await action()
    } catch (error) {
      if (!(error instanceof StaleRecord) || tries === mostTries) throw error
      for (const { device } of devices) await refresh(store, fleet, device.id)
    }
  }
}

async function refresh(store: RefreshNeeds["store"], fleet: RefreshNeeds["live"], id: string): Promise<void> {
  const device = await store.device(id)
  if (device === null) return fleet.removeDevice(id)
  fleet.putDevice(device)
  const [update] = await store.updatesOfDevice(id, 1)
  if (update !== undefined) fleet.setUpdate(update)
}
