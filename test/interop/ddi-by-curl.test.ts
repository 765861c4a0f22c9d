import { createHash, randomBytes } from "node:crypto"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type ApiClient, client } from "../../src/cli/api-client.ts"
import type { RunningServer } from "../../src/server/main.ts"
import { anyPort } from "../serving.ts"
import { startHere } from "../start-here.ts"
import { runProgram, runWell } from "./run-program.ts"

/** curl asks for every route of DDI, over the real listener. */

let folder: string
let server: RunningServer
let api: ApiClient
let url: string
let token: string
let artifact: string
const image = randomBytes(50_000)

interface Answer {
  readonly status: number
  readonly head: string
  readonly body: Buffer
}

async function curl(target: string, ...args: readonly string[]): Promise<Answer> {
  const file = join(folder, "body")
  writeFileSync(file, "")
  const { stdout } = await runWell("curl", ["-sS", "-D", "-", "-o", file, ...args, target])
  const head = stdout.toString()
  return { status: Number(/^HTTP\/\S+ (\d+)/m.exec(head)?.[1]), head, body: readFileSync(file) }
}

const asDevice = (target: string, ...args: readonly string[]): Promise<Answer> =>
  curl(target, "-H", `Authorization: TargetToken ${token}`, ...args)
const telling = (method: string, body: object): readonly string[] => {
  return ["-X", method, "-H", "Content-Type: application/json", "-d", JSON.stringify(body)]
}
const json = ({ body }: Answer) => JSON.parse(body.toString()) as { readonly [key: string]: never }

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-ddi-"))
  const make = (name: string, ...more: readonly string[]) => {
    const pair = ["-keyout", join(folder, `${name}.key`), "-out", join(folder, `${name}.pem`)]
    return runWell("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...pair, ...more])
  }
  await make("ca", "-subj", "/CN=fleet")
  await make("server", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
  const ca = ["-CA", join(folder, "ca.pem"), "-CAkey", join(folder, "ca.key")]
  for (const id of ["gw-1", "stranger"]) await make(id, "-subj", `/CN=${id}`, ...(id === "gw-1" ? ca : []))
  server = await startHere(join(folder, "data"), {
    "device-https": anyPort,
    "device-tls-cert": join(folder, "server.pem"),
    "device-tls-key": join(folder, "server.key"),
    "device-tls-client-ca": join(folder, "ca.pem"),
  })
  api = client(server.url, server.token)
  const access: object = await api.call("addDevice", { body: { id: "gw-1", family: "ddi", model: "rauc" } })
  ;({ url, token } = (access as { readonly ddi: { url: string; token: string } }).ddi)
  const query = { family: "ddi", fileName: "bundle.raucb", version: "7" }
  const release = await api.call("publishRelease", { query, body: image })
  await api.call("startRollout", { body: { group: "id=gw-1", releaseIds: [release.id] } })
})

interface Chunk {
  readonly part: string
  readonly name: string
  readonly version: string
  readonly artifacts: readonly {
    readonly filename: string
    readonly size: number
    readonly _links: { readonly "download-http": { readonly href: string } }
  }[]
}

/** Another gateway, and curl in its name. */
async function addGateway(id: string, options: Readonly<Record<string, string>> = {}, model = "rauc") {
  const access: object = await api.call("addDevice", { body: { id, family: "ddi", model, options } })
  const { ddi } = access as { readonly ddi: { url: string; token: string } }
  const ask = (target: string, ...args: readonly string[]) =>
    curl(target, "-H", `Authorization: TargetToken ${ddi.token}`, ...args)
  const link = async (name: string): Promise<string> => {
    const { _links } = json(await ask(ddi.url))
    return (_links as unknown as Readonly<Record<string, { readonly href: string }>>)[name]?.href ?? `no ${name}`
  }
  return { url: ddi.url, ask, link }
}

async function startOn(id: string, version: string): Promise<string> {
  const query = { family: "ddi", fileName: "update.raucb", version }
  const release = await api.call("publishRelease", { query, body: randomBytes(2000) })
  return (await api.call("startRollout", { body: { group: `id=${id}`, releaseIds: [release.id] } })).id
}

afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

describe("curl", () => {
  it("without the right token reads 401, also where it tells something", async () => {
    expect((await curl(url)).status).toBe(401)
    expect((await curl(url, "-H", "Authorization: TargetToken wrong")).status).toBe(401)
    expect((await curl(`${url}/configData`, ...telling("PUT", { data: { a: "b" } }))).status).toBe(401)
    expect((await asDevice(`${url}/configData`)).status).toBe(405)
    expect((await asDevice(`${url}/configData`)).head).toContain("Allow: PUT")
  })

  it("polls with an ETag, tells what it is, and reads what to do", async () => {
    const first = await asDevice(url.replace("DEFAULT", "default"))
    const tag = /ETag: (\S+)/.exec(first.head)?.[1] ?? ""
    expect((await asDevice(url.replace("DEFAULT", "default"), "-H", `If-None-Match: ${tag}`)).status).toBe(304)
    expect((await asDevice(`${url}/configData`, ...telling("PUT", { data: { rack: "7" } }))).status).toBe(200)
    expect((await api.call("showDevice", { params: { id: "gw-1" } })).labels).toEqual({ rack: "7" })
    const { _links } = json(await asDevice(url))
    const { deploymentBase } = _links as unknown as { deploymentBase: { href: string } }
    const base = json(await asDevice(deploymentBase.href))
    artifact = /"download-http":\{"href":"([^"]+)"/.exec(JSON.stringify(base))?.[1] ?? ""
    expect(base).toMatchObject({ deployment: { chunks: [{ version: "7", artifacts: [{ size: image.length }] }] } })
  })

  it("hands an artifact out whole, in ranges, and not under another tag", async () => {
    const sums = [createHash("sha1"), createHash("md5")].map((hash) => hash.update(image).digest("hex"))
    expect((await asDevice(artifact, "-I")).head).toMatch(/^HTTP\/1.1 200[\s\S]*Content-Length: 50000/)
    const part = await asDevice(artifact, "-r", "40000-")
    expect([part.status, part.body.equals(image.subarray(40_000))]).toEqual([206, true])
    expect((await asDevice(artifact, "-r", "50000-")).status).toBe(416)
    expect((await asDevice(artifact, "-H", `If-Match: "${sums[0]}"`, "-r", "0-9")).status).toBe(206)
    expect((await asDevice(artifact, "-H", 'If-Match: "other"')).status).toBe(412)
    expect((await asDevice(`${artifact}.MD5SUM`)).body.toString()).toBe(`${sums[1]}  bundle.raucb\n`)
    expect((await curl(artifact)).status).toBe(401)
    const whole = await asDevice(artifact)
    expect([whole.status, whole.body.equals(image)]).toEqual([200, true])
  })

  it("reports the end, once", async () => {
    const feedback = /.*\/v1\/gw-1/.exec(url)?.[0] ?? ""
    const { _links } = json(await asDevice(url))
    const { deploymentBase } = _links as unknown as { deploymentBase: { href: string } }
    const target = `${deploymentBase.href.replace(/\?.*/, "")}/feedback`
    expect(target.startsWith(feedback)).toBe(true)
    const end = telling("POST", { status: { execution: "closed", result: { finished: "success" }, details: ["done"] } })
    expect((await asDevice(target, ...telling("POST", { status: { execution: "over" } }))).status).toBe(400)
    expect((await asDevice(target, ...end)).status).toBe(200)
    expect((await asDevice(target, ...end)).status).toBe(410)
    const { running, update } = await api.call("showDevice", { params: { id: "gw-1" } })
    expect(running).toEqual({ version: "7", evidence: "reported" })
    expect(update?.state).toBe("succeeded")
    const after = json(await asDevice(url))
    expect(Object.keys(after["_links"] as unknown as object)).toEqual(["installedBase", "configData"])
  })

  it("with a gateway token speaks for a device that nobody knew", async () => {
    const { token: gateway } = await api.call("createEnrolment", { body: { family: "ddi", admission: "accepted" } })
    const target = url.replace("gw-1", "behind-1")
    const asGateway = (...args: readonly string[]) =>
      curl(target, "-H", `Authorization: GatewayToken ${gateway}`, ...args)
    expect((await asGateway()).status).toBe(200)
    expect((await asGateway()).status).toBe(200)
    expect(await api.call("showDevice", { params: { id: "behind-1" } })).toMatchObject({
      family: "ddi",
      model: "other",
    })
    expect((await curl(url, "-H", `Authorization: GatewayToken ${gateway}`)).status).toBe(200)
    expect((await curl(target.replace("DEFAULT", "ACME"), "-H", `Authorization: GatewayToken ${gateway}`)).status).toBe(
      401,
    )
  })

  it("knows a device by its certificate", async () => {
    const secure = url.replace(/^http:\/\/[^/]+/, `https://${server.listeners["device-https"]}`)
    const tls = ["--cacert", join(folder, "server.pem")]
    const as = (name: string) => ["--cert", join(folder, `${name}.pem`), "--key", join(folder, `${name}.key`)]
    expect((await curl(secure, ...tls, ...as("gw-1"))).status).toBe(200)
    expect((await curl(secure, ...tls, ...as("stranger"))).status).toBe(401)
    expect((await curl(secure, ...tls)).status).toBe(401)
    expect((await curl(secure.replace("gw-1", "behind-1"), ...tls, ...as("gw-1"))).status).toBe(401)
  })

  it("reads a release of several chunks and artifacts, and says how the end of one that was taken back went", async () => {
    const device = await addGateway("gw-2", {}, "swupdate")
    const files = ["os/root.img", "os/boot.img", "bApp,dashboard,1.4/root.img"].map((name, i) => ({
      name,
      bytes: randomBytes(3000 + i),
    }))
    for (const { name, bytes } of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), bytes)
    }
    await runWell("tar", ["-C", folder, "-cf", join(folder, "bundle.tar"), ...files.map(({ name }) => name)])
    const options = JSON.stringify({ bundle: "" })
    const query = { family: "ddi", fileName: "bundle.tar", version: "8", options }
    const release = await api.call("publishRelease", { query, body: readFileSync(join(folder, "bundle.tar")) })
    const rollout = await api.call("startRollout", { body: { group: "id=gw-2", releaseIds: [release.id] } })
    const target = await device.link("deploymentBase")
    const { deployment } = json(await device.ask(target)) as unknown as { deployment: { chunks: readonly Chunk[] } }
    const [chunk] = deployment.chunks
    const shown = deployment.chunks.map(({ part, name, version, artifacts }) => [
      [part, name, version],
      artifacts.map(({ filename, size }) => [filename, size]),
    ])
    expect(shown).toEqual([
      [
        ["os", "os", "8"],
        [
          ["root.img", 3000],
          ["boot.img", 3001],
        ],
      ],
      [["bApp", "dashboard", "1.4"], [["root.img", 3002]]],
    ])
    for (const [i, { _links }] of deployment.chunks.flatMap(({ artifacts }) => artifacts).entries()) {
      expect((await device.ask(_links["download-http"].href)).body.equals(files[i]?.bytes ?? image)).toBe(true)
    }
    const list = /.*\/artifacts/.exec(chunk?.artifacts[0]?._links["download-http"].href ?? "")?.[0] ?? ""
    expect(json(await device.ask(list))).toMatchObject([{ filename: "root.img" }, { filename: "boot.img" }])
    const action = target.replace(/\?.*/, "")
    expect(
      (await device.ask(`${action}/feedback`, ...telling("POST", { status: { execution: "proceeding" } }))).status,
    ).toBe(200)

    await api.call("abortRollout", { params: { id: rollout.id } })
    const cancel = await device.link("cancelAction")
    expect(json(await device.ask(cancel))).toMatchObject({ cancelAction: { stopId: action.split("/").at(-1) } })
    const rejected = { status: { execution: "rejected" } }
    expect((await device.ask(`${cancel}/feedback`, ...telling("POST", rejected))).status).toBe(200)
    expect((await device.ask(`${cancel}/feedback`, ...telling("POST", { status: { execution: "over" } }))).status).toBe(
      400,
    )
    expect((await api.call("showDevice", { params: { id: "gw-2" } })).update?.state).toBe("cancelled")
  })

  it("stops on the device's word, and is asked no more", async () => {
    const device = await addGateway("gw-4")
    const rollout = await startOn("gw-4", "11")
    await device.ask(await device.link("deploymentBase"))
    await api.call("abortRollout", { params: { id: rollout } })
    const cancel = await device.link("cancelAction")
    const closed = { status: { execution: "closed", result: { finished: "success" } } }
    expect((await device.ask(`${cancel}/feedback`, ...telling("POST", closed))).status).toBe(200)
    expect((await device.ask(cancel)).status).toBe(404)
    expect(json(await device.ask(device.url))["_links"]).not.toHaveProperty("cancelAction")
  })

  it("is asked before it gets anything, once a time or once and for all, and may tell what it runs", async () => {
    const device = await addGateway("gw-3", { confirm: "yes" })
    await startOn("gw-3", "12")
    const waits = await device.link("confirmationBase")
    const action = waits.replace(/\?.*/, "")
    expect(json(await device.ask(waits))).toMatchObject({ confirmation: { chunks: [{ version: "12" }] } })
    const say = (confirmation: string) =>
      device.ask(`${action}/feedback`, ...telling("POST", { confirmation, details: ["at night"] }))
    expect((await say("denied")).status).toBe(200)
    expect(await device.link("confirmationBase")).toContain(action)
    expect((await say("confirmed")).status).toBe(200)
    expect(await device.link("deploymentBase")).toContain("/deploymentBase/")

    const base = `${device.url}/confirmationBase`
    expect(json(await device.ask(base))).toMatchObject({ autoConfirm: { active: false } })
    expect(
      (await device.ask(`${base}/activateAutoConfirm`, ...telling("POST", { initiator: "night shift" }))).status,
    ).toBe(200)
    expect(json(await device.ask(base))).toMatchObject({ autoConfirm: { active: true, initiator: "night shift" } })
    expect((await device.ask(`${base}/deactivateAutoConfirm`, ...telling("POST", {}))).status).toBe(200)
    expect(json(await device.ask(base))).toMatchObject({ autoConfirm: { active: false } })

    const installed = `${device.url}/installedBase`
    expect((await device.ask(installed, ...telling("PUT", { name: "os", version: "9.9" }))).status).toBe(200)
    expect((await device.ask(installed, ...telling("PUT", { name: "os" }))).status).toBe(400)
    const { running } = await api.call("showDevice", { params: { id: "gw-3" } })
    expect(running).toEqual({ version: "9.9", evidence: "reported" })
  })

  it("is told 429 when it tells too much in a minute, and others are not", async () => {
    const target = `${url}/deploymentBase/1/feedback`
    const flood = `url="${target}"\n`.repeat(260)
    const args = [
      "-sS",
      "-o",
      "/dev/null",
      "-w",
      "%{http_code}\n",
      "-K",
      "-",
      "-d",
      '{"status":{"execution":"download"}}',
    ]
    const auth = ["-H", `Authorization: TargetToken ${token}`]
    const { stdout } = await runProgram("curl", [...args, ...auth], { input: flood })
    const codes = stdout.toString().trim().split("\n")
    expect(new Set(codes)).toContain("429")
    expect(codes[0]).toBe("404")
    expect((await asDevice(url)).status).toBe(200)
  })
})
