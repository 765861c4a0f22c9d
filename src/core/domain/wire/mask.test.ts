import { describe, expect, it } from "vitest"
import { maskLine } from "./mask.ts"

const secret = "s3cr3t-kq7"

describe("a line of a transcript", () => {
  it.each([
    [`PASS ${secret}`, "PASS ****"],
    [`pass  ${secret} with a blank`, "pass ****"],
    [`Authorization: Bearer ${secret}`, "Authorization: Bearer ****"],
    [`authorization: Basic ${secret}`, "authorization: Basic ****"],
    [`Cookie: a=${secret}; b=2`, "Cookie: ****"],
    [`GET /d/url-${secret}/ota.json HTTP/1.1`, "GET /d/****/ota.json HTTP/1.1"],
    [`{"URL":"http://h:1/d/url-${secret}/v6.bin"}`, `{"URL":"http://h:1/d/****/v6.bin"}`],
    [`GET /p/abc${secret}/update.zip`, "GET /p/****/update.zip"],
    [`AT+QFOTADL="ftp://u1:${secret}@10.0.0.1:21/a.zip"`, `AT+QFOTADL="ftp://u1:****@10.0.0.1:21/a.zip"`],
    [`GET /x?token=${secret}&y=1`, "GET /x?token=****&y=1"],
    [`{"id":"a","secret":"${secret}"}`, `{"id":"a","secret":"****"}`],
    [`AT+CPIN=6755`, "AT+CPIN=****"],
    [`AT#OTASNAPIPCFG=2,"internet","user","${secret}"`, `AT#OTASNAPIPCFG=2,"internet",****`],
    [`provisioning password=${secret}, access=internet`, "provisioning password=****, access=internet"],
  ])("%s says nothing secret", (line, shown) => {
    expect(maskLine(line)).toBe(shown)
  })

  it("says nothing of the device's own secrets, wherever they stand", () => {
    expect(maskLine(`RETR ${secret}.BIN`, [secret])).toBe("RETR ****.BIN")
    expect(maskLine("TYPE I", ["I"])).toBe("TYPE I")
  })

  it.each([
    "USER mote-1",
    "RETR UPGRADE.TXT",
    "227 Entering Passive Mode (10,0,0,1,117,48)",
    "Host: ota.example",
    "+CPIN: READY",
  ])("%s stays as it is", (line) => {
    expect(maskLine(line)).toBe(line)
  })
})
