// @ts-check
/** The pictures that their creator likes best: kept in this browser, each person's apart. */

import { newKey } from "../api/keys.js";
import * as database from "../kept/database.js";
import { BROWSER, onChangeElsewhere, write } from "../kept/storage.js";

const STORE = "favourites";
/** Written whenever one is liked or not any more: other tabs hear of it. */
const BELL = "toonconnect.favourites";

/** @param {{id: string}} job @param {number} index */
function keyOf(job, index) {
  return `${job.id}/${index}`;
}

/** @param {{id: string}} job @param {number} index @returns {Promise<boolean>} */
export async function isFavourite(job, index) {
  return (await database.get(STORE, keyOf(job, index))) !== undefined;
}

/** @returns {Promise<Set<string>>} ids of the jobs with a picture that is liked. */
export async function likedJobs() {
  return new Set((await database.entries(STORE)).map(([, { jobId }]) => jobId));
}

/** Forgets what was liked of a job that is no more. @param {string} id */
export async function forgetJob(id) {
  for (const [key, { jobId }] of await database.entries(STORE)) if (jobId === id) await database.remove(STORE, key);
}

/** @param {{id: string, kind?: string}} job @param {number} index @param {boolean} isOn */
export async function setFavourite(job, index, isOn) {
  if (isOn) await database.put(STORE, keyOf(job, index), { jobId: job.id, index, kind: job.kind, at: Date.now() });
  else await database.remove(STORE, keyOf(job, index));
  write(BROWSER, BELL, newKey());
}

/** Calls `listener` when another tab has changed any of them. @param {() => void} listener */
export function onOtherTabs(listener) {
  onChangeElsewhere((key) => key === BELL && listener());
}
