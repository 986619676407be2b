// @ts-check
/** What only one tab of the browser does at a time: by the Web Locks of a secure origin, elsewhere by a lease in storage. */

import { newKey } from "../api/keys.js";
import { BROWSER, readJson, remove, writeJson } from "./storage.js";

const LEASE_MS = 8000;
const RENEW_MS = 2500;
const LOOK_MS = 1000;
/** Two tabs that take a free lease at the same moment have both written by then. */
const SETTLE_MS = 80;

/** @typedef {{signal?: AbortSignal, onBusy?: () => void}} How */

/**
 * Does `act` while no other tab does something of that `name`, or waits until none does.
 * @param {string} name
 * @param {() => Promise<void>} act
 * @param {How} [how] `onBusy` is called when another tab is at it; `signal` ends the waiting.
 */
export async function inOneTab(name, act, how = {}) {
  if (navigator.locks) await locked(name, act, how);
  else await leased(`toonconnect.lease.${name}`, act, how);
}

/** @param {string} name @param {() => Promise<void>} act @param {How} how */
async function locked(name, act, { signal, onBusy }) {
  const isDone = await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    if (lock) await act();
    return lock !== null;
  });
  if (isDone) return;
  onBusy?.();
  await navigator.locks.request(name, { signal }, act);
}

/**
 * A tab that is closed gives it back, one that breaks lets it run out; one that sleeps may lose it.
 * @param {string} key @param {() => Promise<void>} act @param {How} how
 */
async function leased(key, act, { signal, onBusy }) {
  const mine = newKey();
  const write = () => writeJson(BROWSER, key, { by: mine, until: Date.now() + LEASE_MS });
  for (let isFirst = true; ; isFirst = false) {
    signal?.throwIfAborted();
    if (isFree(readJson(BROWSER, key))) {
      // Where nothing can be kept tabs do not know of each other.
      if (!write()) break;
      await sleep(SETTLE_MS * (1 + Math.random()));
      if (readJson(BROWSER, key)?.by === mine) break;
    } else {
      if (isFirst) onBusy?.();
      await sleep(LOOK_MS);
    }
  }
  const giveBack = () => readJson(BROWSER, key)?.by === mine && remove(BROWSER, key);
  const renewal = setInterval(write, RENEW_MS);
  addEventListener("pagehide", giveBack);
  try {
    await act();
  } finally {
    clearInterval(renewal);
    removeEventListener("pagehide", giveBack);
    giveBack();
  }
}

/** A lease of a clock that was put back does not last for ever. */
function isFree(lease) {
  const left = (lease?.until ?? 0) - Date.now();
  return !(left > 0 && left <= LEASE_MS);
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
