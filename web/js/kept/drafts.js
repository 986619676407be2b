// @ts-check
/**
 * What was being entered in each form, pictures too, so that it is there after a reload or in a new tab. Each person's own, and each
 * tab's: a tab that is loaded again finds its own, a new one the newest.
 */

import { newKey } from "../api/keys.js";
import * as database from "./database.js";
import { read as readText, TAB, write } from "./storage.js";

const STORE = "drafts";
const TAB_KEY = "toonconnect.tab";
/** After the last key. */
const PAUSE_MS = 300;
/** Tabs whose drafts are kept, of each kind: those that changed theirs last. */
const MOST = 6;

const timers = new Map(); // kind → its timer and what is to be kept
/** Kinds of which there was something in this tab. */
const begun = new Set();
const tab = readText(TAB, TAB_KEY) ?? newKey();
write(TAB, TAB_KEY, tab);

/** Keeps what `draft()` tells of a kind's form, soon; null: it is empty. @param {string} kind @param {() => object|null} draft */
export function keepSoon(kind, draft) {
  clearTimeout(timers.get(kind)?.timer);
  timers.set(kind, { draft, timer: setTimeout(() => keep(kind), PAUSE_MS) });
}

/** @param {string} kind @returns {Promise<any>} what was kept of a kind's form; null where it was left empty. */
export async function read(kind) {
  const all = (await database.entries(STORE)).filter(([key]) => key === kind || key.startsWith(`${kind}/`));
  all.sort(([, one], [, other]) => other.at - one.at);
  for (const [key] of all.slice(MOST)) if (key !== keyOf(kind)) database.remove(STORE, key);
  const [, found] = all.find(([key]) => key === keyOf(kind)) ?? all[0] ?? [];
  if (!found || found.isEmpty) return null;
  begun.add(kind);
  return found;
}

function keep(kind) {
  const { draft, timer } = timers.get(kind);
  clearTimeout(timer);
  timers.delete(kind);
  const kept = draft();
  // That it was emptied is known too, so that a new tab does not bring it back; what was never begun is no news.
  if (kept === null && !begun.has(kind)) return;
  begun.add(kind);
  database.put(STORE, keyOf(kind), { ...(kept ?? { isEmpty: true }), at: Date.now() });
}

/** @param {string} kind */
function keyOf(kind) {
  return `${kind}/${tab}`;
}

// Whoever leaves within the pause seldom loses anything either: browsers mostly take what is put at the last moment.
addEventListener("pagehide", () => {
  for (const kind of [...timers.keys()]) keep(kind);
});
