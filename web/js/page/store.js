// @ts-check
/**
 * What the page knows, in one place: views draw from it and are told when it has changed. All of it is of the page's owner;
 * somebody else gets a page of their own (session.js).
 */

/**
 * @typedef {object} Sending  a request on its way, until its job is known or it was refused.
 * @property {string} key
 * @property {string} kind
 * @property {string} prompt
 * @property {number} startedAt  milliseconds, this browser's clock
 * @property {number} [uploaded]   what of it has gone out, from 0 to 1
 * @property {boolean} [isWaiting] it is kept, and sent when that works again
 */

export const state = {
  /** @type {Map<string, import("../api/jobs.js").Job>} id → the newest version seen of a job */
  jobs: new Map(),
  /** @type {Set<string>} ids of jobs that the server has no more */
  gone: new Set(),
  /** @type {Set<string>} ids of jobs that have ended on this page and were not looked at since */
  fresh: new Set(),
  /** @type {Map<string, Sending>} */
  sendings: new Map(),
  /** @type {string|null} id of the job on show */
  selected: null,
  /** @type {string[]} the kinds that are offered, in the order of their tabs */
  kinds: [],
  /** @type {import("../form/options.js").Options|null} what GET /api/options told; null until it has */
  options: null,
  /** @type {"slow"|"down"|null} how the server does; null while it answers */
  backend: null,
  /** @type {{reason: string, kinds: string[]}|null} what stands in the way of new pictures (backend.js); null where nothing is known to */
  trouble: null,
};

/** @type {Set<() => void>} */
const listeners = new Set();
let isTold = true;

/** Calls `listener` after every change; several in one turn are told once. */
export function subscribe(/** @type {() => void} */ listener) {
  listeners.add(listener);
}

/** Changes what is known and tells the views. */
export function change(/** @type {Partial<typeof state>} */ news = {}) {
  Object.assign(state, news);
  if (!isTold) return;
  isTold = false;
  queueMicrotask(() => {
    isTold = true;
    for (const listener of listeners) listener();
  });
}
