// @ts-check
/** What was being entered in each form, pictures too, so that a reload or a closed tab loses nothing. Each person's own. */

import * as database from "./database.js";

const STORE = "drafts";
/** After the last key. */
const PAUSE_MS = 300;

const timers = new Map(); // kind → its timer and what is to be kept

/** Keeps what `draft()` tells of a kind's form, soon; null forgets it. @param {string} kind @param {() => object|null} draft */
export function keepSoon(kind, draft) {
  clearTimeout(timers.get(kind)?.timer);
  timers.set(kind, { draft, timer: setTimeout(() => keep(kind), PAUSE_MS) });
}

/** @param {string} kind @returns {Promise<any>} what was kept of a kind's form. */
export async function read(kind) {
  return (await database.get(STORE, kind)) ?? null;
}

function keep(kind) {
  const { draft, timer } = timers.get(kind);
  clearTimeout(timer);
  timers.delete(kind);
  const kept = draft();
  return kept === null ? database.remove(STORE, kind) : database.put(STORE, kind, kept);
}

// Whoever leaves within the pause loses nothing either.
addEventListener("pagehide", () => {
  for (const kind of [...timers.keys()]) keep(kind);
});
