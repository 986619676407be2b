// @ts-check
/** The jobs that are followed: each to its end, the one on show closely. What is heard of them goes into the store. */

import { ApiError, getJob } from "../api/api.js";
import { reckoned } from "../api/expectation.js";
import { follow, isTerminal } from "../api/jobs.js";
import * as kept from "../kept/history.js";
import { account } from "../account/sign-in.js";
import { change, state } from "./store.js";

/** @type {Map<string, {controller: AbortController, watched: boolean}>} */
const followers = new Map();
/** @type {Map<string, number>} when a job's newest version was heard of */
const toldAt = new Map();
/** @typedef {import("../api/jobs.js").Job} Job */

/**
 * What the page does at news.
 * @typedef {object} Ears
 * @property {(job: Job, before: Job|undefined) => void} onJob
 * @property {(id: string, problem: import("../api/api.js").Refusal|null) => void} onLost  null: it is gone
 * @property {(id: string, ok: boolean) => void} onConnection
 */

/** @type {Ears} */
let ears = { onJob() {}, onLost() {}, onConnection() {} };

/** @param {Ears} to */
export function listen(to) {
  ears = to;
}

/** Follows a job; `watched` is the one on show. @param {string} id */
export function watch(id, watched = false) {
  const running = followers.get(id);
  if (running?.watched === watched) return;
  running?.controller.abort();
  const controller = new AbortController();
  followers.set(id, { controller, watched });
  follow(id, { watched, signal: controller.signal, onJob: receive, onConnection: (ok) => ears.onConnection(id, ok) })
    .catch((error) => {
      if (!controller.signal.aborted) lose(id, error);
      return error;
    })
    .then((error) => {
      if (followers.get(id)?.controller !== controller) return;
      followers.delete(id);
      // It was turned away, and somebody has signed in before that was known here.
      if (error.problem?.status === 401 && account() !== null) watch(id, watched);
    });
}

/** Follows a job less closely: it is not on show any more. */
export function watchLess(id) {
  if (followers.has(id)) watch(id, false);
}

/** Follows nothing any more. */
export function stop(id) {
  followers.get(id)?.controller.abort();
  followers.delete(id);
}

/** Follows nothing any more. */
export function stopAll() {
  for (const id of [...followers.keys()]) stop(id);
}

export function isFollowed(id) {
  return followers.has(id);
}

/** Takes a newer version of a job. @param {Job} job */
export function receive(job) {
  const before = state.jobs.get(job.id);
  if (before && isTerminal(before) && !isTerminal(job)) return;
  state.jobs.set(job.id, job);
  state.gone.delete(job.id);
  toldAt.set(job.id, performance.now());
  kept.noteStatus(job.id, job.status);
  if (isTerminal(job) && before && !isTerminal(before) && (state.selected !== job.id || document.hidden)) state.fresh.add(job.id);
  ears.onJob(job, before);
  change();
}

/** Reads a job again. @param {string} id @returns {Promise<Job|null>} null when it could not be read. */
export async function refresh(id) {
  try {
    // Without an etag there is always one.
    const job = /** @type {Job} */ ((await getJob(id)).job);
    receive(job);
    return job;
  } catch (error) {
    lose(id, error);
    return null;
  }
}

/** @param {string} id @param {unknown} error */
function lose(id, error) {
  if (!(error instanceof ApiError)) return;
  if (error.problem.status === 404 || error.problem.status === 410) {
    state.gone.add(id);
    kept.noteStatus(id, "gone");
    ears.onLost(id, null);
  } else if (error.problem.status !== 401) {
    // Of a session that has ended a banner tells; the job goes on, and is followed again once somebody has signed in.
    ears.onLost(id, error.problem);
  }
  change();
}

/** @returns {number|null} how far a running job is, in percent, as far as that can be told. */
export function percentOf(id) {
  const job = state.jobs.get(id);
  if (!job) return null;
  const { progress } = reckoned(job, (performance.now() - (toldAt.get(id) ?? performance.now())) / 1000);
  return progress > 0 ? Math.min(99, Math.round(progress)) : null;
}

/** @returns {Job[]} jobs that have not ended, newest first. */
export function runningJobs() {
  return [...state.jobs.values()].filter((job) => !isTerminal(job)).sort((one, other) => Date.parse(other.created_at) - Date.parse(one.created_at));
}
