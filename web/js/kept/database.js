// @ts-check
/**
 * What this browser keeps of the page in IndexedDB: values that may hold files, in a few stores, each person's apart. Where
 * IndexedDB is blocked, full or does not answer, this page's memory takes its place, and all of it works until the page is closed.
 */

import * as idb from "../../vendor/idb-keyval.js";

/** @typedef {"outbox"|"drafts"|"shelf"|"favourites"} StoreName */

const PREFIX = "toonconnect";
/** Some browsers leave a question to IndexedDB without an answer. */
const ANSWER_WITHIN_MS = 5000;

/** One person's stores; `owner` is undefined while nobody is known. */
class Cupboard {
  /** @param {string|null} [owner] */
  constructor(owner) {
    this.owner = owner;
    /** @type {Map<string, ReturnType<typeof idb.createStore>>} */
    this.opened = new Map();
    /** @type {Map<string, Map<string, any>>} what IndexedDB did not take, by store and key */
    this.memory = new Map();
  }

  /** @param {StoreName} store */
  memoryOf(store) {
    if (!this.memory.has(store)) this.memory.set(store, new Map());
    return /** @type {Map<string, any>} */ (this.memory.get(store));
  }

  /** @param {StoreName} store */
  open(store) {
    if (this.owner === undefined) throw new Error("nobody is known");
    if (!this.opened.has(store)) {
      const name = this.owner === null ? `${PREFIX}.${store}` : `${PREFIX}.${store}.${this.owner}`;
      this.opened.set(store, idb.createStore(name, store));
    }
    return /** @type {ReturnType<typeof idb.createStore>} */ (this.opened.get(store));
  }
}

let cupboard = new Cupboard(null);

/**
 * Turns to what is kept for `owner`: null for a page on which nobody has to sign in. What was put while nobody was known
 * becomes the owner's.
 * @param {string|null} owner
 */
export function openFor(owner) {
  if (cupboard.owner === owner) return;
  const before = cupboard;
  cupboard = new Cupboard(owner);
  if (before.owner !== undefined) return;
  for (const [store, values] of before.memory) {
    for (const [key, value] of values) put(/** @type {StoreName} */ (store), key, value);
  }
}

/** Turns to nobody's: what is put now is in this page's memory alone. */
export function close() {
  if (cupboard.owner !== undefined) cupboard = new Cupboard();
}

/**
 * @param {StoreName} store @param {string} key
 * @returns {Promise<any>} undefined when there is none.
 */
export async function get(store, key) {
  const { memory, opened } = at(store);
  if (memory.has(key)) return memory.get(key);
  return attempt(() => idb.get(key, opened()));
}

/**
 * @param {StoreName} store @param {string} key @param {any} value  whatever structured clones carry: files too.
 * @returns {Promise<boolean>} whether it is there after the page was closed.
 */
export async function put(store, key, value) {
  const { memory, opened } = at(store);
  // There at once, for whoever asks meanwhile.
  memory.set(key, value);
  const keep = (/** @type {IDBObjectStore} */ { transaction }) => {
    transaction.objectStore(store).put(value, key);
    // Not left to the end of the turn: the page may be left before.
    transaction.commit?.();
    return idb.promisifyRequest(transaction).then(() => true);
  };
  const isKept = await attempt(() => opened()("readwrite", keep), false);
  if (isKept && memory.get(key) === value) memory.delete(key);
  return isKept;
}

/** @param {StoreName} store @param {string} key */
export async function remove(store, key) {
  const { memory, opened } = at(store);
  memory.delete(key);
  await attempt(() => idb.del(key, opened()));
}

/**
 * @param {StoreName} store
 * @returns {Promise<[string, any][]>} in the order of the keys.
 */
export async function entries(store) {
  const { memory, opened } = at(store);
  const kept = await attempt(() => idb.entries(opened()), []);
  const all = new Map([...kept, ...memory]);
  return [...all].sort(([one], [other]) => (one < other ? -1 : 1));
}

/** The person's stores as they are now: who leaves meanwhile takes nothing of the next one's. @param {StoreName} store */
function at(store) {
  const mine = cupboard;
  return { memory: mine.memoryOf(store), opened: () => mine.open(store) };
}

/** @param {() => Promise<any>} ask @param {any} [otherwise] */
async function attempt(ask, otherwise) {
  let timer;
  try {
    return await Promise.race([
      ask(),
      new Promise((_, reject) => (timer = setTimeout(reject, ANSWER_WITHIN_MS, new Error("IndexedDB does not answer")))),
    ]);
  } catch {
    return otherwise;
  } finally {
    clearTimeout(timer);
  }
}
