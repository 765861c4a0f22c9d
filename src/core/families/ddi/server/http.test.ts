import { describe, expect, it } from "vitest"
import { askRoute, callerOf, quietSituation } from "../../testing/ask-route.testing.ts"
import { ddi } from "../index.ts"
import { action, base, Device, image, offer, sums, update, url } from "./known-device.testing.ts"
import { entry } from "./memory.ts"
import { actionOf } from "./offer.ts"

describe("the root resource", () => {
  it("says how long to sleep, asks for what the device is, and has nothing to do", () => {
    expect(new Device().json("")).toEqual({
      config: { polling: { sleep: "00:05:00" } },
      _links: { configData: { href: `${url}/configData` } },
    })
    expect(new Device({ sleep: "00:00:10" }).json("")).toMatchObject({ config: { polling: { sleep: "00:00:10" } } })
  })

  it("links to what stands for the device", () => {
    expect(new Device().offer().json("")).toMatchObject({
      _links: { deploymentBase: { href: expect.stringMatching(`^${url}/deploymentBase/${action}\\?c=\\d+$`) } },
    })
  })

  it("has an ETag, and 304 for whoever brings it", () => {
    const device = new Device()
    const tag = device.ask("").headers?.["ETag"] ?? ""
    expect(tag).toMatch(/^"[0-9a-f]{24}"$/)
    expect(device.ask("", { headers: { "if-none-match": `W/"x", ${tag}` } })).toEqual({
      status: 304,
      headers: { ETag: tag },
      isNotice: false,
    })
    expect(device.offer().ask("", { headers: { "if-none-match": tag } }).status).toBe(200)
  })

  it("is JSON for a client that would rather have CBOR", () => {
    const { status, body } = new Device().ask("", { headers: { accept: "application/cbor" } })
    expect([status, body?.type]).toEqual([200, "application/json"])
  })

  it("is another tenant's for another tenant, whatever the case of its letters", () => {
    const device = new Device({ tenant: "Acme" })
    const asked = (tenant: string) =>
      askRoute(
        ddi,
        { url: `/${tenant}/controller/v1/d1` },
        {
          device: {
            ...(quietSituation.device as NonNullable<typeof quietSituation.device>),
            familyState: device.memory,
          },
        },
      )?.status
    expect(asked("ACME")).toBe(200)
    expect(asked("other")).toBe(404)
  })
})

describe("who asks", () => {
  const asked = (authorization?: string) =>
    callerOf(ddi, { url: base, headers: authorization === undefined ? {} : { authorization } })

  it("is known by a target token, a gateway token or a certificate", () => {
    expect(asked("TargetToken abc")).toEqual({ by: "device", id: "d1", secret: "abc" })
    expect(asked("targettoken  abc")).toEqual({ by: "device", id: "d1", secret: "abc" })
    expect(asked("GatewayToken enrol-1.abc")).toMatchObject({
      by: "enrolment",
      id: "d1",
      token: "enrol-1.abc",
      model: "other",
    })
    expect(asked()).toEqual({ by: "certificate", id: "d1" })
    expect(asked("Bearer abc")).toBeNull()
    expect(asked("TargetToken")).toBeNull()
  })

  it("with a gateway token is of the token's tenant", () => {
    const caller = asked("GatewayToken enrol-1.abc")
    if (caller?.by !== "enrolment") throw new Error("it is no gateway")
    expect(caller.fits({}, caller.familyState)).toBe(true)
    expect(caller.fits({ tenant: "default" }, caller.familyState)).toBe(true)
    expect(caller.fits({ tenant: "acme" }, caller.familyState)).toBe(false)
    expect(caller.fits({}, { tenant: "acme" })).toBe(false)
  })
})

describe("deploymentBase", () => {
  it("is the chunk with its artifact, three sums and four links", () => {
    const artifacts = `${url}/softwaremodules/${/softwaremodules\/(\d+)/.exec(JSON.stringify(new Device().offer().json(`/deploymentBase/${action}`)))?.[1]}/artifacts`
    expect(new Device().offer().json(`/deploymentBase/${action}`)).toEqual({
      id: action,
      deployment: {
        download: "forced",
        update: "forced",
        chunks: [
          {
            part: "os",
            version: "1.2",
            name: "a.swu",
            artifacts: [
              {
                filename: "a.swu",
                hashes: { sha1: sums.sha1, md5: sums.md5, sha256: sums.sha256 },
                size: 10,
                _links: {
                  download: { href: `${artifacts}/a.swu` },
                  "download-http": { href: `${artifacts}/a.swu` },
                  "md5sum-http": { href: `${artifacts}/a.swu.MD5SUM` },
                  md5sum: { href: `${artifacts}/a.swu.MD5SUM` },
                },
              },
            ],
          },
        ],
      },
    })
  })

  it("is a number in 31 bits, another for another update, and 404 for what does not stand", () => {
    expect(Number(action)).toBeLessThan(2 ** 31)
    expect(actionOf("o-2/d1", image)).not.toBe(action)
    expect(new Device().offer().ask("/deploymentBase/1").status).toBe(404)
    expect(new Device().ask(`/deploymentBase/${action}`).status).toBe(404)
  })

  it("gives back what the device has said, newest first, as far as it asks", () => {
    const device = new Device().offer()
    device.say("proceeding", "none", "deploymentBase", action, { details: ["one"] })
    device.say("proceeding", "none", "deploymentBase", action, { details: ["two"] })
    expect(device.json(`/deploymentBase/${action}?actionHistory=1`)).toMatchObject({
      actionHistory: { status: "RUNNING", messages: ["two"] },
    })
    expect(device.json(`/deploymentBase/${action}?actionHistory=-1`)).toMatchObject({
      actionHistory: { messages: ["two", "one"] },
    })
    expect(device.json(`/deploymentBase/${action}`)).not.toHaveProperty("actionHistory")
  })
})

describe("feedback", () => {
  it.each([
    ["closed", "success", "offered", ["installed"]],
    ["closed", "none", "offered", ["installed"]],
    ["closed", "failure", "offered", ["install-failed"]],
    ["proceeding", "none", "offered", ["accepted"]],
    ["proceeding", "none", "downloading", []],
    ["proceeding", "none", "downloaded", ["install-started"]],
    ["scheduled", "none", "offered", ["accepted"]],
    ["resumed", "none", "offered", ["accepted"]],
    ["download", "none", "offered", ["accepted"]],
    ["downloaded", "none", "downloading", ["transfer-finished"]],
    ["rejected", "none", "offered", ["offer-read"]],
    ["rejected", "none", "downloading", []],
    ["canceled", "none", "offered", ["declined"]],
    ["canceled", "success", "downloaded", ["install-failed"]],
  ] as const)("%s with %s while %s means %j", (execution, finished, state, kinds) => {
    const device = new Device().offer()
    device.update = { ...update, state }
    expect(device.say(execution, finished)).toBe(200)
    expect(device.evidence).toEqual(kinds)
  })

  it("that closes tells what runs, shows the installed one, and asks for attributes anew", () => {
    const device = new Device().offer()
    device.ask("/configData", { method: "PUT", body: { data: { a: "1" } } })
    device.say("closed", "success")
    device.takeBack()
    expect(device.running).toBe("1.2")
    expect(device.links).toEqual(["installedBase", "configData"])
    expect(device.json(`/installedBase/${action}`)).toMatchObject({
      id: action,
      deployment: { chunks: [{ version: "1.2" }] },
    })
    expect(device.ask("/installedBase/5").status).toBe(404)
  })

  it("is 410 for an action that is closed, 404 for one that never was, 400 for what nobody can read", () => {
    const device = new Device().offer()
    expect(device.say("closed", "failure")).toBe(200)
    expect(device.say("closed", "success")).toBe(410)
    expect(device.say("closed", "success", "deploymentBase", "77")).toBe(404)
    expect(
      device.ask(`/deploymentBase/${action}/feedback`, { method: "POST", body: { status: { execution: "?" } } }).status,
    ).toBe(400)
    expect(device.evidence).toEqual(["install-failed"])
  })

  it("brings code, progress and words", () => {
    const answer = new Device().offer().ask(`/deploymentBase/${action}/feedback`, {
      method: "POST",
      body: {
        status: {
          execution: "closed",
          result: { finished: "failure", progress: { cnt: 3, of: 4 } },
          code: -7,
          details: ["no room."],
        },
      },
    })
    expect(answer.report?.evidence).toEqual([
      { kind: "install-failed", code: "-7", sentence: "The client says that it could not install 1.2: no room." },
    ])
    const going = new Device().offer().ask(`/deploymentBase/${action}/feedback`, {
      method: "POST",
      body: { status: { execution: "proceeding", result: { finished: "none", progress: { cnt: 3, of: 4 } } } },
    })
    expect(going.report?.percent).toBe(75)
  })
})

describe("cancelAction", () => {
  function taken(): Device {
    const device = new Device().offer()
    device.ask(`/deploymentBase/${action}`)
    device.takeBack()
    return device
  }

  it("is shown once what the device has read was taken back, and to nobody else", () => {
    const device = taken()
    expect(device.links).toEqual(["cancelAction", "configData"])
    expect(device.json(`/cancelAction/${action}`)).toEqual({ id: action, cancelAction: { stopId: action } })
    const unread = new Device().offer()
    unread.takeBack()
    expect(unread.links).toEqual(["configData"])
    expect(unread.ask(`/cancelAction/${action}`).status).toBe(404)
  })

  it("is not shown while the rollout is paused or the offer is made anew", () => {
    const device = new Device().offer()
    device.ask(`/deploymentBase/${action}`)
    device.offered = null
    expect(device.links).toEqual(["configData"])
  })

  it("is accepted by closed without failure, and by nothing else", () => {
    const device = taken()
    expect(device.say("canceled", "success", "cancelAction")).toBe(200)
    expect(device.links).toContain("cancelAction")
    expect(device.say("closed", "success", "cancelAction")).toBe(200)
    expect(device.links).toEqual(["configData"])
    expect(device.notes).toEqual(["conversation.cancel-accepted"])
    expect(device.say("closed", "success", "cancelAction")).toBe(410)
  })

  it.each([
    ["rejected", "none"],
    ["closed", "failure"],
  ])("is refused by %s with %s: the device goes on and says how that ends", (execution, finished) => {
    const device = taken()
    device.say(execution, finished, "cancelAction")
    expect(device.notes).toEqual(["conversation.cancel-rejected"])
    expect(device.links).toEqual(["configData"])
    expect(device.say("closed", "success")).toBe(200)
    expect(device.running).toBe("1.2")
    expect(device.evidence).toEqual(["offer-read"])
  })

  it("is asked twenty times of a client that does not know it, and then no more", () => {
    const device = taken()
    for (let poll = 0; poll < 20; poll++) expect(device.links, `poll ${poll}`).toContain("cancelAction")
    expect(device.links).not.toContain("cancelAction")
    expect(device.notes).toEqual(["conversation.cancel-unanswered"])
  })

  it("comes before the next deployment", () => {
    const device = taken()
    device.offered = { offer, image }
    device.update = { ...update, id: "o-2/d1" }
    expect(device.links).toEqual(["cancelAction", "configData"])
    device.say("closed", "success", "cancelAction")
    expect(device.links).toEqual(["deploymentBase", "configData"])
  })
})

describe("confirmationBase", () => {
  it("is shown instead of the deployment to a device that is asked first, until it agrees", () => {
    const device = new Device({ confirm: "yes" }).offer()
    expect(device.links).toEqual(["confirmationBase", "configData"])
    expect(device.ask(`/deploymentBase/${action}`).status).toBe(404)
    expect(device.json(`/confirmationBase/${action}`)).toMatchObject({
      id: action,
      confirmation: { download: "forced" },
    })
    const say = (confirmation: string) =>
      device.ask(`/confirmationBase/${action}/feedback`, { method: "POST", body: { confirmation } }).status
    expect(say("denied")).toBe(200)
    expect(device.links).toEqual(["confirmationBase", "configData"])
    expect(say("confirmed")).toBe(200)
    expect(device.links).toEqual(["deploymentBase", "configData"])
    expect(device.evidence).toEqual(["offer-read", "accepted"])
    expect(say("confirmed")).toBe(410)
    expect(say("perhaps")).toBe(400)
  })

  it("is confirmed by itself once that is switched on, and not when it is switched off again", () => {
    const device = new Device({ confirm: "yes" }).offer()
    expect(device.json("/confirmationBase")).toMatchObject({
      autoConfirm: { active: false },
      _links: {
        activateAutoConfirm: { href: `${url}/confirmationBase/activateAutoConfirm` },
        confirmationBase: { href: `${url}/confirmationBase/${action}` },
      },
    })
    const body = { initiator: "me", remark: "night shift" }
    expect(device.ask("/confirmationBase/activateAutoConfirm", { method: "POST", body }).status).toBe(200)
    expect(device.links).toEqual(["deploymentBase", "configData"])
    expect(device.json("/confirmationBase")).toEqual({
      autoConfirm: { active: true, initiator: "me", remark: "night shift", activatedAt: 1000 },
      _links: { deactivateAutoConfirm: { href: `${url}/confirmationBase/deactivateAutoConfirm` } },
    })
    device.ask("/confirmationBase/deactivateAutoConfirm", { method: "POST" })
    expect(device.links).toEqual(["confirmationBase", "configData"])
  })
})

describe("configData", () => {
  const put = (device: Device, body: object) => device.ask("/configData", { method: "PUT", body }).status

  it("becomes labels; merge adds, replace drops what it had said, remove takes away", () => {
    const device = new Device()
    device.labels = { site: "north" }
    expect(put(device, { mode: "merge", data: { VIN: "JH4", hwRevision: 2 } })).toBe(200)
    expect(device.labels).toEqual({ site: "north", VIN: "JH4", hwRevision: "2" })
    put(device, { data: { color: "red" } })
    expect(device.labels).toEqual({ site: "north", VIN: "JH4", hwRevision: "2", color: "red" })
    put(device, { mode: "remove", data: { VIN: "" } })
    expect(device.labels).toEqual({ site: "north", hwRevision: "2", color: "red" })
    put(device, { mode: "replace", data: { board: "b7" } })
    expect(device.labels).toEqual({ site: "north", board: "b7" })
    expect(device.links).toEqual([])
  })

  it("never changes a label that an operator gave", () => {
    const device = new Device()
    device.labels = { site: "north" }
    for (const mode of ["merge", "replace", "remove"]) put(device, { mode, data: { site: "everywhere" } })
    expect(device.labels).toEqual({ site: "north" })
  })

  it("takes any key as a name, bounded in number and length", () => {
    const device = new Device()
    const data = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${i} key/with blanks`, "v".repeat(1000)]))
    put(device, { data })
    const names = Object.keys(device.labels)
    expect(names).toHaveLength(32)
    for (const name of names) expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/)
    for (const value of Object.values(device.labels)) expect(value.length).toBeLessThanOrEqual(201)
  })

  it.each([{}, { data: 5 }, { data: {}, mode: "mix" }])("refuses %j", (body) => {
    expect(put(new Device(), body)).toBe(400)
  })
})

describe("artifacts", () => {
  const module = (device: Device) =>
    /softwaremodules\/(\d+)/.exec(JSON.stringify(device.json(`/deploymentBase/${action}`)))?.[1]

  it("are listed, handed out with their SHA-1 as the tag, and summed as md5sum does", () => {
    const device = new Device().offer()
    const path = `/softwaremodules/${module(device)}/artifacts`
    expect(device.json(path)).toMatchObject([{ filename: "a.swu", size: 10 }])
    expect(device.ask(`${path}/a.swu`)).toMatchObject({
      status: 200,
      headers: { "Content-Disposition": "attachment;filename=a.swu" },
      body: { image, part: { offset: 0, sizeBytes: 10 }, entityTag: sums.sha1 },
    })
    expect(device.ask(`${path}/a.swu.MD5SUM`).body).toEqual({ type: "text/plain", text: `${sums.md5}  a.swu\n` })
    for (const other of [`${path}/b.swu`, `${path}/..%2fa.swu`, "/softwaremodules/1/artifacts/a.swu"]) {
      expect(device.ask(other).status).toBe(404)
    }
  })
})

describe("installedBase", () => {
  it("may be told by the device itself", () => {
    const device = new Device()
    expect(device.ask("/installedBase", { method: "PUT", body: { name: "os", version: "9.9" } }).status).toBe(200)
    expect(device.running).toBe("9.9")
    expect(device.ask("/installedBase", { method: "PUT", body: { name: "os" } }).status).toBe(400)
  })
})

describe("versions", () => {
  it("are compared by their numbers", () => {
    const sorted = ["1.10", "1.9", "1.9-rc1", "2", "1.9"].sort(ddi.versions.compare)
    expect(sorted).toEqual(["1.9", "1.9", "1.9-rc1", "1.10", "2"])
    expect(ddi.versions.parse(" 1")).toHaveProperty("fault")
    expect(ddi.versions.parse("v".repeat(65))).toHaveProperty("fault")
  })
})

describe("what an operator enters", () => {
  it("is checked", () => {
    expect(entry.enter({ id: "d1", sleep: "5 minutes" })).toMatchObject({ fault: expect.stringContaining("HH:MM:SS") })
    expect(entry.enter({ id: "d1", colour: "red" })).toMatchObject({
      fault: expect.stringContaining("tenant, sleep, confirm"),
    })
  })

  it("gives a URL and a token", () => {
    const { access } = ddi
    const made = access.make({ id: "gw", random: (n) => "r".repeat(n), isTaken: () => false })
    if ("fault" in made) throw new Error(made.fault)
    const view = access.view({ id: "gw", access: made, deviceUrl: "http://h:1", familyState: { tenant: "Acme" } })
    expect(view).toEqual({ ddi: { url: "http://h:1/Acme/controller/v1/gw", token: "r".repeat(32) } })
    expect(access.make({ id: "gw", secret: "a b", random: () => "", isTaken: () => false })).toHaveProperty("fault")
  })
})

/** rauc-hawkbit-updater, as its public source has it: Debian has no package of it. */
describe("rauc-hawkbit-updater", () => {
  const details = (word: string) => ({ time: "20261128T050000", details: [word] })
  const rauc = (): Device => {
    const device = new Device().offer()
    device.model = "rauc"
    return device
  }

  it("sends its attributes with a status that means nothing there", () => {
    const device = rauc()
    const status = { result: { finished: "success" }, execution: "closed" }
    const body = { time: "20261128T050000", status, data: { product: "gateway" } }
    expect(device.ask("/configData", { method: "PUT", body }).status).toBe(200)
    expect(device.labels).toEqual({ product: "gateway" })
    expect(device.evidence).toEqual([])
  })

  it("tells each step as proceeding, and the end before it restarts", () => {
    const device = rauc()
    device.ask(`/deploymentBase/${action}`)
    device.update = { ...update, state: "downloaded" }
    device.say("proceeding", "none", "deploymentBase", action, details("Download complete. 1.50 MB/s"))
    device.say("proceeding", "none", "deploymentBase", action, details("File checksum OK."))
    expect(device.say("closed", "success", "deploymentBase", action, details("Software bundle installed."))).toBe(200)
    expect(device.evidence).toEqual(["offer-read", "install-started", "install-started", "installed"])
    expect(device.running).toBe("1.2")
  })

  it("rejects with success what comes too late to stop: it goes on and says how that ends", () => {
    const device = rauc()
    device.ask(`/deploymentBase/${action}`)
    device.takeBack()
    const words = details("Cancelation impossible, installation started already.")
    expect(device.say("rejected", "success", "cancelAction", action, words)).toBe(200)
    expect(device.notes).toEqual(["conversation.cancel-rejected"])
    expect(device.links).toEqual(["configData"])
    expect(device.say("closed", "success")).toBe(200)
    expect(device.notes).toEqual(["conversation.cancel-rejected", "conversation.late-end"])
  })

  it("acknowledges a cancellation of what it never began", () => {
    const device = rauc()
    device.ask(`/deploymentBase/${action}`)
    device.takeBack()
    expect(device.say("closed", "success", "cancelAction", action, details("Action canceled."))).toBe(200)
    expect(device.notes).toEqual(["conversation.cancel-accepted"])
  })

  it("that waits for its window reads the same action under another link once it is open", () => {
    const device = rauc()
    device.update = { ...update, state: "downloaded", window: "closed" }
    expect(device.json(`/deploymentBase/${action}`)).toMatchObject({ id: action, deployment: { update: "skip" } })
    device.update = { ...update, state: "downloaded", window: "open" }
    expect(device.json(`/deploymentBase/${action}`)).toMatchObject({ id: action, deployment: { update: "forced" } })
  })
})
