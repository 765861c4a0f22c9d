import { Compile } from "typebox/compile"
import type { TSchema } from "typebox"
import { TypeBoxValidatorCompiler } from "@fastify/type-provider-typebox"

type Compiler = typeof TypeBoxValidatorCompiler

/**
 * Checks requests against the contract and stops at the first fault: of a long list only its first wrong element is
 * looked at for what is wrong with it, so that a list of a million wrong ones costs no more than its first.
 */
export const validateFirstFault: Compiler = (route) => {
  const schema = route.schema as TSchema & { readonly items?: TSchema }
  const whole = TypeBoxValidatorCompiler(route)
  if (route.httpPart !== "body" || schema.items === undefined) return whole
  const item = Compile(schema.items)
  const outer = Compile({ ...schema, items: {} })
  return (value: unknown) => {
    if (!outer.Check(value)) return failure(outer.Errors(value), "")
    const wrong = (value as readonly unknown[]).findIndex((one) => !item.Check(one))
    return wrong < 0 ? { value } : failure(item.Errors((value as readonly unknown[])[wrong]), `/${wrong}`)
  }
}

function failure(errors: readonly { readonly instancePath: string; readonly message: string }[], path: string) {
  const [first] = errors
  return { error: new Error(`body${path}${first?.instancePath ?? ""} ${first?.message ?? "is wrong"}`) }
}
