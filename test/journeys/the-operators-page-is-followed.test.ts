import { spawn, spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { request } from "node:https"
import { join } from "node:path"
import Database from "better-sqlite3"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { freePort, newFolder, root, serve, type Serving } from "../serving.ts"

const folder = newFolder()
let server: Serving

beforeAll(async () => {
  server = await serve({ flags: ["--http-hosts", "ota.example.com"] })
})
afterAll(() => server.end("SIGTERM"))

function waft(args: readonly string[]) {
  const env = { ...process.env, WAFT_DATA: server.data }
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "bin", "waft.js"), ...args], {
    env,
    encoding: "utf8",
  })
  return { code: status, out: stdout, error: stderr }
}

describe("the page about running the server", () => {
  it("says what the program does: every command of it", () => {
    const page = readFileSync(join(root, "docs", "operate.md"), "utf8")
    const names: Record<string, string> = { BACKUP: join(folder, "backup.tar"), ELSEWHERE: join(folder, "restored") }
    const lines = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, text = ""]) => text.trim().split("\n"))
    expect(lines.length).toBeGreaterThan(8)
    for (const written of lines) {
      const line = written.replace(/\$([A-Z]+)/g, (_, name: string) => names[name] ?? "")
      const [program, ...args] = line.split(" ")
      expect(program).toBe("waft")
      const { code, error } = waft(args)
      expect({ line, code, error: code === 0 ? "" : error }).toEqual({ line, code: 0, error: "" })
    }
  })

  it("is true of a restored folder: a server runs on it, with the token of the first", async () => {
    const restored = await serve({ data: join(folder, "restored") })
    try {
      const token = readFileSync(join(server.data, "admin-token"), "utf8").trim()
      const answer = await fetch(`${restored.url}/api/tokens`, { headers: { authorization: `Bearer ${token}` } })
      expect(answer.status).toBe(200)
    } finally {
      await restored.end("SIGTERM")
    }
  })

  it("is true of an upgrade's way back: an older program refuses a newer folder, and says so", async () => {
    const data = newFolder()
    const first = await serve({ data })
    await first.end("SIGTERM")
    const database = new Database(join(data, "waft.db"))
    database.prepare("insert into kysely_migration (name, timestamp) values ('9999-of-the-future', '')").run()
    database.close()
    const child = spawnSync(process.execPath, [join(root, "bin", "waft.js"), "serve", "--data", data], {
      encoding: "utf8",
    })
    expect(child.status).not.toBe(0)
    expect(child.stderr).toMatch(/newer version of waft .*9999-of-the-future/)
    expect(child.stderr).not.toContain("    at ")
  })

  it("answers through the reverse proxy of the page", async () => {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")]
    const made = spawnSync("openssl", [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=ota.example.com"],
      ...["-keyout", key, "-out", cert],
    ])
    expect(made.status).toBe(0)
    const port = await freePort()
    const block = readFileSync(join(root, "deploy", "nginx", "waft.conf"), "utf8")
      .replace("listen 443 ssl", `listen 127.0.0.1:${port} ssl`)
      .replace("/etc/ssl/ota.example.com.pem", cert)
      .replace("/etc/ssl/ota.example.com.key", key)
      .replace("http://127.0.0.1:8080", server.url)
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (kind) => `${kind}_temp_path ${folder}/${kind};`,
    )
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr error;
events {}
http { access_log off; ${temporary.join(" ")}
${block}
}`,
    )
    const nginx = spawn("nginx", ["-c", join(folder, "nginx.conf")], { stdio: "inherit" })
    try {
      const token = readFileSync(join(server.data, "admin-token"), "utf8").trim()
      const ask = (path: string, headers: Record<string, string>): Promise<number> =>
        new Promise((resolve, reject) => {
          const options = { host: "127.0.0.1", port, path, rejectUnauthorized: false, servername: "ota.example.com" }
          request({ ...options, headers: { host: "ota.example.com", ...headers } }, (answer) => {
            answer.resume()
            resolve(answer.statusCode ?? 0)
          })
            .once("error", reject)
            .end()
        })
      const authorization = `Bearer ${token}`
      let status = 0
      while (status === 0) status = await ask("/api/devices", { authorization }).catch(() => pause(50))
      expect(status).toBe(200)
      expect(await ask("/metrics", {})).toBe(401)
      expect(await ask("/metrics", { authorization })).toBe(200)
      expect(await ask("/readyz", {})).toBe(200)
    } finally {
      nginx.kill("SIGTERM")
    }
  })
})

function pause(ms: number): Promise<0> {
  return new Promise((resolve) => setTimeout(() => resolve(0), ms))
}
