import { Command } from "commander"
import { type CertificationReport, runCertification, WrongUse } from "../virtual/main.ts"
import { Failure } from "./failure.ts"
import { clean, printJson, printLines } from "./output.ts"
import { secretOption } from "./secret-option.ts"

interface CertifyCommandOptions {
  readonly family?: string
  readonly model: string
  readonly variant: string
  readonly pin: string
  readonly pty?: string
  readonly tcp?: string
  readonly speed: string
  readonly json?: boolean
}

/** `waft certify`: judges a host program beside a virtual module. */
export function certifyCommand(): Command {
  const command = secretOption(new Command("certify"), {
    flag: "pin",
    value: "PIN",
    help: "PIN of the module's SIM cards; your host has to know it",
    variable: "WAFT_SIM_PIN",
    fallback: "1234",
  })
  return command
    .description("give your own host program a virtual module and judge what it does: exit code 0 passed, 1 not")
    .option("--pty <LINK>", "the module's AT port as a pseudo-terminal, and this symbolic link to it (needs socat)")
    .option("--tcp <HOST:PORT>", "the module's AT port for hosts that connect here; port 0 = any")
    .option("--family <FAMILY>", "device family, where there are several with a certification")
    .option("--model <MODEL>", "model of the module", "HE910")
    .option("--variant <NAME>", "sms, combined or tcp-ip: how your host registers the module", "sms")
    .option("--speed <N>", "the module's own pauses are divided by this; 1 = as the hardware", "1")
    .option("--json", "print the report as JSON, and nothing else")
    .action(certify)
}

async function certify({ family, model, variant, pin, pty, tcp, speed, json }: CertifyCommandOptions): Promise<void> {
  const ending = new AbortController()
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => ending.abort(new Error("interrupted")))
  try {
    const report = await runCertification({
      model,
      variant,
      pin,
      doors: { ...(pty === undefined ? {} : { pty }), ...(tcp === undefined ? {} : { tcp }) },
      speed: Number(speed),
      log: (line) => (json === true ? undefined : printLines(line)),
      signal: ending.signal,
      ...(family === undefined ? {} : { family }),
    })
    if (json === true) printJson(report)
    else printReport(report)
    if (!report.isPassed) process.exitCode = 1
  } catch (error) {
    if (ending.signal.aborted) throw new Failure("The certification was interrupted; nothing is judged.")
    if (!(error instanceof WrongUse)) throw error
    const text = `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`
    throw new Failure(text, { exitCode: 2, title: "usage" })
  }
}

const marks = { passed: "passed  ", failed: "FAILED  ", "not-seen": "not seen" } as const

function printReport({ model, variant, isPassed, rows }: CertificationReport): void {
  printLines("", `Host program beside a ${model}, variant ${variant}:`)
  for (const { verdict, title, section, words } of rows) {
    printLines(clean(`  ${marks[verdict]}  ${title} (${section})`), clean(`            ${words}`))
  }
  printLines("", isPassed ? "The host program has passed." : "The host program has not passed.")
}
