/** A file of a bundle. */
export interface BundleFile {
  /** Perhaps with a folder before it. */
  readonly name: string
  readonly bytes: Uint8Array
}

const blockBytes = 512

/** The files as a tar archive (ustar), for a release with several artifacts. */
export function bundle(files: readonly BundleFile[]): Uint8Array {
  const blocks = files.flatMap(({ name, bytes }) => [
    header(name, bytes.length),
    bytes,
    new Uint8Array((blockBytes - (bytes.length % blockBytes)) % blockBytes),
  ])
  return Buffer.concat([...blocks, new Uint8Array(2 * blockBytes)])
}

function header(path: string, sizeBytes: number): Uint8Array {
  const head = Buffer.alloc(blockBytes)
  const [name = "", folder = ""] = path.split("/").reverse()
  head.write(name, 0, 100, "latin1")
  head.write(folder, 345, 155, "latin1")
  head.write("0000644\0", 100)
  head.write(`${sizeBytes.toString(8).padStart(11, "0")}\0`, 124)
  head.write("00000000000\0", 136)
  head.write(" ".repeat(8), 148)
  head.write("0", 156)
  head.write("ustar\u000000", 257)
  const sum = head.reduce((total, byte) => total + byte, 0)
  head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148)
  return head
}
