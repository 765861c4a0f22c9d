// The server of `npm run bench wire`, in a process of its own: it takes down what devices say, or not, as it is told from one moment to
// the next. So both are measured on one process, with one heap and one state of the compiler.
import { readConfig } from "../src/server/config.ts"
import { type KeptTranscript, WireLog } from "../src/server/fleet/wire/wire-log.ts"
import { startServer } from "../src/server/main.ts"
import { quiet } from "../test/serving.ts"

const [data = ""] = process.argv.slice(2)
const logs = new Set<WireLog>()
// Called once, when the server takes in what the run before kept: nothing of what is measured goes through here.
const restore: (this: WireLog, kept: readonly KeptTranscript[]) => void = Reflect.get(WireLog.prototype, "restore")
WireLog.prototype.restore = function (this: WireLog, kept) {
  logs.add(this)
  restore.call(this, kept)
}
const server = await startServer(readConfig({ data, ...quiet }, {}), "bench")
if (logs.size !== 1) throw new Error(`there are ${logs.size} logs of the wire`)
process.on("message", (isOn) => {
  for (const log of logs) log.isOn = isOn === true
  process.send?.("done")
})
process.on("disconnect", () => process.exit())
process.send?.({ url: server.url, token: server.token, listeners: server.listeners })
