/** Starting a job and following it to its end, over a network that comes and goes. */

import { ApiError, NetworkError, getJob, startJob } from "./api.js";

const TERMINAL = new Set(["succeeded", "failed", "canceled"]);
const BACKOFF_MS = [1000, 2000, 4000, 8000, 15000];
const SUBMIT_ATTEMPTS = 5;
const IN_PROGRESS = "idempotency_in_progress";
const HOLD_SECONDS = 20;
const NEWS_SPACING_MS = 250;
const LOOK_SPACING_MS = 1000;
const QUIET_POLL_MS = 5000;

/** The stages in the order a job passes through them. */
export const STAGES = ["validating", "translating", "waiting", "submitting", "generating", "storing"];

/** @returns {boolean} whether the job has ended; a status this page does not know is still running. */
export function isTerminal(job) {
  return TERMINAL.has(job.status);
}

/**
 * Sends one intent, with one key for all its attempts, so a lost answer never starts (or pays for) a second job.
 * `onConnection(false)` is called while it reconnects.
 * @returns {Promise<object>} the job; throws the last ApiError or NetworkError, with `unsettled` set when an attempt may
 *   have started the job all the same.
 */
export async function submit({ path, form, key, onConnection = () => {} }) {
  let unsettled = false;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const job = await startJob(path, form, key);
      onConnection(true);
      return job;
    } catch (error) {
      unsettled ||= error instanceof NetworkError || !error.code || error.code === IN_PROGRESS;
      if (attempt + 1 >= SUBMIT_ATTEMPTS || !worthSendingAgain(error)) throw Object.assign(error, { unsettled });
      if (error instanceof NetworkError) onConnection(false);
      await pause(retryAfter(error) ?? backoff(attempt));
    }
  }
}

function worthSendingAgain(error) {
  if (error instanceof NetworkError) return true;
  if (!(error instanceof ApiError)) return false;
  if (error.code === IN_PROGRESS) return true;
  return !error.code && error.status >= 500;
}

/**
 * Follows a job until it ends. `watched` jobs use long polling; others look every few seconds, because browsers open
 * only about six connections to one origin. `onJob(job)` at every change, `onConnection(ok)` when the line drops or
 * comes back.
 * @returns {Promise<object>} the ended job; throws ApiError when the server refuses for good (404, 410, ...).
 */
export async function follow(id, { watched = true, onJob, onConnection = () => {}, signal }) {
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
      await pause(retryAfter(error) ?? backoff(failures - 1), signal);
    }
  }
}

function isPassing(error) {
  return error.problem.status >= 500 || error.problem.status === 429 || error.problem.status === 408;
}

/** @returns {number|null} the milliseconds that the server asks to wait. */
function retryAfter(error) {
  return error.retryAfterSeconds ? error.retryAfterSeconds * 1000 : null;
}

/** @returns {number} how long to wait before attempt `failures + 1`: grows to 15 s, with a little jitter. */
export function backoff(failures) {
  return BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)] * (0.8 + 0.4 * Math.random());
}

/** Waits, but no longer than until the browser says it is online again or `signal` aborts. */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, milliseconds));
    addEventListener("online", done);
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
  });
}
