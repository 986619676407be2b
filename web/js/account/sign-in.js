/**
 * Who uses the page: signing in at the deployment's OpenID provider (authorization code with PKCE), the token that calls
 * to the API carry, signing out. Where the deployment asks nobody to sign in, all of it does nothing.
 */

import { signIn as settings } from "../../config.js";
import { BROWSER, TAB, readJson, remove, writeJson } from "../kept/storage.js";

/** Loaded where somebody has to sign in only. */
const oauth = settings && (await import("../../vendor/oauth4webapi.js"));
/** Shared by all tabs: who signs in anew in another one goes on in this one. */
const SESSION = "toonconnect.session";
/** Lies there when the session has ended; nothing does when its owner has signed out. */
const ENDED = { ended: true };
/** Of this tab alone: what it sent to the provider. */
const PENDING = "toonconnect.signIn";
const RENEW_BEFORE_MS = 60_000;

/** Whether the API wants to know who calls. */
export const isNeeded = settings !== null;

/** The session is over, and so is what could have renewed it. */
export class SignedOut extends Error {}

/** The provider answered, but not with a token, and may the next time. */
export class ProviderTrouble extends Error {}

/** What a provider says of a session that is over (RFC 6749 section 5.2, OpenID Connect Core 3.1.2.6); all else may pass. */
const ENDING_ERRORS = new Set(["invalid_grant", "interaction_required", "login_required", "consent_required", "account_selection_required"]);
const PROVIDER_WITHIN_MS = 15_000;

const client = { client_id: settings?.clientId };
const listeners = new Set();
let renewal = null;
let provider = null;
/** Whose page this is: that of the first who is signed in on it. Somebody else gets a page of their own. */
let owner = null;
let over = false;
let noticed = null;
let blocked = false;

/** @returns {{name: string}|null} who is signed in on this page. */
export function account() {
  const session = owned();
  return session && { name: session.name };
}

/** @returns {string|null} whose page this is, by issuer and subject; that stays when the session ends. */
export function pageOwner() {
  return owner;
}

/** @returns {boolean} whether the session of this page has ended, and its owner may go on by signing in again. */
export function hasEnded() {
  return owner !== null && !over && read() === null;
}

/** @returns {boolean} whether the page has to be left: its owner has signed out, or somebody else has signed in. */
export function isOver() {
  return over;
}

/** @returns {boolean} whether somebody else has signed in since. */
export function isTaken() {
  return over && read() !== null;
}

/** @returns {boolean} whether this browser keeps nothing for the page, so that nobody can sign in. */
export function isBlocked() {
  return blocked;
}

/** Calls `listener` whenever somebody has signed in or out, in another tab too. */
export function onChange(listener) {
  listeners.add(listener);
}

/**
 * What a page does first: goes to the provider when it was opened for that (by a link to `?sign-in`), or takes what the provider sent it back with.
 * @returns {Promise<boolean>} false when the provider refused or what it sent is not what was asked for.
 */
export async function arrive() {
  const isFine = !isNeeded || (await returned());
  notice();
  addEventListener("storage", onStorage);
  addEventListener("pageshow", onWayBack);
  return isFine;
}

async function returned() {
  const here = new URL(location.href);
  const pending = readJson(TAB, PENDING);
  const isSent = here.searchParams.has("sign-in");
  const isBack = pending && (here.searchParams.has("code") || here.searchParams.has("error"));
  if (!isSent && !isBack) return true;
  remove(TAB, PENDING);
  clean();
  try {
    if (isSent) await leave();
    const server = await discover();
    const params = oauth.validateAuthResponse(server, client, here, pending.state);
    const answer = await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), params, redirectUri(), pending.verifier, options());
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, { expectedNonce: pending.nonce, requireIdToken: true });
    keep(tokens, null);
    return true;
  } catch (error) {
    console.info("sign-in:", error);
    return false;
  }
}

/**
 * The token for a call, renewed a minute before it ends. A token that is sent although the API refused it is given as `refused`.
 * @returns {Promise<string|null>} null when nobody is signed in, or somebody else than whose page this is; throws SignedOut
 *   when the provider will not renew it, ProviderTrouble when it cannot now, and whatever fetch throws when it is out of reach.
 */
export async function token({ refused = null } = {}) {
  notice();
  const session = owned();
  if (!session) return null;
  if (session.accessToken === refused) return (await renewed(session)).accessToken;
  if (Date.now() < session.endsAt - RENEW_BEFORE_MS) return session.accessToken;
  try {
    return (await renewed(session)).accessToken;
  } catch (error) {
    // The provider is out of reach: the token may do for this call.
    if (!(error instanceof SignedOut) && Date.now() < session.endsAt) return session.accessToken;
    throw error;
  }
}

/** Ends the session of all tabs, because its token is worth nothing any more; the provider is not told. */
export function end(token) {
  // Somebody may have signed in anew meanwhile.
  if (owned()?.accessToken === token) writeJson(BROWSER, SESSION, ENDED);
  notice();
}

/**
 * Ends the session here and at the provider. The page is over with that, and so are those of other tabs.
 * @returns {Promise<string>} where to go: the provider, which leads back to this page.
 */
export async function signOut() {
  const session = owned();
  remove(BROWSER, SESSION);
  over = true;
  notice();
  const server = await discover().catch(() => null);
  if (!server?.end_session_endpoint) return redirectUri();
  const url = new URL(server.end_session_endpoint);
  url.searchParams.set("client_id", client.client_id);
  url.searchParams.set("post_logout_redirect_uri", redirectUri());
  if (session?.idToken) url.searchParams.set("id_token_hint", session.idToken);
  return url.href;
}

async function leave() {
  const server = await discover();
  const pending = { state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce(), verifier: oauth.generateRandomCodeVerifier() };
  requireKept(writeJson(TAB, PENDING, pending));
  const url = new URL(server.authorization_endpoint);
  const asked = {
    client_id: client.client_id, response_type: "code", redirect_uri: redirectUri(), state: pending.state, nonce: pending.nonce,
    // With offline_access the session outlives a token.
    scope: `openid profile offline_access ${settings.scope}`,
    code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier), code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  location.assign(url);
  // Nothing else is to happen on a page that is being left.
  await new Promise(() => {});
}

/** One renewal at a time, in all tabs: a provider may take each refresh token once. */
function renewed(session) {
  renewal ??= lockedRenewal(session).finally(() => (renewal = null));
  return renewal;
}

function lockedRenewal(session) {
  const renew = async () => {
    const before = successor(session);
    if (before.accessToken !== session.accessToken) return before;
    const tokens = await renewAtProvider(session);
    // Who has signed out meanwhile stays signed out.
    const after = successor(session);
    if (after.accessToken !== session.accessToken) return after;
    if (tokens) return keep(tokens, session);
    end(session.accessToken);
    throw new SignedOut("the provider renews it no more");
  };
  return navigator.locks ? navigator.locks.request(SESSION, renew) : renew();
}

/** The session as it is by now: another tab may have renewed or ended it. */
function successor(session) {
  const now = read();
  if (now?.owner === session.owner) return now;
  notice();
  throw new SignedOut("signed out");
}

/** @returns {Promise<object|null>} null when the provider says that the session is over. */
async function renewAtProvider({ refreshToken }) {
  if (!refreshToken) return null;
  try {
    const server = await discover();
    const answer = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), refreshToken, options());
    return await oauth.processRefreshTokenResponse(server, client, answer);
  } catch (error) {
    if (ENDING_ERRORS.has(error.error)) return null;
    // Only the library's errors have a code in words: fetch's own mean that the provider is out of reach.
    throw typeof error.code === "string" ? new ProviderTrouble(error.message, { cause: error }) : error;
  }
}

async function discover() {
  const issuer = new URL(settings.issuer);
  provider ??= oauth
    .discoveryRequest(issuer, options())
    .then((answer) => oauth.processDiscoveryResponse(issuer, answer))
    .catch((error) => {
      provider = null;
      throw error;
    });
  return provider;
}

/** Plain http is for a provider on this machine only. */
function options() {
  const isLocal = ["127.0.0.1", "localhost"].includes(new URL(settings.issuer).hostname);
  return { [oauth.allowInsecureRequests]: isLocal, signal: () => AbortSignal.timeout(PROVIDER_WITHIN_MS) };
}

function redirectUri() {
  return new URL("./", location.href).href;
}

function clean() {
  history.replaceState(null, "", redirectUri());
}

function keep(tokens, before) {
  const claims = oauth.getValidatedIdTokenClaims(tokens);
  const session = {
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token ?? before?.refreshToken ?? null,
    idToken: tokens.id_token ?? before?.idToken ?? null,
    endsAt: Date.now() + (tokens.expires_in ?? 300) * 1000,
    owner: before?.owner ?? `${claims.iss} ${claims.sub}`,
    name: claims?.preferred_username ?? claims?.name ?? before?.name ?? "",
  };
  requireKept(writeJson(BROWSER, SESSION, session));
  notice();
  return session;
}

function requireKept(isKept) {
  blocked = !isKept;
  if (blocked) throw new Error("this browser keeps nothing for the page");
}

function read() {
  if (!isNeeded) return null;
  const session = readJson(BROWSER, SESSION);
  return typeof session?.accessToken === "string" && typeof session.owner === "string" ? session : null;
}

/** The session, if it is that of this page's owner. */
function owned() {
  const session = over ? null : read();
  return session?.owner === owner ? session : null;
}

/** Looks at who is signed in by now and tells when that has changed: in this tab, in another one, or because storage was cleared. */
function notice() {
  const session = read();
  if (session) {
    owner ??= session.owner;
    if (session.owner !== owner) over = true;
  }
  const now = JSON.stringify([owner, session?.owner, over]);
  const isNews = noticed !== null && now !== noticed;
  noticed = now;
  if (isNews) for (const listener of listeners) listener();
}

function onStorage(event) {
  // Without a key all of it was cleared.
  if (event.key !== SESSION && event.key !== null) return;
  if (event.key === SESSION && event.newValue === null && owner !== null) over = true;
  notice();
}

function onWayBack(event) {
  // What happened in other tabs meanwhile was not told to a page that the way back leads to.
  if (event.persisted && owner !== null && readJson(BROWSER, SESSION) === null) over = true;
  notice();
}
