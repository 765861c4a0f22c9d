import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Command, type Option } from "commander"
import { afterAll, describe, expect, it } from "vitest"
import { secretOption } from "../src/cli/secret-option.ts"
import { environmentName, readConfig, serverSettings } from "../src/server/config.ts"
import { secretSettings, secretVariable } from "../src/server/secret-settings.ts"

const folder = mkdtempSync(join(tmpdir(), "waft-secrets-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const fileWith = (text: string): string => {
  const file = join(folder, String(Math.abs(text.length * 31)))
  writeFileSync(file, `${text}\nand another line\n`)
  return file
}

const isSecret = (flag: string): boolean =>
  /(^|-)(password|passphrase|passwd|secret|token|pin|enrol|key|credentials?)$/.test(flag.replace(/-file$/, ""))
/** What sounds like one: keys that are public, PEM files, what a list is about. */
const isNone = new Set(["http-tls-key", "device-tls-key", "ftp-tls-key", "delta verify --key", "delta apply --key"])

describe("a setting of the server that is a secret", () => {
  it("is read from a file or a variable, and from no argument", () => {
    const sounding = serverSettings.filter(({ flag }) => isSecret(flag) && !isNone.has(flag))
    expect(sounding.map(({ flag }) => flag).sort()).toEqual(
      Object.keys(secretSettings)
        .map((name) => `${name}-file`)
        .sort(),
    )
    for (const { flag, value } of sounding) expect([flag, value]).toEqual([expect.stringMatching(/-file$/), "FILE"])
    for (const { value, help } of serverSettings) expect(`${value} ${help}`).not.toMatch(/:password@|user:/i)
  })

  const flags = {
    "smpp-password": { smpp: "smpp://waft@127.0.0.1:2775", "sms-number": "+393312345678" },
    "sms-modem-pin": { "sms-modem": "/dev/ttyS1", "sms-number": "+393312345678" },
    "oidc-client-secret": { "oidc-issuer": "https://login.example.com", "oidc-client-id": "waft" },
  } as const satisfies Record<keyof typeof secretSettings, object>

  it.each(Object.keys(secretSettings) as (keyof typeof secretSettings)[])("%s: either way, and not both", (name) => {
    const text = "24680"
    const found = (config: ReturnType<typeof readConfig>): string | undefined =>
      ({
        "smpp-password": config.smpp?.password,
        "sms-modem-pin": config.smsModem?.pin,
        "oidc-client-secret": config.oidc?.clientSecret,
      })[name]
    const variable = secretVariable(name)
    const file = fileWith(text)
    expect(found(readConfig(flags[name], { [variable]: text }))).toBe(text)
    expect(found(readConfig({ ...flags[name], [`${name}-file`]: file }, {}))).toBe(text)
    expect(found(readConfig(flags[name], { [environmentName(`${name}-file`)]: file }))).toBe(text)
    const both = (): unknown => readConfig({ ...flags[name], [`${name}-file`]: file }, { [variable]: text })
    expect(both).toThrow(/give one of them/)
    expect(both).not.toThrow(text)
  })
})

/** Every command of the program, from the files that make them. */
async function allCommands(): Promise<readonly Command[]> {
  const made: Command[] = []
  for (const file of readdirSync(new URL("../src/cli", import.meta.url))) {
    if (!/^[a-z-]+\.ts$/.test(file) || file === "main.ts") continue
    const exported = (await import(`../src/cli/${file}`)) as Record<string, unknown>
    for (const [name, make] of Object.entries(exported)) {
      if (name.endsWith("Command") && typeof make === "function") made.push((make as () => Command)())
    }
  }
  return made
}

interface Found {
  readonly path: string
  readonly option: Option
  readonly others: readonly Option[]
}

function optionsOf(command: Command, before = ""): readonly Found[] {
  const path = `${before}${command.name()} `
  const own = command.options.map((option) => ({ path, option, others: command.options }))
  return [...own, ...command.commands.flatMap((child) => optionsOf(child, path))]
}

describe("a secret of a command", () => {
  it("has a file, and a variable where it can be an argument as well; no address holds one", async () => {
    const all = (await allCommands()).flatMap((command) => optionsOf(command))
    expect(all.length).toBeGreaterThan(200)
    const faults: string[] = []
    let secrets = 0
    for (const { path, option, others } of all) {
      const flag = (option.long ?? "").slice(2)
      const named = `${path}--${flag}`
      if (/:password@/.test(`${option.flags} ${option.description}`))
        faults.push(`${named}: an address with a password`)
      const takesText = option.required && !/<FILE>/.test(option.flags)
      if (!isSecret(flag) || isNone.has(flag) || isNone.has(named) || !takesText) continue
      secrets++
      if (!others.some(({ long }) => long === `--${flag}-file`)) faults.push(`${named}: no --${flag}-file`)
      if (!/^WAFT_[A-Z_]+$/.test(option.envVar ?? "")) faults.push(`${named}: no variable`)
    }
    expect(faults).toEqual([])
    expect(secrets).toBeGreaterThanOrEqual(7)
  })

  it("is what the file's first line says, else the argument, else the variable; two that differ are refused", async () => {
    const run = async (args: readonly string[], variable?: string): Promise<unknown> => {
      if (variable !== undefined) process.env["WAFT_TEST_PASSWORD"] = variable
      try {
        const command = new Command("x").exitOverride()
        let seen: unknown = "nothing"
        secretOption(command, { flag: "password", value: "P", help: "-", variable: "WAFT_TEST_PASSWORD" }).action(
          (options: object) => {
            seen = options
          },
        )
        await command.parseAsync([...args], { from: "user" })
        return { ...(seen as object) }
      } finally {
        delete process.env["WAFT_TEST_PASSWORD"]
      }
    }
    const file = fileWith("from the file")
    expect(await run([])).toEqual({})
    expect(await run([], "by variable")).toEqual({ password: "by variable" })
    expect(await run(["--password", "said"], "by variable")).toEqual({ password: "said" })
    expect(await run(["--password-file", file], "by variable")).toMatchObject({ password: "from the file" })
    await expect(run(["--password-file", file, "--password", "said"])).rejects.toThrow(/give one/)
    await expect(run(["--password-file", join(folder, "none")])).rejects.toThrow(/cannot be read/)
  })
})
