// @ts-check
/**
 * The HTTP contract, by the project's own client (vendor/toonconnect.js): this adds who calls, in which language, and words for
 * what the app itself did not say. Failures are ApiError (there was an answer) or NetworkError (there was none).
 */

import { apiBase } from "../../config.js";
import { ApiError, NoAnswer, ToonConnect } from "../../vendor/toonconnect.js";
import { currentLanguage, t } from "../words/words.js";
import { ownerToken } from "../account/owner.js";
import { end, isNeeded, ProviderTrouble, SignedOut, token } from "../account/sign-in.js";

export { ApiError, NoAnswer as NetworkError };

/** @typedef {import("../../vendor/toonconnect.js").Job} Job */
/** @typedef {import("../../vendor/toonconnect.js").Problem} Problem */
/** A refusal: the server's, or one of the page's own, which may not know of money. @typedef {Partial<Omit<Problem, "charged">> & {charged?: Problem["charged"]|null}} Refusal */
/** What a person may spend. @typedef {{window: string, limit_usd: number, used_usd: number, reset_at: string}} Limit */

/** Code of a call that was not sent: the sign-in's provider gives no token now. */
export const SIGN_IN_UNAVAILABLE = "sign_in_unavailable";

const READ_SECONDS = 30;
/** A picture on a slow line. */
const DOWNLOAD_SECONDS = 300;
/** Of silence, after a form is sent or while it is. */
const SEND_SECONDS = 60;

const reading = clientWith(READ_SECONDS);
const downloading = clientWith(DOWNLOAD_SECONDS);
const sending = clientWith(SEND_SECONDS);

/** Repeats nothing: a page says at once what is wrong, and knows when to come back. */
function clientWith(timeoutSeconds) {
  const base = apiBase.replace(/\/api\/?$/, "");
  const own = isNeeded ? {} : { ownerToken };
  return new ToonConnect(base, { ...own, token: callersToken, onTokenRefused: end, language: currentLanguage, retries: 0, timeoutSeconds });
}

async function callersToken(asked) {
  try {
    return await token(asked);
  } catch (error) {
    if (error instanceof SignedOut) throw new ApiError(401, notSignedIn());
    if (error instanceof ProviderTrouble) throw new ApiError(503, providerTrouble());
    throw new NoAnswer("the sign-in is out of reach", { cause: error });
  }
}

/** @returns {Promise<{limits: Limit[]}>} what the caller has spent, and their limits. */
export async function getUsage() {
  return worded(reading.usage());
}

/**
 * Starts a job. Sending the same `form` with the same `idempotencyKey` again is safe: the server answers the same job.
 * @param {string} path @param {FormData} form @param {string} idempotencyKey
 * @param {{signal?: AbortSignal, onUpload?: (sentBytes: number, totalBytes: number) => void}} [how]
 * @returns {Promise<Job>} the job.
 */
export async function startJob(path, form, idempotencyKey, how = {}) {
  return worded(sending.generate(path, form, { key: idempotencyKey, ...how }));
}

/**
 * Reads a job. With `waitSeconds` the server holds the answer until something changes.
 * @param {string} id @param {{waitSeconds?: number, etag?: string|null, signal?: AbortSignal}} [how]
 * @returns {Promise<{job: Job|null, etag: string|null}>} `job` is null when nothing changed since `etag`.
 */
export async function getJob(id, how = {}) {
  return worded(reading.look(id, how));
}

/**
 * A page of the caller's jobs, newest first; the next one goes on at `cursor`.
 * @param {{kind?: string, status?: string, cursor?: string|null, limit?: number}} wanted
 * @returns {Promise<{data: Job[], has_more: boolean, next_cursor: string|null}>}
 */
export async function listJobs({ kind = "", status = "", cursor = null, limit }) {
  return worded(reading.page({ kind: kind || null, status: status || null, cursor, limit }));
}

/** @param {string} id @returns {Promise<Job>} the job, which ends as canceled soon after. */
export async function cancelJob(id) {
  return worded(reading.cancel(id));
}

/**
 * Makes jobs that were started without an owner token this browser's.
 * @param {string[]} ids  at most 100
 */
export async function claimJobs(ids) {
  await worded(reading.claim(ids));
}

/** Removes the job, its images and its history from the server. One that is gone already is no error. @param {string} id */
export async function deleteJob(id) {
  await worded(reading.delete(id));
}

/** @returns {Promise<string>} the prompt in English. `path` is where the kind's jobs start. */
export async function translatePrompt(path, prompt) {
  const kind = /** @type {"goods"|"ppl"} */ (/(\w+)-gen\//.exec(path)?.[1]);
  return worded(reading.translate(prompt, kind));
}

/**
 * Reads an output's bytes: from its signed link or, where the storage account does not let pages read it, through the
 * API.
 * @param {{id: string}} job @param {import("../../vendor/toonconnect.js").Output} output
 * @returns {Promise<Blob>}
 */
export async function fetchImage(job, output) {
  try {
    // What an <img> has left in the cache was not meant for scripts, and may be refused as such.
    const response = await fetch(output.url, { headers: { Accept: "image/*" }, cache: "reload" });
    if (response.ok) return await response.blob();
  } catch {
    // The other way.
  }
  return worded(downloading.download(job.id, output.index));
}

/** Gives what the app did not word itself words of the page. @template T @param {Promise<T>} call @returns {Promise<T>} */
async function worded(call) {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ApiError) {
      const { status, problem } = error;
      // The platform turns callers away before the app is asked, in no words.
      if (!error.code) error.problem = status === 401 ? notSignedIn() : spokenByOthers(status);
      error.problem.status ??= status;
      error.problem.request_id ??= problem.request_id ?? null;
    }
    throw error;
  }
}

/** A proxy or the platform spoke, not the app: what happened to the request is not known. */
function spokenByOthers(status) {
  return inWords({ status, code: `http_${status}`, retryable: status >= 500 || status === 429, charged: null }, "error.http");
}

function notSignedIn() {
  return inWords({ status: 401, code: "unauthorized", retryable: true, charged: "no" }, "error.signIn");
}

function providerTrouble() {
  return inWords({ status: 503, code: SIGN_IN_UNAVAILABLE, retryable: true, charged: "no" }, "error.provider");
}

/** A problem of the page's own, which speaks the language that is on; a copy of it stays in that of its moment. */
export function inWords(facts, words, values) {
  return {
    ...facts,
    get title() {
      return t(`${words}.title`);
    },
    get detail() {
      return t(`${words}.detail`, values);
    },
  };
}
