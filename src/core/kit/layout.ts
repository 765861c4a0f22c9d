import type { ByteReader } from "./byte-reader.ts"
import type { ByteWriter } from "./byte-writer.ts"

/** How one field of a message stands on the wire. */
export interface Field<T> {
  /** Throws `MalformedMessage` when the octets are no such field. */
  read(reader: ByteReader): T
  /** Throws `RangeError` when the value cannot be written. */
  write(writer: ByteWriter, value: T): void
}

/** A message's fields by name, in the order in which they stand on the wire. */
export type Layout = Readonly<Record<string, Field<unknown>>>

/** The message that a layout describes. */
export type ValuesOf<L extends Layout> = {
  readonly [Name in keyof L]: L[Name] extends Field<infer T> ? T : never
}

export function readLayout<L extends Layout>(layout: L, reader: ByteReader): ValuesOf<L> {
  return Object.fromEntries(Object.entries(layout).map(([name, field]) => [name, field.read(reader)])) as ValuesOf<L>
}

export function writeLayout<L extends Layout>(layout: L, writer: ByteWriter, values: ValuesOf<L>): void {
  const byName: Readonly<Record<string, unknown>> = values
  for (const [name, field] of Object.entries(layout)) field.write(writer, byName[name])
}

export const uint8: Field<number> = {
  read: (reader) => reader.uint8(),
  write: (writer, value) => void writer.uint8(value),
}

export const uint16: Field<number> = {
  read: (reader) => reader.uint16(),
  write: (writer, value) => void writer.uint16(value),
}

export const uint32: Field<number> = {
  read: (reader) => reader.uint32(),
  write: (writer, value) => void writer.uint32(value),
}
