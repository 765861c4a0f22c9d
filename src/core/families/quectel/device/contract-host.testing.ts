import type { ContractHost } from "../../testing/contract-bench.testing.ts"

/** A host that types its order once, when the module runs what the order starts from, and watches until that is over. */
export const contractHost: ContractHost = async ({ host, module, order, image, code }) => {
  await host.until(/^\+CPIN: READY$/, module)
  const [version] = await host.ask("AT+QGMR", module)
  if (order === null || version !== order.from) return
  if (code.startsWith("FILEEND")) {
    host.type(`AT+QFOTADL="FILE:${image.length}"`)
    await host.until(/FILESTART/, module)
    host.send(image)
  } else {
    host.type(order.command)
  }
  for (;;) {
    const line = await host.until(/END",|^RDY$/, module)
    // A failed download leaves the module where it was; everything else ends with a start in normal mode.
    if (/(FTP|HTTP|FILE)END",[1-9]/.test(line)) return
    if (line === "RDY") break
  }
  await host.until(/^\+CPIN: READY$/, module)
}
