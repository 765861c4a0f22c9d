/** What stands in the place of a secret. */
export const masked = "****"

interface Mask {
  /** Its first group is kept, what follows is the secret. */
  readonly pattern: RegExp
  readonly keeps: string
}

/** Where secrets stand in what devices and servers say to each other, whatever they are. */
const masks: readonly Mask[] = [
  { pattern: /^(PASS|ACCT)\s+.*$/i, keeps: "$1 " },
  { pattern: /^((?:proxy-)?authorization:\s*\S+)\s+.*$/i, keeps: "$1 " },
  { pattern: /^((?:set-)?cookie:)\s*.*$/i, keeps: "$1 " },
  // A device's own directory, and one-time credentials in a path.
  { pattern: /(\/[dp]\/)[^/\s"?]+/g, keeps: "$1" },
  { pattern: /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@"]*:)[^\s@"]+(?=@)/gi, keeps: "$1" },
  { pattern: /([?&](?:token|key|secret|password|pass)=)[^&\s"]+/gi, keeps: "$1" },
  { pattern: /("(?:token|secret|password|pass|pin|psk)"\s*:\s*")(?:[^"\\]|\\.)*(?=")/gi, keeps: "$1" },
  { pattern: /(\b(?:password|secret|token|pin)[=:]\s*)(?!\*)[^\s,;&"]+/gi, keeps: "$1" },
  { pattern: /(AT\+(?:CPIN|CLCK|CPWD)=).*$/i, keeps: "$1" },
  // The bearer's user and password (#OTASNAPIPCFG, #SGACT), an FTP login (+QFTPCFG, #FTPOPEN).
  { pattern: /(AT[+#](?:OTASNAPIPCFG|SGACT|FTPOPEN|QFTPCFG|QICSGP|CGAUTH)=[^,]*,[^,]*,).*$/i, keeps: "$1" },
]

/**
 * A line without its secrets: those that stand where secrets stand, and the device's own (`secrets`) wherever they are. A
 * secret of fewer than four characters is masked where secrets stand and nowhere else: it may be a part of any word.
 */
export function maskLine(text: string, secrets: readonly string[] = []): string {
  let line = text
  for (const secret of secrets) if (secret.length >= 4) line = line.replaceAll(secret, masked)
  for (const { pattern, keeps } of masks) line = line.replace(pattern, `${keeps}${masked}`)
  return line
}
