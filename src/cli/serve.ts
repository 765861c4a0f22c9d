import { setFlagsFromString } from "node:v8"
import { Command } from "commander"
import { ConfigError, environmentName, type Given, readConfig, readSettings, serverSettings } from "../server/config.ts"
import { type RunningServer, startServer } from "../server/main.ts"
import { version } from "./version.ts"

/** The server's number in the demo's own mobile network. */
const demoNumber = "+390000000000"

/**
 * V8 lets a heap double and more before it looks for garbage; a server that holds ten thousand waiting agents would take
 * twice the memory that it needs. Growing by half costs a little time and keeps what is resident near what is used.
 */
const heapGrowth = "--heap-growing-percent=50"

/** `waft serve`: the server, with `--demo` a fleet that is updated before your eyes. */
export function serveCommand(): Command {
  return addSettings(new Command("serve").description("run the server"))
    .option("--demo", "add a virtual fleet and roll firmware out to it")
    .action(async (options: Record<string, string | boolean>) => {
      const isDemo = options["demo"] === true
      const sources = [flagsOf(options), process.env, options["config"] as string | undefined] as const
      const given = readConfig(...sources)
      const settings = readSettings(...sources)
      // A server in the field has no use for devices in software: they are loaded for the demo only.
      const demo = isDemo ? await import("./demo.ts") : null
      const network = demo === null ? null : await demo.startMobileNetwork({ number: demoNumber })
      // The demo's devices are a hundred times faster than hardware.
      const told = options["deviceSpeed"] === undefined && isDemo ? { ...given, deviceSpeed: 100 } : given
      demandHiddenPassword(options["smpp"])
      const config =
        network === null ? told : { ...told, smpp: network.smpp, smsModem: null, smsNumber: network.number }
      setFlagsFromString(heapGrowth)
      const lab = config.lab ? await (await import("./lab.ts")).openLab(config.data) : null
      const server = await startServer(config, version, { lab, settings })
      const ending = new AbortController()
      const ended = endBySignal(ending, server)
      const listeners = Object.entries(server.listeners).map(([name, address]) => `${name}=${address}`)
      process.stdout.write(`ready ${listeners.join(" ")} data=${config.data}\n`)
      // The link signs in; it is for the person at the terminal and stands in no log.
      const link = process.stdout.isTTY ? `${server.url}/#token=${server.token}` : `${server.url}/`
      process.stdout.write(`console ${link}\n`)
      if (demo !== null && network !== null)
        await demo.runDemo(server, { data: config.data, network, signal: ending.signal })
      await ended
      await lab?.close()
      await server.close()
      await network?.close()
    })
}

/** Whoever may list processes reads what stands in their arguments. */
function demandHiddenPassword(smpp: string | boolean | undefined): void {
  if (typeof smpp !== "string" || !/^smpp:\/\/[^:@/]+:/.test(smpp)) return
  throw new ConfigError(
    "--smpp would show its password to everybody who lists processes: leave it out of the address, and give it with --smpp-password-file FILE or in WAFT_SMPP_PASSWORD.",
  )
}

/** Adds every setting of the server as an option. */
export function addSettings(command: Command): Command {
  for (const { flag, value, help, fallback } of serverSettings) {
    const standard = fallback === "" ? "" : `, default ${fallback}`
    command.option(`--${flag} <${value}>`, `${help} (${environmentName(flag)}${standard})`)
  }
  return command.option("--config <FILE>", "settings as JSON, with these flags' names as keys (WAFT_CONFIG)")
}

/** Commander gives `deviceHttp` for `--device-http`. */
export function flagsOf(options: Readonly<Record<string, string | boolean>>): Given {
  const given: Partial<Record<keyof Given, string>> = {}
  for (const { flag } of serverSettings) {
    const value = options[flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())]
    if (typeof value === "string") given[flag] = value
  }
  return given
}

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. Where a listener has a certificate,
 * SIGHUP has it read anew instead.
 */
function endBySignal(ending: AbortController, { reloadCertificates }: RunningServer): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      if (ending.signal.aborted) process.exit(130)
      ending.abort()
      resolve()
    }
    process.on("SIGINT", end)
    process.on("SIGTERM", end)
    process.on("SIGHUP", () => void (reloadCertificates === null ? end() : reloadCertificates()))
  })
}
