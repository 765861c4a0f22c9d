/** A service that may bind, and the number under which phones reach it. */
export interface SmppAccount {
  readonly systemId: string
  readonly password: string
  readonly number: string
}
