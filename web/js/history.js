/** Which jobs this browser started. Only ids and what the person typed are kept; signed links never are. */

const STORAGE_KEY = "toonconnect.history";
const SELECTED_KEY = "toonconnect.selected";
const LIMIT = 60;

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
  try {
    const saved = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "[]");
    return Array.isArray(saved) ? saved.filter((entry) => typeof entry?.id === "string") : [];
  } catch {
    return [];
  }
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
  try {
    if (id) sessionStorage.setItem(SELECTED_KEY, id);
    else sessionStorage.removeItem(SELECTED_KEY);
  } catch {
    // Blocked storage only costs the restored selection.
  }
}

/** @returns {string|null} the job that was on show in this tab. */
export function selectedId() {
  try {
    return sessionStorage.getItem(SELECTED_KEY);
  } catch {
    return null;
  }
}

function save(list) {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(list));
  } catch {
    // Full or blocked storage only costs the history.
  }
}
