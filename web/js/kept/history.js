// @ts-check
/**
 * Which jobs this browser started, those of each person apart, and which of them are about to be deleted: all tabs read the same
 * and hear of each other's changes. Only ids and what the person typed are kept; signed links never are.
 */

import { BROWSER, TAB, onChangeElsewhere, read, readJson, remove, write, writeJson } from "./storage.js";

const STORAGE_KEY = "toonconnect.history";
const DELETING_KEY = "toonconnect.deleting";
const SELECTED_KEY = "toonconnect.selected";
const LIMIT = 60;
/** How long it is told to other tabs that a job was deleted. */
const TOLD_MS = 3_600_000;

/** @type {string|null} what is behind the keys of the owner's; null while nobody is known */
let whose = "";

/**
 * Turns to the list of `owner`: null for the list of a page on which nobody has to sign in. Whoever signs in sees nothing of
 * that one: the API gives them none of its jobs, and what was typed may be somebody else's.
 */
export function openFor(owner) {
  whose = owner === null ? "" : `.${owner}`;
}

/** Turns to no list at all: nobody has signed in yet. */
export function close() {
  whose = null;
}

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} kind
 * @property {string} prompt
 * @property {number} startedAt  milliseconds, this browser's clock
 * @property {string} status     the last one seen
 * @property {string} [key]      that of the request that made it
 */

/** @returns {Entry[]} newest first; damaged storage counts as empty. */
export function entries() {
  return list(STORAGE_KEY).filter((entry) => typeof entry?.id === "string" && Number.isFinite(entry.startedAt));
}

/**
 * What its creator wrote, and the English that was made of it: by the server, which tells; or on the page, which sent the English
 * alone and remembers the rest.
 * @param {{id: string, input?: Partial<import("../../vendor/toonconnect.js").Input>}} job
 * @param {Entry} [entry]  what this browser remembers of it
 * @returns {{prompt: string, english: string|null}}
 */
export function writtenFor({ id, input }, entry = entries().find((one) => one.id === id)) {
  const prompt = input?.prompt ?? "";
  const own = prompt && input?.language === "en" && entry?.prompt;
  return own && own !== prompt ? { prompt: own, english: prompt } : { prompt, english: input?.prompt_translated ?? null };
}

/** Puts `entry` first; the oldest beyond the limit are forgotten. @param {Entry} entry */
export function remember(entry) {
  save(STORAGE_KEY, [entry, ...entries().filter((other) => other.id !== entry.id)].slice(0, LIMIT));
}

/** Notes the status last seen of a job, if this browser started it. @param {string} id @param {string} status */
export function noteStatus(id, status) {
  const all = entries();
  const known = all.find((entry) => entry.id === id);
  if (known && known.status !== status) save(STORAGE_KEY, all.map((entry) => (entry === known ? { ...entry, status } : entry)));
}

/** Forgets a job here; the server is not told. @param {string} id */
export function forget(id) {
  const all = entries();
  if (all.some((entry) => entry.id === id)) save(STORAGE_KEY, all.filter((entry) => entry.id !== id));
}

/**
 * @typedef {object} Deletion
 * @property {string} id
 * @property {number} dueAt     when it is deleted, unless that is undone before; milliseconds, this browser's clock
 * @property {boolean} [isDone] it is deleted; kept for a while, so that the other tabs learn of it
 */

/** @returns {Deletion[]} the jobs that are hidden because they are about to be deleted, or just were. */
export function deletions() {
  return list(DELETING_KEY).filter((one) => typeof one?.id === "string" && Number.isFinite(one.dueAt));
}

/** Notes that a job is to be deleted at `dueAt`; null takes that back. @param {string} id @param {number|null} dueAt */
export function noteDeletion(id, dueAt) {
  const others = deletions().filter((one) => one.id !== id && !(one.isDone && Math.abs(Date.now() - one.dueAt) > TOLD_MS));
  save(DELETING_KEY, dueAt === null ? others : [...others, { id, dueAt }]);
}

/** Notes that a job is deleted. @param {string} id */
export function noteDeleted(id) {
  save(DELETING_KEY, [...deletions().filter((one) => one.id !== id), { id, dueAt: Date.now(), isDone: true }]);
}

/** Calls `listener` when another tab has changed any of it. @param {() => void} listener */
export function onOtherTabs(listener) {
  onChangeElsewhere((key) => {
    if (whose !== null && [null, STORAGE_KEY + whose, DELETING_KEY + whose].includes(key)) listener();
  });
}

/** Remembers, for this tab, which job is on show. @param {string|null} id */
export function rememberSelected(id) {
  if (id) write(TAB, SELECTED_KEY, id);
  else remove(TAB, SELECTED_KEY);
}

/** @returns {string|null} the job that was on show in this tab. */
export function selectedId() {
  return read(TAB, SELECTED_KEY);
}

/** @type {Map<string, unknown[]>} Where this browser keeps nothing, for as long as the page is open. */
const unkept = new Map();

/** @param {string} key @returns {any[]} what was kept: anything */
function list(key) {
  if (whose === null) return [];
  const saved = unkept.get(key + whose) ?? readJson(BROWSER, key + whose);
  return Array.isArray(saved) ? saved : [];
}

/** @param {string} key @param {unknown[]} value */
function save(key, value) {
  if (whose === null) return;
  if (writeJson(BROWSER, key + whose, value)) unkept.delete(key + whose);
  else unkept.set(key + whose, value);
}
