// @ts-check
/**
 * Deleting with a way back: for some seconds a job is only hidden, in all tabs, and then its DELETE is sent. What a closed tab
 * leaves undone, another tab or the next visit does.
 */

import { ApiError, deleteJob, NetworkError } from "../api/api.js";
import * as kept from "../kept/history.js";
import { say } from "../page/notices.js";
import { change } from "../page/store.js";
import { forget } from "./list.js";

/** How long it can be undone. */
const UNDO_MS = 6000;
/** Another tab waits longer than this one, which is at it. */
const OTHERS_WAIT_MS = 5000;
const BEAT_MS = 2000;
const AGAIN_MS = 20_000;
const LONGEST_MS = Math.max(UNDO_MS + OTHERS_WAIT_MS, AGAIN_MS);

/** @type {Map<string, number>} id → the timer that will delete it */
const timers = new Map();
/** Ids that may still be undone here. */
const open = new Set();

/** @param {string} id @returns {boolean} */
export function isDeleting(id) {
  return kept.deletions().some((one) => one.id === id);
}

/**
 * Hides a job and deletes it a little later, unless that is undone: then `onUndone()` is called. `onEnd(hadFocus)`: the way back
 * is gone, and with it what may have had the focus.
 * @param {string} id @param {{onUndone: () => void, onEnd: (hadFocus: boolean) => void}} listeners
 */
export function begin(id, { onUndone, onEnd }) {
  open.add(id);
  const hold = () => kept.noteDeletion(id, Date.now() + UNDO_MS + OTHERS_WAIT_MS);
  hold();
  // Who reads it slowly keeps the other tabs waiting as well.
  const beat = setInterval(hold, BEAT_MS);
  let isUndone = false;
  const notice = say("history.deleted", {}, {
    action: "history.undo",
    milliseconds: UNDO_MS,
    onAction: () => {
      isUndone = true;
      kept.noteDeletion(id, null);
      change();
      onUndone();
    },
    onClose: (hadFocus) => {
      clearInterval(beat);
      open.delete(id);
      if (isUndone) return;
      onEnd(hadFocus);
      carryOut(id);
    },
  });
  change();
  notice.button?.focus();
}

/** Takes over what other tabs and earlier visits have begun. */
export function adopt() {
  for (const { id, dueAt, isDone } of kept.deletions()) {
    if (isDone) forget(id);
    if (isDone || open.has(id) || timers.has(id)) continue;
    timers.set(id, setTimeout(() => {
      timers.delete(id);
      const now = kept.deletions().find((one) => one.id === id);
      if (!now || now.isDone) return;
      if (waitFor(now.dueAt) > 0) adopt();
      else carryOut(id);
    }, waitFor(dueAt) + Math.random() * 500));
  }
  change();
}

/** How long until it is due: at once where a clock was put back meanwhile. @param {number} dueAt */
function waitFor(dueAt) {
  const left = dueAt - Date.now();
  return left > 0 && left <= LONGEST_MS ? left : 0;
}

/** @param {string} id */
async function carryOut(id) {
  try {
    await deleteJob(id);
  } catch (error) {
    const isGone = error instanceof ApiError && [404, 410].includes(error.problem.status ?? 0);
    if (!isGone && !(error instanceof ApiError || error instanceof NetworkError)) throw error;
    if (!isGone) {
      refused(id, error);
      return;
    }
  }
  kept.noteDeleted(id);
  forget(id);
}

/** A server that is away, or a session that has ended, is waited for; a clear no brings the job back. @param {string} id @param {ApiError|NetworkError} error */
function refused(id, error) {
  const status = error instanceof ApiError ? (error.problem.status ?? 0) : 0;
  if (error instanceof NetworkError || [401, 408, 429].includes(status) || status >= 500) {
    kept.noteDeletion(id, Date.now() + AGAIN_MS);
    adopt();
    return;
  }
  kept.noteDeletion(id, null);
  change();
  say("history.deleteFailed", {}, { tone: "bad" });
}
