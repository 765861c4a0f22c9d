/** What JSON can carry. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** An object that JSON can carry: what families keep in the store without the store knowing its shape. */
export type JsonObject = { readonly [key: string]: Json }
