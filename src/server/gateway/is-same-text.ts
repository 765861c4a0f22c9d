/**
 * Compares a text that somebody gave with a secret, in a time that depends on the length of what was given and on nothing of
 * the secret: it is asked at every request.
 */
export function isSameText(given: string, secret: string): boolean {
  let difference = given.length ^ secret.length
  const { length } = secret
  for (let i = 0; i < given.length; i++) {
    // Of an empty secret nothing is the same but an empty text.
    difference |= given.charCodeAt(i) ^ (length === 0 ? 0 : secret.charCodeAt(i % length))
  }
  return difference === 0
}
