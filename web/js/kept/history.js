/** Which jobs this browser started, those of each person apart. Only ids and what the person typed are kept; signed links never are. */

import { BROWSER, TAB, read, readJson, remove, write, writeJson } from "./storage.js";

const STORAGE_KEY = "toonconnect.history";
const SELECTED_KEY = "toonconnect.selected";
const LIMIT = 60;

let key = STORAGE_KEY;

/**
 * Turns to the list of `owner`: null for the list of a page on which nobody has to sign in. Whoever signs in sees nothing of
 * that one: the API gives them none of its jobs, and what was typed may be somebody else's.
 */
export function openFor(owner) {
  key = owner === null ? STORAGE_KEY : `${STORAGE_KEY}.${owner}`;
}

/** Turns to no list at all: nobody has signed in yet. */
export function close() {
  key = null;
}

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} kind
 * @property {string} prompt
 * @property {number} startedAt  milliseconds, this browser's clock
 * @property {string} status     the last one seen
 */

/** @returns {Entry[]} newest first; damaged storage counts as empty. */
export function entries() {
  const saved = key === null ? [] : readJson(BROWSER, key);
  return Array.isArray(saved) ? saved.filter((entry) => typeof entry?.id === "string" && Number.isFinite(entry.startedAt)) : [];
}

/** Puts `entry` first; the oldest beyond the limit are forgotten. */
export function remember(entry) {
  save([entry, ...entries().filter((other) => other.id !== entry.id)].slice(0, LIMIT));
}

/** Notes the status last seen of a job. */
export function noteStatus(id, status) {
  save(entries().map((entry) => (entry.id === id ? { ...entry, status } : entry)));
}

/** Forgets a job here; the server is not told. */
export function forget(id) {
  save(entries().filter((entry) => entry.id !== id));
}

/** Remembers, for this tab, which job is on show. */
export function rememberSelected(id) {
  if (id) write(TAB, SELECTED_KEY, id);
  else remove(TAB, SELECTED_KEY);
}

/** @returns {string|null} the job that was on show in this tab. */
export function selectedId() {
  return read(TAB, SELECTED_KEY);
}

function save(list) {
  if (key !== null) writeJson(BROWSER, key, list);
}
