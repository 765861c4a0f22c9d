import type { AtArgument } from "../../../protocols/at/command-line.ts"
import type { AtAnswer, AtCommand, AtCommands } from "../../../protocols/at/interpreter.ts"
import { type SettingName, settings } from "./kept-settings.ts"
import type { TelitModule } from "./module.ts"

const longestValue = 200

/** Test, read and write form of every setting in `settings`: what is written is what is read, until an update. */
export const settingCommands: AtCommands<TelitModule> = Object.fromEntries(
  (Object.keys(settings) as SettingName[]).map((name) => [name, commandOf(name)]),
)

function commandOf(name: SettingName): AtCommand<TelitModule> {
  const { range } = settings[name]
  return {
    test: () => (range === "" ? {} : { lines: [`${name}: ${range}`] }),
    read: (module) => ({ lines: [`${name}: ${module.setting(name)}`] }),
    write: (module, values) => write(module, name, values),
  }
}

async function write(module: TelitModule, name: SettingName, values: readonly AtArgument[]): Promise<AtAnswer> {
  const value = values.map(({ text, isQuoted }) => (isQuoted ? `"${text}"` : text)).join(",")
  if (value.length > longestValue || !isInRange(name, values)) return "ERROR"
  await module.memory.save({ settings: { ...module.memory.value.settings, [name]: value } })
  return {}
}

/** The first parameter, where the test form shows a plain range for it. */
function isInRange(name: SettingName, [first]: readonly AtArgument[]): boolean {
  const group = /^\(([^)]*)\)/.exec(settings[name].range)?.[1]
  if (group === undefined) return true
  if (first === undefined) return false
  return group.split(",").some((part) => {
    const [from = "", to] = part.replaceAll('"', "").split("-")
    if (to === undefined) return first.text.toUpperCase() === from
    return /^\d{1,9}$/.test(first.text) && Number(first.text) >= Number(from) && Number(first.text) <= Number(to)
  })
}
