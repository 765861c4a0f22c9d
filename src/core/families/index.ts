import { ddi } from "./ddi/index.ts"
import type { Family } from "./family.ts"
import { pic32mzw1 } from "./pic32mzw1/index.ts"
import { quectel } from "./quectel/index.ts"
import { telit } from "./telit/index.ts"
import { waspmote } from "./waspmote/index.ts"

/** Every device family that Waft speaks, by its id. Nothing else in the program names one. */
export const families: readonly Family[] = [waspmote, pic32mzw1, quectel, telit, ddi]

/** The family of that id, or undefined. */
export function familyById(id: string): Family | undefined {
  return families.find((family) => family.id === id)
}
