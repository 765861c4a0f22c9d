// Our device HTTP listener with the fleet's gateway and the image cache over a 10 MB image, which no family of today would
// accept: a channel of a family made for this benchmark offers it. Arguments: data folder, image size, HTTP port.
import { join } from "node:path"
import type { WaftEvent } from "../src/core/domain/events/table.ts"
import type { Family } from "../src/core/families/family.ts"
import { families } from "../src/core/families/index.ts"
import { notFound } from "../src/core/families/routes.ts"
import { Emitter } from "../src/core/kit/emitter.ts"
import type * as ClockModule from "../src/server/clock.ts"
import type * as LiveFleetModule from "../src/server/fleet/live-fleet.ts"
import { MemoryStore } from "../src/server/fleet/memory-store.testing.ts"
import type * as GatewayModule from "../src/server/gateway/http-gateway.ts"
import type * as ImageFilesModule from "../src/server/store/image-files.ts"
import type * as DeviceHttpModule from "../src/server/transports/http/device-http-server.ts"

const [data = "", size = "0", port = "0"] = process.argv.slice(2)

/** The compiled program, as it is shipped: what is measured. */
const compiled = async <Module>(name: string): Promise<Module> =>
  (await import(new URL(`../dist/server/${name}.js`, import.meta.url).href)) as Module
const { LiveFleet } = await compiled<typeof LiveFleetModule>("fleet/live-fleet")
const { httpGateway } = await compiled<typeof GatewayModule>("gateway/http-gateway")
const { steadyClock, systemClock } = await compiled<typeof ClockModule>("clock")
const { openImageFiles } = await compiled<typeof ImageFilesModule>("store/image-files")
const { startDeviceHttp } = await compiled<typeof DeviceHttpModule>("transports/http/device-http-server")

const [model] = families.filter((family) => family.http !== undefined)
if (model?.http === undefined) throw new Error("there is no family over HTTP")
const bigFamily: Family = {
  ...model,
  id: "bench",
  http: {
    routes: [
      {
        method: "GET",
        path: "/d/:key/big.bin",
        caller: ({ params }) => ({ by: "login", user: params["key"] ?? "" }),
        answer: ({ offered }) =>
          offered === null
            ? notFound
            : {
                status: 200,
                body: {
                  type: "application/octet-stream",
                  image: offered.image,
                  entityTag: offered.image.sha256.slice(0, 32),
                },
              },
      },
    ],
  },
}
const images = await openImageFiles({ folder: join(data, "images"), cacheBytes: 256 * 1024 * 1024 })
const image = await images.put(new Uint8Array(Number(size)).fill(0x5a))
const live = new LiveFleet(systemClock)
live.setChannel({
  name: "bench",
  family: "bench",
  access: { user: "url-bench", secret: "bench" },
  releaseId: "bench",
  version: "1",
  offer: {},
  image,
  warning: null,
  changedAt: systemClock.now(),
})
await startDeviceHttp({
  listen: { host: "127.0.0.1", port: Number(port) },
  tls: null,
  host: httpGateway({
    clock: systemClock,
    store: new MemoryStore(),
    images,
    live,
    events: new Emitter<WaftEvent>(),
    families: [bigFamily],
    randomText: () => "",
    complain: (what, error) => process.stderr.write(`${what}: ${String(error)}\n`),
    deviceUrl: null,
  }),
  clock: steadyClock,
})
process.stdout.write("ready /d/url-bench/big.bin\n")
