import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Command } from "commander"
import { expect, it } from "vitest"
import { agentCommand } from "../src/cli/agent.ts"
import { certifyCommand } from "../src/cli/certify.ts"
import { channelCommand } from "../src/cli/channel.ts"
import { deltaCommand } from "../src/cli/delta.ts"
import { deviceCommand } from "../src/cli/device.ts"
import { groupCommand } from "../src/cli/group.ts"
import { imageCommand } from "../src/cli/image.ts"
import { releaseCommand } from "../src/cli/release.ts"
import { rolloutCommand } from "../src/cli/rollout.ts"
import { serveCommand } from "../src/cli/serve.ts"
import { userCommand } from "../src/cli/user.ts"
import { virtualCommand } from "../src/cli/virtual.ts"

const root = join(import.meta.dirname, "..", "src")
const commands = [agentCommand, certifyCommand, channelCommand, deltaCommand, deviceCommand, imageCommand]
const moreCommands = [groupCommand, releaseCommand, rolloutCommand, serveCommand, userCommand, virtualCommand]

function optionsOf(command: Command): readonly string[] {
  const own = command.options.map(({ long }) => long ?? "")
  return [...own, ...command.commands.flatMap((child) => optionsOf(child))]
}

it("every option that a sentence of families or server advises is one that a command has", () => {
  const known = new Set([...commands, ...moreCommands].flatMap((make) => optionsOf(make())))
  const unknown: string[] = []
  for (const file of readdirSync(root, { recursive: true, encoding: "utf8" })) {
    if (!/^(core|server)\/.*(?<!\.test|\.testing)\.ts$/.test(file)) continue
    for (const line of readFileSync(join(root, file), "utf8").split("\n")) {
      if (/^\s*(\/\/|\*|\/\*)/.test(line)) continue
      for (const [, option = ""] of line.matchAll(/(?<=[ `(])(--[a-z][a-z-]+)(?![\w;])/g)) {
        if (!known.has(option)) unknown.push(`${file}: ${option}`)
      }
    }
  }
  expect(known.size).toBeGreaterThan(50)
  expect(unknown).toEqual([])
})
