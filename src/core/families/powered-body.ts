import type { Body, DeviceFiles, NonVolatileMemory } from "./body.ts"

/** A body that does nothing any more once its power has failed, whoever still holds it. */
export interface PoweredBody {
  readonly body: Body
  /** Takes the power away; the first reason counts. */
  readonly fail: (reason: unknown) => void
}

/**
 * Wraps a body for a device that does several things at a time: when one of them meets a power cut, the others must not
 * write on.
 */
export function poweredBody(body: Body): PoweredBody {
  const power: { off: { readonly reason: unknown } | null } = { off: null }
  const fail = (reason: unknown): void => {
    power.off ??= { reason }
  }
  const check = (): void => {
    if (power.off !== null) throw power.off.reason
  }
  const guard = async <T>(deed: () => Promise<T>): Promise<T> => {
    check()
    const result = await deed()
    check()
    return result
  }
  const memory = (inner: NonVolatileMemory): NonVolatileMemory => ({
    sizeBytes: inner.sizeBytes,
    read: (offset, length) => guard(() => inner.read(offset, length)),
    write: (offset, bytes) => guard(() => inner.write(offset, bytes)),
    erase: (offset) => guard(() => inner.erase(offset)),
  })
  const files = (inner: DeviceFiles): DeviceFiles => ({
    list: () => guard(() => inner.list()),
    size: (name) => guard(() => inner.size(name)),
    read: (name, offset, length) => guard(() => inner.read(name, offset, length)),
    create: (name) => guard(() => inner.create(name)),
    append: (name, bytes) => guard(() => inner.append(name, bytes)),
    remove: (name) => guard(() => inner.remove(name)),
  })
  return {
    fail,
    body: {
      ...body,
      clock: { now: body.clock.now, sleep: (ms, signal) => guard(() => body.clock.sleep(ms, signal)) },
      storage: {
        memory: async (name, geometry) => memory(await guard(() => body.storage.memory(name, geometry))),
        files: async (name) => files(await guard(() => body.storage.files(name))),
      },
    },
  }
}
