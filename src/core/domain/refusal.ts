/**
 * Everything a caller may do wrong, in one table: code, HTTP status, and the sentence. The API answers with it, the
 * CLI prints it, `docs/reference.md` is made from it.
 */
export const refusals = {
  "bad-request": { status: 400, says: "The request is not understood: {detail}." },
  "bad-cursor": {
    status: 400,
    says: "The cursor is none of this list in this order; leave it out to begin at the first page.",
  },
  "bad-token": {
    status: 401,
    says: "The token is missing, wrong, expired or revoked; `waft token add` makes one, and the first stands in the file admin-token of the server's data folder.",
  },
  "not-allowed": { status: 403, says: "This takes the role {needed}; {who} has the role {role}." },
  "whole-fleet-only": {
    status: 403,
    says: "This is for those who have the whole fleet; {who} has the devices of {group}.",
  },
  "outside-group": {
    status: 403,
    says: "{count} of these devices are outside the group {group} of {who}; nothing was done.",
  },
  "no-such-token": { status: 404, says: "There is no token {token}; `waft token list` shows all." },
  "token-exists": { status: 409, says: "There is a token {name} already; revoke it first or choose another name." },
  "wrong-login": { status: 401, says: "The user or the password is wrong." },
  "no-provider": { status: 404, says: "This server asks no identity provider; --oidc-issuer names one." },
  "not-a-user": {
    status: 403,
    says: "The identity provider's {subject} is no user here; an admin runs `waft user set NAME --subject {subject}`.",
  },
  "sign-in-over": {
    status: 400,
    says: "This sign-in was begun in another browser or too long ago; begin again at the sign-in page.",
  },
  "provider-failed": {
    status: 502,
    says: "The identity provider could not be asked, or its answer is not sound: {detail}.",
  },
  "no-token": { status: 400, says: "Only who calls with a token can have a session for it." },
  "too-many-logins": {
    status: 429,
    says: "Too many wrong passwords were tried for {user} or from your network; wait a minute and try again.",
  },
  "no-such-user": { status: 404, says: "There is no user {user}; `waft user list` shows all." },
  "user-exists": { status: 409, says: "There is a user {name} already; `waft user set {name}` changes their rights." },
  "bad-password": { status: 400, says: "{detail}" },
  "no-such-session": { status: 404, says: "There is no session {session}; `waft session list` shows all." },
  "no-such-webhook": { status: 404, says: "There is no webhook {name}; `waft webhook list` shows all." },
  "webhook-exists": { status: 409, says: "There is a webhook {name} already; remove it first or choose another name." },
  "too-many-webhooks": { status: 409, says: "There are {most} webhooks already, which is the most." },
  "bad-webhook": { status: 400, says: "{detail}" },
  "bad-rights": { status: 400, says: "{detail}" },
  "bad-host": {
    status: 421,
    says: "This server does not answer to the name {host}; use its address, or start it with --http-hosts and that name.",
  },
  "bad-origin": { status: 403, says: "Pages of {origin} may not use this server." },
  "not-ready": {
    status: 503,
    says: "The server cannot write to its data folder ({detail}): what devices tell is lost until it can; free space there.",
  },
  "key-reused": {
    status: 422,
    says: "The Idempotency-Key {key} stands for another request already; give each request a key of its own.",
  },
  "changed-meanwhile": {
    status: 412,
    says: "{what} is no longer as it was when it was read (If-Match); read it again and decide anew.",
  },
  busy: {
    status: 503,
    says: "The server is reading as many requests as its memory allows; come again in a few seconds.",
  },
  "too-many-streams": {
    status: 429,
    says: "{most} streams of the event log are open already, which is the most; close one, or read GET /api/events/list.",
  },
  "body-too-large": { status: 413, says: "The request is larger than the {limit} bytes that this call may have." },
  "bad-agent-token": {
    status: 401,
    says: "The bearer token is missing, wrong or revoked; `waft device access ID` shows a device's.",
  },
  "lab-off": {
    status: 403,
    says: "Virtual devices are off on this server; start it with --lab on (`npm start` does) to practise on them.",
  },
  "lab-busy": { status: 409, says: "Virtual devices run beside this server already; end them first." },
  "no-such-family": { status: 404, says: "There is no family {family}; known are {known}." },
  "no-such-model": { status: 400, says: "The family {family} has no model {model}; known are {known}." },
  "no-such-device": { status: 404, says: "There is no device {device}; `waft device list` shows all." },
  "no-such-release": { status: 404, says: "There is no release {release}; `waft release list` shows all." },
  "no-such-rollout": { status: 404, says: "There is no rollout {rollout}; `waft rollout list` shows all." },
  "no-such-channel": { status: 404, says: "There is no channel {channel}; `waft channel set` makes one." },
  "no-such-group": { status: 404, says: "There is no saved group {group}; `waft group list` shows all." },
  "group-exists": {
    status: 409,
    says: "There is a saved group {group} already; --replace gives the name another meaning.",
  },
  "group-in-use": { status: 409, says: "The saved group {group} is in use by {users}; it stays." },
  "no-such-enrolment": { status: 404, says: "There is no enrolment {enrolment}; `waft enrolment list` shows all." },
  "no-enrolment": { status: 400, says: "The family {family} has no agents; add its devices with `waft device add`." },
  "too-many-pending": {
    status: 429,
    says: "{count} devices of this enrolment wait to be accepted already; accept or remove some first.",
  },
  "too-many-enrolled": {
    status: 429,
    says: "{count} devices have added themselves with this enrolment, which is the most; revoke it and make another.",
  },
  "too-many-notes": {
    status: 429,
    says: "{device} has had {count} notes of its agent in a minute; further ones have to wait.",
  },
  "no-such-request": { status: 400, says: "A {family} device cannot be asked for {request}; known are {known}." },
  "no-such-route": { status: 404, says: "There is nothing at {path}; /api/openapi.json lists what there is." },
  "device-exists": { status: 409, says: "The device {device} exists already; remove it first or choose another id." },
  "login-taken": { status: 409, says: "The FTP user {user} belongs to {owner} already; choose another with --user." },
  "bad-device-id": {
    status: 400,
    says: "{device} cannot be a device id: it takes 1 to 64 letters, digits, '.', '_', ':' or '-', and begins with a letter or digit.",
  },
  "bad-login": { status: 400, says: "{detail}" },
  "bad-label": { status: 400, says: "{detail}" },
  "bad-group": { status: 400, says: "The group expression is not understood: {detail}." },
  "bad-version": { status: 400, says: "{detail}" },
  "bad-image": { status: 422, says: "{detail}" },
  "image-too-large": {
    status: 413,
    says: "The file is larger than {limit} bytes, which is the most this server takes.",
  },
  "storage-full": {
    status: 507,
    says: "The disk is full: nothing was published. Free space under the data folder and publish again.",
  },
  "no-such-delta": {
    status: 404,
    says: "There is no patch from {from} to {release} to be made; `waft release deltas {release}` shows all.",
  },
  "delta-over": {
    status: 409,
    says: "The patch from {from} to {release} is over; there is nothing to cancel.",
  },
  "image-damaged": {
    status: 500,
    says: "The stored image {image} no longer has its SHA-256: the disk is damaged. Publish the release again.",
  },
  "release-unapproved": {
    status: 409,
    says: "The release {release} waits for a second person: somebody else than who published it runs `waft release approve {release}`.",
  },
  "release-unsigned": {
    status: 409,
    says: "The release {release} is not signed as this server demands: {detail}. Sign its file with `waft release sign`, then `waft release add-signatures {release} FILE`.",
  },
  "upload-unsigned": {
    status: 422,
    says: "Nothing was published, for the file is not signed as this server demands: {detail}. Sign it with `waft release sign`, then publish it with --signatures FILE.",
  },
  "bad-signatures": { status: 400, says: "{detail}" },
  "image-unsigned": { status: 409, says: "The image {image} is handed out to nobody: {detail}." },
  "not-unapproved": { status: 409, says: "The release {release} is {state} and waits for nobody." },
  "four-eyes": { status: 403, says: "Somebody else has to approve this: {who} did it." },
  "release-withdrawn": { status: 409, says: "The release {release} is withdrawn and cannot be rolled out." },
  "take-over": {
    status: 409,
    says: "{count} of these devices are in other rollouts ({from}), and nothing was started; --take-over takes them from there.",
  },
  "nothing-to-retry": { status: 409, says: "No device of the rollout {rollout} failed or fell silent." },
  "not-rehearsed": { status: 409, says: "{detail}" },
  "release-repeated": {
    status: 400,
    says: "The releases {release} and {other} are for the same devices; one rollout takes one release a device.",
  },
  "empty-rollout": { status: 409, says: "No device matches: {detail}." },
  "rollout-over": { status: 409, says: "The rollout {rollout} is over ({state}) and cannot be {deed}." },
  "rollout-state": { status: 409, says: "The rollout {rollout} is {state} and cannot be {deed}." },
  "no-gate": {
    status: 409,
    says: "The rollout {rollout} waits at no gate; `waft rollout show {rollout}` says what it waits for.",
  },
  "no-approval": { status: 409, says: "The rollout {rollout} waits for no approval." },
  "bad-plan": { status: 400, says: "The plan is not understood, and nothing was started: {detail}." },
  "plan-expired": {
    status: 410,
    says: "The plan {plan} is not kept any more: plans are forgotten after 15 minutes and at a restart. Plan again.",
  },
  "device-in-rollout": {
    status: 409,
    says: "The device {device} is being updated by rollout {rollout}; abort that first.",
  },
  "bad-channel": { status: 400, says: "{detail}" },
  "channel-differs": {
    status: 409,
    says: "The channel {channel} has {what}, and devices in the field use it so; --replace gives it another.",
  },
  "offer-impossible": { status: 409, says: "{detail}" },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly says: string }>>

export type RefusalCode = keyof typeof refusals

/** A caller asked for what cannot be done; `message` is one sentence that names the cause and the cure. */
export class Refusal extends Error {
  override readonly name = "Refusal"
  readonly code: RefusalCode
  readonly status: number
  /** What the sentence was made of. */
  readonly words: Readonly<Record<string, string | number>>

  constructor(code: RefusalCode, words: Readonly<Record<string, string | number>> = {}) {
    super(refusals[code].says.replace(/\{(\w+)\}/g, (_, name: string) => String(words[name] ?? `{${name}}`)))
    this.code = code
    this.status = refusals[code].status
    this.words = words
  }
}
