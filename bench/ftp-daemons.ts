// The servers of the FTP benchmark: ours, and those of Debian, each with its own configuration in a folder of its own.
import { spawn, spawnSync, type ChildProcess } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))

/** What a server must serve, and where it may write. */
export interface Site {
  /** `UPGRADE.TXT` and `BIG` for servers of static files. */
  readonly files: string
  /** A folder for this server alone. */
  readonly folder: string
  readonly port: number
}

export interface Daemon {
  readonly name: string
  readonly version: string
  /** A process for each session: too many for 4,000 sessions on a small machine. */
  readonly forks: boolean
  readonly command: (site: Site) => readonly string[]
  /** Lines `user password`. */
  readonly accounts: string
}

export interface Running {
  readonly name: string
  readonly pid: number
  readonly port: number
  readonly accounts: string
  readonly stop: () => Promise<void>
}

const packagesFolder = join(tmpdir(), "waft-bench-daemons")

/** A program of a Debian package: installed, or unpacked beside it (vsftpd, pure-ftpd and proftpd exclude each other). */
function obtain(program: string, packageName: string): string | null {
  const candidates = ["/usr/sbin", "/usr/bin", join(packagesFolder, "usr/sbin"), join(packagesFolder, "usr/bin")]
  const find = (): string | null => candidates.map((dir) => join(dir, program)).find((path) => existsSync(path)) ?? null
  const found = find()
  if (found !== null) return found
  mkdirSync(packagesFolder, { recursive: true })
  const options = { cwd: packagesFolder, stdio: "ignore" } as const
  if (spawnSync("apt-get", ["download", packageName], options).status !== 0) return null
  for (const deb of readdirSync(packagesFolder).filter((name) => name.startsWith(`${packageName}_`))) {
    spawnSync("dpkg", ["-x", deb, "."], options)
  }
  return find()
}

function firstLine(command: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: "utf8" })
  return `${stdout}${stderr}`.split("\n")[0] ?? ""
}

/** Version of the Debian package that is installed or would be. */
function packageVersion(name: string): string {
  const { stdout } = spawnSync("apt-cache", ["policy", name], { encoding: "utf8" })
  return /Candidate: (\S+)/.exec(stdout)?.[1] ?? ""
}

function vsftpd(): Daemon | null {
  const program = obtain("vsftpd", "vsftpd")
  if (program === null) return null
  const command = ({ files, folder, port }: Site): readonly string[] => {
    const empty = join(folder, "empty")
    mkdirSync(empty, { recursive: true })
    const settings = {
      listen: "YES",
      background: "NO",
      listen_address: "127.0.0.1",
      listen_port: port,
      anonymous_enable: "YES",
      local_enable: "NO",
      anon_root: files,
      ftp_username: "daemon",
      secure_chroot_dir: empty,
      max_clients: 0,
      max_per_ip: 0,
      xferlog_enable: "NO",
      seccomp_sandbox: "NO",
      // A network namespace for each session would cost it a second.
      isolate: "NO",
      isolate_network: "NO",
    }
    const text = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(join(folder, "vsftpd.conf"), text.join(""))
    return [program, join(folder, "vsftpd.conf")]
  }
  return { name: "vsftpd", version: packageVersion("vsftpd"), forks: true, command, accounts: "anonymous x\n" }
}

function proftpd(): Daemon | null {
  const program = obtain("proftpd", "proftpd-core")
  if (program === null) return null
  const command = ({ files, folder, port }: Site): readonly string[] => {
    const hash = firstLine("openssl", ["passwd", "-1", "etom"])
    writeFileSync(join(folder, "passwd"), `mote:${hash}:65534:65534::${files}:/bin/false\n`, { mode: 0o640 })
    const text = `ServerType standalone
DefaultAddress 127.0.0.1
Port ${port}
UseIPv6 off
User nobody
Group nogroup
MaxInstances none
UseReverseDNS off
AuthOrder mod_auth_file.c
AuthUserFile ${folder}/passwd
RequireValidShell off
DefaultRoot ${files}
WtmpLog off
PidFile ${folder}/pid
ScoreboardFile ${folder}/scoreboard
SystemLog none
TransferLog none
DelayTable none
<IfModule mod_delay.c>
DelayEngine off
</IfModule>
`
    writeFileSync(join(folder, "proftpd.conf"), text)
    return [program, "-n", "-q", "-c", join(folder, "proftpd.conf")]
  }
  return { name: "proftpd", version: packageVersion("proftpd-core"), forks: true, command, accounts: "mote etom\n" }
}

function pureFtpd(): Daemon | null {
  const program = obtain("pure-ftpd", "pure-ftpd")
  const pw = obtain("pure-pw", "pure-ftpd-common")
  if (program === null || pw === null) return null
  const command = ({ files, folder, port }: Site): readonly string[] => {
    // Its own passwords are hashed so dearly that the hash would be all that is measured.
    const hash = firstLine("openssl", ["passwd", "-1", "etom"])
    writeFileSync(join(folder, "passwd"), `mote:${hash}:65534:65534::${files}/./::::::::::::\n`)
    spawnSync(pw, ["mkdb", join(folder, "db"), "-f", join(folder, "passwd")])
    const limits = ["-c", "10000", "-C", "10000"]
    return [
      program,
      "-S",
      `127.0.0.1,${port}`,
      "-l",
      `puredb:${folder}/db`,
      ...limits,
      "-H",
      "-4",
      "-A",
      "-g",
      `${folder}/pid`,
    ]
  }
  return { name: "pure-ftpd", version: packageVersion("pure-ftpd"), forks: true, command, accounts: "mote etom\n" }
}

const pyftpdlibScript = `import logging, sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
logging.disable(logging.CRITICAL)
FTPHandler.authorizer = DummyAuthorizer()
FTPHandler.authorizer.add_user("mote", "etom", sys.argv[1], perm="elr")
server = FTPServer(("127.0.0.1", int(sys.argv[2])), FTPHandler, backlog=4096)
server.max_cons = 20000
server.serve_forever()
`

function pyftpdlib(): Daemon | null {
  const version = firstLine("/usr/bin/python3", ["-c", "import pyftpdlib; print(pyftpdlib.__ver__)"])
  if (!/^\d/.test(version)) return null
  const command = ({ files, folder, port }: Site): readonly string[] => {
    writeFileSync(join(folder, "server.py"), pyftpdlibScript)
    return ["/usr/bin/python3", join(folder, "server.py"), files, String(port)]
  }
  return { name: "pyftpdlib", version, forks: false, command, accounts: "mote etom\n" }
}

/** Other people's servers that this machine has or can get. */
export function otherDaemons(): readonly Daemon[] {
  return [vsftpd(), pureFtpd(), proftpd(), pyftpdlib()].filter((daemon) => daemon !== null)
}

export const ourVersion = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version

/** A port that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(address === null || typeof address === "string" ? 0 : address.port))
    })
  })
}

/** Starts a program pinned to the first core; resolves when its port answers, or when it says `ready` if that is asked. */
export async function start(
  command: readonly string[],
  { name, port, accounts, saysReady }: Omit<Running, "pid" | "stop"> & { readonly saysReady: boolean },
): Promise<Running> {
  const child = spawn("taskset", ["-c", "0", ...command], { cwd: root, stdio: ["ignore", "pipe", "inherit"] })
  await (saysReady ? untilReady(child, name) : new Promise((resolve) => setTimeout(resolve, 1500)))
  if (child.exitCode !== null || child.pid === undefined) throw new Error(`${name} ended at once`)
  child.stdout.resume()
  return { name, pid: child.pid, port, accounts, stop: () => stop(child) }
}

function untilReady(child: ChildProcess, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ""
    child.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString()
      if (/^ready/m.test(said)) resolve()
    })
    child.once("exit", () => reject(new Error(`${name} ended before it was ready: ${said}`)))
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const family = processTree(child.pid ?? 0)
  const ended = new Promise((resolve) => child.once("exit", resolve))
  child.kill("SIGTERM")
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5000))])
  for (const pid of family) {
    try {
      process.kill(pid, "SIGKILL")
    } catch {
      // It is gone already.
      continue
    }
  }
}

/** The process and all that it has started. */
export function processTree(pid: number): readonly number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const parent = Number(procText(`/proc/${name}/stat`).split(") ")[1]?.split(" ")[1] ?? 0)
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const tree: number[] = [pid]
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(tree[i] ?? 0) ?? []))
  return tree
}

/** CPU seconds of the process and its children, those that ended included. */
export function cpuSeconds(pid: number): number {
  let ticks = 0
  for (const member of processTree(pid)) {
    const fields = procText(`/proc/${member}/stat`).split(") ")[1]?.split(" ") ?? []
    ticks += fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  }
  return ticks / 100
}

/** Memory of the process and its children in MB; what they share is counted once (PSS). */
export function memoryMb(pid: number): number {
  let kilobytes = 0
  for (const member of processTree(pid)) {
    kilobytes += Number(/^Pss: +(\d+)/m.exec(procText(`/proc/${member}/smaps_rollup`))?.[1] ?? 0)
  }
  return kilobytes / 1024
}

function procText(path: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch {
    // A process may end while it is looked at.
    return ""
  }
}
