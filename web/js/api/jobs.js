// @ts-check
/** Following a job to its end, over a network that comes and goes. */

import { ApiError, getJob } from "./api.js";
import { backoff, pause } from "./pause.js";

/** @typedef {import("../../vendor/toonconnect.js").Job} Job */
/** @typedef {import("../../vendor/toonconnect.js").Output} Output */
/** @typedef {import("../../vendor/toonconnect.js").Picture} Picture */

/**
 * A job as far as it is known: of one that was not read yet there is little more than its id. A newer server may tell of a kind or a
 * status that this page does not know.
 * @typedef {Partial<Omit<Job, "kind"|"stage">> & {id: string, status: string, kind?: string, stage?: string|null}} KnownJob
 */

const TERMINAL = new Set(["succeeded", "failed", "canceled"]);
const HOLD_SECONDS = 20;
const NEWS_SPACING_MS = 250;
const LOOK_SPACING_MS = 1000;
const QUIET_POLL_MS = 5000;

/** The stages in the order a job passes through them. */
export const STAGES = ["validating", "translating", "waiting", "submitting", "generating", "storing"];

/** @param {{status: string}} job @returns {boolean} whether the job has ended; a status this page does not know is still running. */
export function isTerminal(job) {
  return TERMINAL.has(job.status);
}

/**
 * Follows a job until it ends. `watched` jobs use long polling; others look every few seconds, because browsers open
 * only about six connections to one origin. `onJob(job)` at every change, `onConnection(ok)` when the line drops or
 * comes back.
 * @param {string} id
 * @param {{watched?: boolean, onJob: (job: Job) => void, onConnection?: (ok: boolean) => void, signal?: AbortSignal}} how
 * @returns {Promise<Job>} the ended job; throws ApiError when the server refuses for good (404, 410, ...).
 */
export async function follow(id, { watched = true, onJob, onConnection = () => {}, signal }) {
  /** @type {string|null} */
  let etag = null;
  let looked = false;
  let failures = 0;
  for (;;) {
    signal?.throwIfAborted();
    const startedAt = performance.now();
    try {
      // The first look, and the first after a lost line, never waits: a reloaded page shows the job at once.
      const waitSeconds = watched && looked && failures === 0 ? HOLD_SECONDS : 0;
      const answer = await getJob(id, { waitSeconds, etag, signal });
      if (failures > 0) onConnection(true);
      failures = 0;
      looked = true;
      etag = answer.etag;
      if (answer.job) {
        onJob(answer.job);
        if (isTerminal(answer.job)) return answer.job;
      }
      // A server that cannot hold the request answers at once: do not turn that into a busy loop.
      const news = answer.job !== null && answer.etag !== null;
      const spacing = watched ? (news ? NEWS_SPACING_MS : LOOK_SPACING_MS) : QUIET_POLL_MS;
      await pause(spacing - (performance.now() - startedAt), signal);
    } catch (error) {
      if (signal?.aborted) throw error;
      if (error instanceof ApiError && !isPassing(error)) throw error;
      failures += 1;
      onConnection(false);
      await pause(error.retryAfterSeconds ? error.retryAfterSeconds * 1000 : backoff(failures - 1), signal);
    }
  }
}

/** @param {ApiError} error */
function isPassing(error) {
  const { status = 0 } = error.problem;
  return status >= 500 || status === 429 || status === 408;
}
