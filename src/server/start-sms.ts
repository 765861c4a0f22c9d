import { randomInt } from "node:crypto"
import type { Logger } from "pino"
import { sleepingClock, steadyClock } from "./clock.ts"
import type { ServerConfig } from "./config.ts"
import { startGsmModem } from "./transports/sms/gsm-modem.ts"
import { startSmppClient } from "./transports/sms/smpp-client.ts"
import type { SmsReceiver, SmsTransport } from "./transports/sms/sms-transport.ts"

interface SmsStart {
  readonly config: Pick<ServerConfig, "smpp" | "smsModem" | "smsNumber">
  readonly receiver: SmsReceiver
  readonly log: Logger
}

/** Starts what carries this server's short messages: a service centre or a GSM modem; null = neither is set. */
export function startSms(start: SmsStart): SmsTransport | null {
  const { smpp, smsModem } = start.config
  if (smpp !== null) return startCentre(smpp, start)
  return smsModem === null ? null : startModem(smsModem, start)
}

const random = (): number => randomInt(2 ** 32) / 2 ** 32

type Centre = NonNullable<ServerConfig["smpp"]>

function startCentre({ host, port, user, password }: Centre, { config, receiver, log }: SmsStart): SmsTransport {
  return startSmppClient({
    centre: { host, port },
    systemId: user,
    password,
    sender: config.smsNumber,
    receiver,
    clock: steadyClock,
    random,
    log: (entry) => log.info(entry, `smpp: ${entry.event}`),
  })
}

type Modem = NonNullable<ServerConfig["smsModem"]>

function startModem({ path, baudRate, pin }: Modem, { config, receiver, log }: SmsStart): SmsTransport {
  return startGsmModem({
    open: async () => {
      // The native part is loaded by servers that have a modem only.
      const { openSerialLine } = await import("../serial/serial-line.ts")
      return openSerialLine(path, baudRate, sleepingClock)
    },
    clock: sleepingClock,
    random,
    number: config.smsNumber,
    ...(pin === "" ? {} : { pin }),
    receiver,
    log: ({ event, ...rest }) =>
      event === "ready" || event === "line"
        ? log.info({ ...rest, path }, `sms-modem: ${event}`)
        : log.warn({ ...rest, path }, `sms-modem: ${event}`),
  })
}
