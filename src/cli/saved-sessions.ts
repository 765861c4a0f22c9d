import { mkdir, readFile, rename, writeFile } from "node:fs/promises"
import { homedir } from "node:os"
import { dirname, join } from "node:path"

interface Saved {
  readonly token: string
  readonly expiresAt: number
}

type SavedSessions = Readonly<Record<string, Saved>>

/** Where `waft login` keeps sessions: a file of this person alone. */
export function sessionsFile(): string {
  return join(process.env["XDG_CONFIG_HOME"] ?? join(homedir(), ".config"), "waft", "sessions.json")
}

/** The session that was opened at that server; null = none, or it is over. */
export async function savedSession(url: string): Promise<string | null> {
  const { [url]: saved } = await read()
  return saved === undefined || saved.expiresAt <= Date.now() ? null : saved.token
}

/** Keeps a session; null = forgets the one at that server. */
export async function saveSession(url: string, saved: Saved | null): Promise<void> {
  const { [url]: _before, ...others } = await read()
  const file = sessionsFile()
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const part = `${file}.${process.pid}`
  const sessions: SavedSessions = saved === null ? others : { ...others, [url]: saved }
  await writeFile(part, `${JSON.stringify(sessions)}\n`, { mode: 0o600 })
  await rename(part, file)
}

async function read(): Promise<SavedSessions> {
  try {
    const found: unknown = JSON.parse(await readFile(sessionsFile(), "utf8"))
    return typeof found === "object" && found !== null ? (found as SavedSessions) : {}
  } catch {
    // None yet, or a file that says nothing: whoever logs in makes a new one.
    return {}
  }
}
