import { type TObject, type TSchema, Type } from "typebox"

/** Rows that one answer may have, and has when nobody says otherwise. */
export const mostRows = 1000
export const usualRows = 100

/** One page of a list. */
export const ListView = <Item extends TSchema>(item: Item) =>
  Type.Object({
    items: Type.Array(item),
    total: Type.Integer({ description: "rows of the whole list that match, on whichever page they are" }),
    next: Type.Union([Type.String(), Type.Null()], {
      description: "`cursor` of the page after this one; null = the last",
    }),
  })

/** A page as programs hold it. */
export interface List<Item> {
  readonly items: Item[]
  readonly total: number
  readonly next: string | null
}

/**
 * The query of a list: `limit` and `cursor`, the list's own filters, and the keys by which it can be sorted, the first being the
 * usual one; `-` before a key turns the order around.
 */
export function listQuery<Filters extends Record<string, TSchema>, Sort extends string>(
  sorts: readonly [Sort, ...Sort[]],
  filters: Filters,
) {
  const keys = sorts.flatMap((sort) => [sort, `-${sort}` as const])
  return Type.Object(
    {
      limit: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: mostRows,
          default: usualRows,
          description: "rows at most; an answer that would be larger than 1 MB has fewer",
        }),
      ),
      cursor: Type.Optional(Type.String({ maxLength: 600, description: "`next` of the page before" })),
      sort: Type.Optional(Type.Unsafe<Sort | `-${Sort}`>(Type.Enum(keys, { default: sorts[0] }))),
      ...filters,
    },
    { additionalProperties: false },
  )
}

/** A query without any other field than these. */
export const Query = <Fields extends Record<string, TSchema>>(fields: Fields): TObject<Fields> =>
  Type.Object(fields, { additionalProperties: false })
