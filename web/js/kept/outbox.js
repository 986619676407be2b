// @ts-check
/**
 * Requests that have had no answer yet, with their files and their keys: whatever happens to the page, they are sent again with the
 * same key, and so made and paid once. Each person's apart (database.js).
 */

import * as database from "./database.js";
import { BROWSER, write } from "./storage.js";

const STORE = "outbox";
/** Written whenever a request is put in: other tabs hear of it. */
const BELL = "toonconnect.outbox";

/**
 * @typedef {object} Request
 * @property {string} key        the Idempotency-Key
 * @property {string} kind
 * @property {string} path       where it is posted
 * @property {FormData} form
 * @property {string} prompt     as the history shows it
 * @property {Record<string, File|{jobId: string, index: number}>} [images]  by field what shows it, files or names of own pictures
 * @property {number} startedAt  milliseconds, this browser's clock
 */

/** @param {Request} request @returns {Promise<boolean>} whether it is there after the page was closed. */
export async function put({ key, kind, path, form, prompt, images, startedAt }) {
  const isKept = await database.put(STORE, key, { kind, path, fields: [...form], prompt, images, startedAt });
  if (isKept) write(BROWSER, BELL, key);
  return isKept;
}

/** @param {string} key @returns {Promise<Request|null>} */
export async function get(key) {
  return requestOf(key, await database.get(STORE, key));
}

/** @param {string} key */
export async function remove(key) {
  await database.remove(STORE, key);
}

/** @returns {Promise<Request[]>} oldest first; what is damaged is left out. */
export async function requests() {
  const found = (await database.entries(STORE)).map(([key, kept]) => requestOf(key, kept)).filter((request) => request !== null);
  return found.sort((one, other) => one.startedAt - other.startedAt);
}

/** Calls `listener` when another tab has put one in. @param {() => void} listener */
export function onPut(listener) {
  addEventListener("storage", (event) => event.key === BELL && listener());
}

/** @returns {Request|null} */
function requestOf(key, kept) {
  if (typeof kept?.path !== "string" || !Array.isArray(kept.fields) || !Number.isFinite(kept.startedAt)) return null;
  const { kind, path, fields, prompt, images, startedAt } = kept;
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  return { key, kind, path, form, prompt: String(prompt ?? ""), images, startedAt };
}
