import { deflateRawSync, inflateRawSync } from "node:zlib"
import { gzipWith, plainWrappings, type Wrapping } from "../core/delta/index.ts"

/** Every file format that patches look into; gzip by this machine's zlib. */
export const wrappings: readonly Wrapping[] = [
  ...plainWrappings,
  ...gzipWith({
    inflate: (bytes, limit) => {
      try {
        return new Uint8Array(inflateRawSync(bytes, { maxOutputLength: limit }))
      } catch {
        // No deflate stream, or one that unpacks to more than the limit: the file stays as it is.
        return null
      }
    },
    deflate: (bytes, level, memoryLevel) => new Uint8Array(deflateRawSync(bytes, { level, memLevel: memoryLevel })),
  }),
]
