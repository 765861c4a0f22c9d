import { spawnSync } from "node:child_process"

/**
 * Programs that tests use as witnesses, with the Debian package that has each. `test` is a shell command that succeeds
 * when it is there, where that is not simply a program of that name.
 */
export const testTools = [
  { program: "chromium", package: "chromium" },
  { program: "curl", package: "curl" },
  { program: "lftp", package: "lftp" },
  { program: "python3", package: "python3" },
  { program: "openssl", package: "openssl" },
  { program: "bspatch", package: "bsdiff" },
  { program: "xdelta3", package: "xdelta3" },
  { program: "zstd", package: "zstd" },
  { program: "bzip2", package: "bzip2" },
  { program: "socat", package: "socat" },
  { program: "picocom", package: "picocom" },
  { program: "gammu", package: "gammu" },
  { program: "comgt", package: "comgt" },
  { program: "cc", package: "build-essential", test: "echo '#include <stdio.h>' | cc -x c -fsyntax-only -" },
  { program: "bearerbox", package: "kannel", test: "test -x /usr/sbin/bearerbox -a -x /usr/sbin/smsbox" },
  { program: "objcopy", package: "binutils" },
  { program: "srec_cat", package: "srecord" },
  { program: "ncftpget", package: "ncftp" },
  { program: "tnftp", package: "tnftp" },
  { program: "inetutils-ftp", package: "inetutils-ftp" },
  { program: "busybox", package: "busybox" },
  { program: "wget", package: "wget" },
  { program: "aria2c", package: "aria2" },
  { program: "axel", package: "axel" },
  { program: "Net::FTP", package: "perl", test: "perl -MNet::FTP -e 1" },
  { program: "faketime", package: "faketime" },
  { program: "swupdate", package: "swupdate" },
  { program: "cpio", package: "cpio" },
  { program: "systemd-analyze", package: "systemd" },
  { program: "nginx", package: "nginx-light" },
  { program: "promtool", package: "prometheus" },
  { program: "pyftpdlib", package: "python3-pyftpdlib", test: "/usr/bin/python3 -c 'import pyftpdlib'" },
]

const has = ({ program, test = `command -v ${program}` }) =>
  spawnSync("sh", ["-c", test], { stdio: "ignore" }).status === 0

/**
 * Installs the Debian packages whose programs are missing when this process may (root, apt-get).
 * Returns the tools that are still missing.
 */
export function installMissing(tools) {
  const missing = tools.filter((tool) => !has(tool))
  if (missing.length === 0) return []
  if (process.getuid?.() === 0 && has({ program: "apt-get" })) {
    const packages = [...new Set(missing.map((tool) => tool.package))]
    process.stdout.write(`installing Debian packages that the tests use: ${packages.join(" ")}\n`)
    const options = {
      stdio: ["ignore", "ignore", "inherit"],
      // At run level 1 no package starts a service of its own.
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
    }
    spawnSync("apt-get", ["update", "-qq"], options)
    spawnSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], options)
  }
  return missing.filter((tool) => !has(tool))
}
