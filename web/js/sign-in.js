/**
 * Who uses the page: signing in at the deployment's OpenID provider (authorization code with PKCE), the token that calls
 * to the API carry, signing out. Where the deployment asks nobody to sign in, all of it does nothing.
 */

import { signIn as settings } from "../config.js";
import { BROWSER, TAB, readJson, remove, writeJson } from "./storage.js";

/** Loaded where somebody has to sign in only. */
const oauth = settings && (await import("../vendor/oauth4webapi.js"));
/** Shared by all tabs: who signs in anew in another one goes on in this one. */
const SESSION = "toonconnect.session";
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
const OVER = new Set(["invalid_grant", "interaction_required", "login_required", "consent_required", "account_selection_required"]);
const PROVIDER_WITHIN_MS = 15_000;

const client = { client_id: settings?.clientId };
const listeners = new Set();
let renewal = null;
let provider = null;
let wasSignedIn = false;
let noticed = null;
let blocked = false;

/** @returns {{name: string}|null} who is signed in. */
export function account() {
  const session = read();
  return session && { name: session.name };
}

/** @returns {boolean} whether somebody was signed in on this page and is no more. */
export function hasEnded() {
  return wasSignedIn && read() === null;
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
  if (!isNeeded) return true;
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
 * @returns {Promise<string|null>} null when nobody is signed in; throws SignedOut when the provider will not renew it,
 *   ProviderTrouble when it cannot now, and whatever fetch throws when it is out of reach.
 */
export async function token({ refused = null } = {}) {
  notice();
  const session = read();
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

/** Ends the session on this page, because it is worth nothing any more; the provider is not told. */
export function end() {
  remove(BROWSER, SESSION);
  notice();
}

/** Ends the session here and at the provider, which leads back to this page. */
export async function signOut() {
  const session = read();
  remove(BROWSER, SESSION);
  wasSignedIn = false;
  notice();
  const server = await discover().catch(() => null);
  if (!server?.end_session_endpoint) return;
  const url = new URL(server.end_session_endpoint);
  url.searchParams.set("client_id", client.client_id);
  url.searchParams.set("post_logout_redirect_uri", redirectUri());
  if (session?.idToken) url.searchParams.set("id_token_hint", session.idToken);
  location.assign(url);
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
    const before = successor();
    if (before.accessToken !== session.accessToken) return before;
    const tokens = await renewAtProvider(session);
    // Who has signed out meanwhile stays signed out.
    const after = successor();
    if (after.accessToken !== session.accessToken) return after;
    if (tokens) return keep(tokens, session);
    end();
    throw new SignedOut("the provider renews it no more");
  };
  return navigator.locks ? navigator.locks.request(SESSION, renew) : renew();
}

/** The session as it is by now: another tab may have renewed or ended it. */
function successor() {
  const now = read();
  if (!now) throw new SignedOut("signed out");
  return now;
}

/** @returns {Promise<object|null>} null when the provider says that the session is over. */
async function renewAtProvider({ refreshToken }) {
  if (!refreshToken) return null;
  try {
    const server = await discover();
    const answer = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), refreshToken, options());
    return await oauth.processRefreshTokenResponse(server, client, answer);
  } catch (error) {
    if (OVER.has(error.error)) return null;
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
  return typeof session?.accessToken === "string" ? session : null;
}

/** Looks at who is signed in by now and tells when that has changed: in this tab, in another one, or because storage was cleared. */
function notice() {
  const session = read();
  wasSignedIn ||= session !== null;
  const now = JSON.stringify([session?.name, wasSignedIn]);
  if (now === noticed) return;
  noticed = now;
  for (const listener of listeners) listener();
}

addEventListener("storage", (event) => {
  // Without a key all of it was cleared.
  if (event.key === SESSION || event.key === null) notice();
});
notice();
