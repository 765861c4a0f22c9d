import type { AtCall } from "../../../protocols/at/command-line.ts"

/**
 * "During the delta firmware file download the following AT commands are inhibited" (§3.1.2, §4.1.2, §5.1.2): whole
 * commands ("whole"), and one value of two others.
 */
export const inhibited: Readonly<Record<string, string>> = {
  "#GPRS": "whole",
  "#SGACT": "whole",
  "+CGATT": "whole",
  "+CGACT": "whole",
  D: "whole",
  "+COPS": "2",
  "+CFUN": "4",
  "+CGCLASS": "whole",
}

/** Whether the note forbids a command while a download runs. Asking for a value changes nothing and is not meant. */
export function isInhibited(call: AtCall): boolean {
  if (call.form === "register" || call.form === "test" || call.form === "read") return false
  const what = Object.hasOwn(inhibited, call.name) ? inhibited[call.name] : undefined
  if (what === undefined) return false
  return what === "whole" || (call.form === "write" && call.arguments[0]?.text === what)
}
