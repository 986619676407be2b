/** The HTTP contract: one function per call. Failures are ApiError (the server answered) or NetworkError (it did not). */

import { apiBase } from "../../config.js";
import { currentLanguage, t } from "../words/words.js";
import { ownerToken } from "../account/owner.js";
import { end, isNeeded, ProviderTrouble, SignedOut, token } from "../account/sign-in.js";

/** The server's refusal; `problem` is its problem details object, `clear` says whether the app itself wrote it. */
export class ApiError extends Error {
  constructor(problem, { clear = true, retryAfterMs = null } = {}) {
    super(problem.detail ?? problem.title ?? problem.code);
    this.problem = problem;
    this.clear = clear;
    this.retryAfterMs = retryAfterMs;
  }
}

/** No answer: offline, server down, blocked by CORS, or too slow. Whether the request arrived is not known. */
export class NetworkError extends Error {}

/** @returns {string} the API's full address, for messages to people. */
export function apiAddress() {
  return new URL(apiBase, location.href).href;
}

/** @returns {Promise<object>} enums, limits, presets and generators. */
export async function getOptions(signal) {
  return (await request("/options", { signal })).body;
}

/**
 * Starts a job. Sending the same `form` with the same `idempotencyKey` again is safe: the server answers the same job.
 * @returns {Promise<object>} the job.
 */
export async function startJob(path, form, idempotencyKey) {
  const { body } = await request(path.replace(/^\/api/, ""), {
    method: "POST",
    body: form,
    headers: { "Idempotency-Key": idempotencyKey },
    timeoutMs: 120_000,
  });
  return body;
}

/**
 * Reads a job. With `waitSeconds` the server holds the answer until something changes.
 * @returns {Promise<{job: object|null, etag: string|null}>} `job` is null when nothing changed since `etag`.
 */
export async function getJob(id, { waitSeconds = 0, etag = null, signal } = {}) {
  const { status, body, headers } = await request(`/jobs/${encodeURIComponent(id)}${waitSeconds ? `?wait=${waitSeconds}` : ""}`, {
    headers: etag ? { "If-None-Match": etag } : {},
    timeoutMs: (waitSeconds + 20) * 1000,
    signal,
  });
  return { job: status === 304 ? null : body, etag: headers.get("ETag") ?? etag };
}

/** @returns {Promise<object>} the job, which ends as canceled soon after. */
export async function cancelJob(id) {
  return (await request(`/jobs/${encodeURIComponent(id)}/cancel`, { method: "POST" })).body;
}

/**
 * Makes jobs that were started without an owner token this browser's.
 * @param {string[]} ids  at most 100
 */
export async function claimJobs(ids) {
  await request("/jobs/claim", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ids }) });
}

/** Removes the job, its images and its history from the server. */
export async function deleteJob(id) {
  await request(`/jobs/${encodeURIComponent(id)}`, { method: "DELETE" });
}

/** @returns {Promise<string>} the prompt in English. `path` is where the kind's jobs start. */
export async function translatePrompt(path, prompt) {
  const { body } = await request(path.replace(/^\/api/, "").replace(/generate$/, "translate"), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ prompt }),
  });
  return body.translated_text;
}

/**
 * Reads an output's bytes: from its signed link or, where the storage account does not let pages read it, through the
 * API.
 * @returns {Promise<Blob>}
 */
export async function fetchImage(job, output) {
  try {
    return await imageBytes(output.url);
  } catch {
    return imageBytes(`${apiBase}/jobs/${encodeURIComponent(job.id)}/result?inline=1&index=${output.index}`, fetchAsCaller);
  }
}

async function imageBytes(url, fetchIt = fetch) {
  const response = await fetchIt(url, { headers: { Accept: "image/*" } });
  if (!response.ok) throw new NetworkError(`image answered ${response.status}`);
  return response.blob();
}

/** Sends a call with the caller's token: that of their session or, where nobody signs in, of this browser. One that is refused is renewed, and the call sent again: nothing came of the first. */
async function fetchAsCaller(url, init) {
  const own = isNeeded ? {} : { "X-Owner-Token": ownerToken() };
  const withToken = (value) => ({ ...init, headers: { ...init.headers, ...own, ...(value ? { Authorization: `Bearer ${value}` } : {}) } });
  const first = await token();
  const response = await fetch(url, withToken(first));
  if (response.status !== 401 || first === null) return response;
  const renewed = await token({ refused: first });
  const second = await fetch(url, withToken(renewed));
  // A new token does not help either: whoever this is, the API does not take them.
  if (second.status === 401) end(renewed);
  return second;
}

async function request(path, { method = "GET", headers = {}, body, signal, timeoutMs = 30_000 } = {}) {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeoutMs);
  const stop = () => timeout.abort();
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  try {
    const response = await fetchAsCaller(apiBase + path, {
      method,
      body,
      headers: { Accept: "application/json", "Accept-Language": currentLanguage(), ...headers },
      signal: timeout.signal,
      cache: "no-store",
    });
    if (response.status === 304 || response.status === 204) return answer(response, null);
    const text = await response.text();
    const parsed = parseJson(text);
    if (response.ok && parsed) return answer(response, parsed);
    throw toApiError(response, parsed);
  } catch (error) {
    if (error instanceof ApiError || signal?.aborted) throw error;
    if (error instanceof ProviderTrouble) throw new ApiError(providerTrouble());
    if (error instanceof SignedOut) throw new ApiError(notSignedIn());
    throw new NetworkError(error.message, { cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

function answer(response, body) {
  return { status: response.status, body, headers: response.headers };
}

function parseJson(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

function toApiError(response, parsed) {
  const seconds = Number(response.headers.get("Retry-After"));
  const retryAfterMs = seconds > 0 ? seconds * 1000 : null;
  const requestId = response.headers.get("X-Request-Id");
  if (parsed?.code) {
    return new ApiError({ request_id: requestId, ...parsed, status: parsed.status ?? response.status }, { retryAfterMs });
  }
  // The platform turns callers away before the app is asked, in no words.
  if (response.status === 401) return new ApiError({ ...notSignedIn(), request_id: requestId });
  // A proxy or the platform spoke, not the app: what happened to the request is not known.
  const problem = {
    status: response.status,
    code: `http_${response.status}`,
    title: t("error.http.title"),
    detail: t("error.http.detail", { status: response.status }),
    retryable: response.status >= 500 || response.status === 429,
    charged: null,
    request_id: requestId,
  };
  return new ApiError(problem, { clear: false, retryAfterMs });
}

function notSignedIn() {
  return { status: 401, code: "unauthorized", title: t("error.signIn.title"), detail: t("error.signIn.detail"), retryable: true, charged: "no" };
}

/** The call was not sent: there is no token for it now. */
function providerTrouble() {
  return { status: 503, code: "sign_in_unavailable", title: t("error.provider.title"), detail: t("error.provider.detail"), retryable: true, charged: "no" };
}
