import type { ContractHost, ContractPartner } from "../../testing/contract-bench.testing.ts"

/** A host that types its order once, when the module runs what the order starts from, and watches until that is over. */
const host: ContractHost = async ({ host: port, module, order, image, code }) => {
  await port.until(/^\+CPIN: READY$/, module)
  const [version] = await port.ask("AT+QGMR", module)
  if (order === null || version !== order.from) return
  if (code.startsWith("FILEEND")) {
    port.type(`AT+QFOTADL="FILE:${image.length}"`)
    await port.until(/FILESTART/, module)
    port.send(image)
  } else {
    port.type(order.command)
  }
  for (;;) {
    const line = await port.until(/END",|^RDY$/, module)
    // A failed download leaves the module where it was; everything else ends with a start in normal mode.
    if (/(FTP|HTTP|FILE)END",[1-9]/.test(line)) return
    if (line === "RDY") break
  }
  await port.until(/^\+CPIN: READY$/, module)
}

/** The module's host in the contract suite. */
export const contractPartner: ContractPartner = { host }
