// Our FTP server with the fleet's gateway and the image cache over a 10 MB image, which no family of today would accept:
// a channel of a family made for this benchmark offers it. Arguments: data folder, image file, FTP port.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { Family } from "../src/core/families/family.ts"
import { families } from "../src/core/families/index.ts"
import { Emitter } from "../src/core/kit/emitter.ts"
import type { WaftEvent } from "../src/core/domain/events/table.ts"
import type * as LiveFleetModule from "../src/server/fleet/live-fleet.ts"
import type * as GatewayModule from "../src/server/gateway/ftp-gateway.ts"
import type * as ClockModule from "../src/server/clock.ts"
import type * as ImageFilesModule from "../src/server/store/image-files.ts"
import type * as FtpServerModule from "../src/server/transports/ftp/ftp-server.ts"
import { MemoryStore } from "../src/server/fleet/memory-store.testing.ts"

const [data = "", file = "", port = "0"] = process.argv.slice(2)

/** The compiled program, as it is shipped: what is measured. */
const compiled = async <Module>(name: string): Promise<Module> =>
  (await import(new URL(`../dist/server/${name}.js`, import.meta.url).href)) as Module
const { LiveFleet } = await compiled<typeof LiveFleetModule>("fleet/live-fleet")
const { ftpGateway } = await compiled<typeof GatewayModule>("gateway/ftp-gateway")
const { steadyClock, systemClock } = await compiled<typeof ClockModule>("clock")
const { openImageFiles } = await compiled<typeof ImageFilesModule>("store/image-files")
const { startFtpServer } = await compiled<typeof FtpServerModule>("transports/ftp/ftp-server")

const [model] = families
if (model === undefined) throw new Error("there is no family")
const bigFamily: Family = {
  ...model,
  id: "bench",
  ftp: {
    directoryAliases: [],
    files: (offer) => (offer === null ? [] : [{ name: "BIG", role: "image", image: offer.image }]),
  },
}
const images = await openImageFiles({ folder: join(data, "images"), cacheBytes: 256 * 1024 * 1024 })
const image = await images.put(await readFile(file))
const live = new LiveFleet(systemClock)
live.setChannel({
  name: "bench",
  family: "bench",
  access: { user: "mote", secret: "etom" },
  releaseId: "bench",
  version: "1",
  offer: {},
  image,
  warning: null,
  changedAt: systemClock.now(),
})
const gateway = ftpGateway({
  clock: systemClock,
  store: new MemoryStore(),
  images,
  live,
  events: new Emitter<WaftEvent>(),
  families: [bigFamily],
  randomText: (length) => "x".repeat(length),
  complain: (what, error) => process.stderr.write(`${what}: ${String(error)}\n`),
})
await startFtpServer({
  listen: { host: "127.0.0.1", port: Number(port) },
  passive: { minPort: 0, maxPort: 0 },
  tls: null,
  host: gateway,
  clock: steadyClock,
})
process.stdout.write("ready\n")
