/** Where nobody signs in: a random word of this browser's own, which makes its jobs its own. Whoever has it sees and deletes them. */

import { BROWSER, read, write } from "../kept/storage.js";

const KEY = "toonconnect.owner";
const CLAIMED_KEY = "toonconnect.claimed";
const BYTES = 32;
const SHAPE = /^[A-Za-z0-9_-]{32,128}$/;

let known = null;

/** @returns {string} the token of this browser; of this page alone where nothing can be kept. */
export function ownerToken() {
  const kept = read(BROWSER, KEY);
  if (kept !== null && SHAPE.test(kept)) return (known = kept);
  if (known === null) known = made();
  write(BROWSER, KEY, known);
  return known;
}

/** @returns {boolean} whether the jobs from before there were tokens are this browser's already. */
export function hasClaimed() {
  return read(BROWSER, CLAIMED_KEY) !== null;
}

/** Notes that they are. */
export function noteClaimed() {
  write(BROWSER, CLAIMED_KEY, "yes");
}

function made() {
  const text = String.fromCharCode(...crypto.getRandomValues(new Uint8Array(BYTES)));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
