import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"

/** The date of one program's machine, which can be set while it runs (libfaketime). What only measures time goes on as it did. */
export class LyingDate {
  readonly env: Readonly<Record<string, string>>
  readonly #file: string

  constructor(folder: string) {
    this.#file = join(folder, "date")
    this.set(0)
    const files = execFileSync("dpkg", ["-L", "libfaketime"], { encoding: "utf8" }).split("\n")
    this.env = {
      LD_PRELOAD: files.find((file) => file.endsWith("/libfaketime.so.1")) ?? "",
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    }
  }

  /** Sets the date wrong by so many days. */
  set(days: number): void {
    writeFileSync(this.#file, `${days < 0 ? "" : "+"}${days}d\n`)
  }

  /** Sets it to one wrong date after the other until the signal. */
  async wander(signal: AbortSignal): Promise<void> {
    for (let i = 0; !signal.aborted; i++) {
      this.set(wrongDays[i % wrongDays.length] ?? 0)
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
  }
}

/** Ten years on, back to about 1970, a day to and fro, and what the truth is. */
const wrongDays = [3650, -20_000, 1, -1, -3650, 0]
