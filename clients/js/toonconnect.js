// @ts-check
/**
 * Client of the ToonConnect image generation API, for browsers and Node 20, without dependencies.
 *
 *     import { ToonConnect } from "./toonconnect.js";
 *
 *     const client = new ToonConnect("http://127.0.0.1:7071");
 *     let job = await client.goods(file, { preset: "mug" });
 *     job = await client.wait(job);
 *     const picture = await client.download(job);
 *
 * Whatever is sent twice is made, and paid for, once: each call that makes a job has a key of its own, which is kept over its
 * retries.
 *
 * @license MIT
 */

/**
 * A job as the API shows it (`components.schemas.Job` of /api/openapi.json). A status or a stage that you do not know means: still
 * running.
 * @typedef {object} Job
 * @property {string} id
 * @property {"ppl"|"goods"} kind
 * @property {"queued"|"processing"|"succeeded"|"failed"|"canceled"} status
 * @property {?("validating"|"translating"|"waiting"|"submitting"|"generating"|"storing")} stage
 * @property {number} progress
 * @property {?number} queue_position
 * @property {?number} eta_seconds
 * @property {boolean} overdue
 * @property {?("turn"|"provider")} [waiting_for]
 * @property {string} created_at
 * @property {?string} completed_at
 * @property {?string} expires_at
 * @property {Input} input
 * @property {Output[]} outputs
 * @property {Picture[]} pictures
 * @property {{code: string, detail: string, field: ?string}[]} warnings
 * @property {?Problem} error
 * @property {string} provider
 * @property {string} model
 * @property {boolean} fallback_used
 * @property {?{from: string, to: string}} fallback
 * @property {number} attempts
 * @property {{cost_usd: ?number, open_usd: number, estimated: boolean, settled: boolean}} usage
 * @property {boolean} sample made in a sandbox
 * @property {Record<string, string|number|boolean>} metadata
 * @property {{self: string, result: string, cancel: string}} urls
 * @property {?{model: string, created_at: ?string, label: string}} [provenance]
 */

/**
 * @typedef {object} Input
 * @property {string} prompt
 * @property {string} prompt_sent
 * @property {?string} [prompt_translated] the English that a translator made of prompt
 * @property {?string} [preset]
 * @property {?string[]} [presets] of a sheet
 * @property {?string} aspect_ratio
 * @property {string} output_format
 * @property {number} safety_tolerance
 * @property {?number} seed
 * @property {number} n
 * @property {string} [label]
 * @property {?string} [model]
 * @property {?string} [language]
 * @property {{field: string, source: string, url: string, url_expires_at: string, thumbnail_url: string}[]} [images] once it has ended
 */

/**
 * @typedef {object} Output
 * @property {number} index
 * @property {string} url opens without credentials until url_expires_at
 * @property {string} url_expires_at
 * @property {string} thumbnail_url
 * @property {string} content_type
 * @property {number} width
 * @property {number} height
 * @property {number} bytes
 * @property {?number} seed
 * @property {?string} preset
 */

/**
 * @typedef {object} Picture
 * @property {number} index
 * @property {string} status
 * @property {?string} preset
 * @property {?number} seed
 * @property {"yes"|"no"|"unknown"} charged
 * @property {?Problem} error
 * @property {?number} cost_usd
 * @property {string} [aspect_ratio] of a sheet
 */

/**
 * RFC 9457; branch on `code`.
 * @typedef {object} Problem
 * @property {string} code
 * @property {number} status
 * @property {string} title
 * @property {string} detail
 * @property {"yes"|"no"|"unknown"} charged
 * @property {boolean} retryable
 * @property {?string} request_id
 * @property {{field: string, message: string}[]} errors
 * @property {string} [reset_at] of a limit
 */

/**
 * The form's other fields: n, seed, aspect_ratio, output_format, safety_tolerance, model, language, label, metadata, webhook_url; and
 * `key`, the Idempotency-Key, one of its own for each call unless you give one. A key that you keep makes the call safe over a
 * reload of your page too. `onUpload` is told in a browser how much of the request has gone out; then a slow line has all the time
 * it needs, and only silence is too slow.
 * @typedef {Record<string, unknown> & {prompt?: string, preset?: string} & Sent} Fields
 */

/** @typedef {{key?: string, signal?: AbortSignal, onUpload?: (sentBytes: number, totalBytes: number) => void}} Sent */

/**
 * How one call is made.
 * @typedef {object} Call
 * @property {Record<string, string>} [headers]
 * @property {FormData} [body]
 * @property {unknown} [json]
 * @property {string} [key]
 * @property {number} [heldSeconds]
 * @property {AbortSignal} [signal]
 * @property {(sentBytes: number, totalBytes: number) => void} [onUpload]
 * @property {(response: Response) => Promise<any>} [read]
 */

/** @typedef {Blob|ArrayBuffer|Uint8Array|string} Image a file, its bytes, or `pictureOf(job)` */

const KINDS = ["goods", "ppl"];
const OWN_PICTURE = "job:";
const TERMINAL = new Set(["succeeded", "failed", "canceled"]);
// Passing troubles: whoever asks again, a little later, may well get what was asked for.
const PASSING = new Set(["idempotency_in_progress", "too_many_active_jobs", "busy", "internal", "translator_unavailable"]);
// What stands before the app says so in its own words.
const PLATFORM_STATUSES = new Set([408, 429, 502, 503, 504]);
// The server holds a request no longer.
const WAIT_SECONDS = 25;
// Older or newer messages are refused: somebody may play an old one again.
const TOLERANCE_SECONDS = 300;

/** The server refused. `problem` is its RFC 9457 document; branch on `code`. */
export class ApiError extends Error {
  /** @param {number} status @param {Partial<Problem>} problem @param {?number} retryAfterSeconds */
  constructor(status, problem, retryAfterSeconds = null) {
    super(`${problem.code ?? status}: ${problem.detail ?? ""}`);
    this.name = "ApiError";
    this.status = status;
    this.problem = problem;
    this.code = problem.code ?? "";
    /** @type {"yes"|"no"|"unknown"} whether it cost anything */
    this.charged = problem.charged ?? "unknown";
    this.retryable = problem.retryable ?? false;
    /** @type {{field: string, message: string}[]} one for each field that was wrong */
    this.errors = problem.errors ?? [];
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Offline, too slow, or no server there. A call that makes a job may have arrived: make it again with the same `key`. */
export class NoAnswer extends Error {
  /** @param {string} message @param {{key?: string, cause?: unknown}} [more] */
  constructor(message, { key, cause } = {}) {
    super(message, { cause });
    this.name = "NoAnswer";
    this.key = key;
  }
}

/** A job that was waited for has no picture. `problem` is its error: null of one that was canceled. */
export class JobFailed extends Error {
  /** @param {Job} job */
  constructor(job) {
    super(`${job.id} ${job.status}${job.error ? `: ${job.error.detail}` : ""}`);
    this.name = "JobFailed";
    this.job = job;
    this.problem = job.error;
  }
}

/** A webhook that is not from the app, was changed on the way, or is not from now. Answer 401, and do nothing of what it says. */
export class BadSignature extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "BadSignature";
  }
}

/**
 * A token of your own, where nobody signs in: whoever sends it owns what was posted with it. Keep it, and keep it secret.
 * @returns {string}
 */
export function newOwnerToken() {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * An Idempotency-Key: a UUID of version 4, on plain http too, where `crypto.randomUUID` is missing.
 * @returns {string}
 */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * A picture of an own job, to be sent in place of a file.
 * @param {Job|string} job
 * @returns {string}
 */
export function pictureOf(job, index = 0) {
  return `${OWN_PICTURE}${idOf(job)}/${index}`;
}

export class ToonConnect {
  #base;
  #ownerToken;
  #token;
  #onTokenRefused;
  #language;
  #retries;
  #longestPauseSeconds;
  #timeoutSeconds;
  #fetch;

  /**
   * One app at `baseUrl`. Where people sign in `token` is the sign-in's access token; elsewhere `ownerToken` says whose jobs these
   * are (`newOwnerToken`). Each of them, and `language`, may be a function that gives it for each request. When the app refuses a
   * token (401), a function is asked once more, with `refused`, and `onTokenRefused` is told when that one will not do either; what
   * the function rejects with ends the call as it is. Calls are repeated up to `retries` times when they had no answer or a passing
   * trouble, as long as the server does not ask for more than `longestPauseSeconds` of patience.
   * @param {string} baseUrl
   * @param {{ownerToken?: string|(() => string|undefined), token?: string|((asked: {refused: ?string}) => Promise<?string>|?string),
   *   onTokenRefused?: (token: string) => void, language?: string|(() => string), retries?: number, longestPauseSeconds?: number,
   *   timeoutSeconds?: number, fetch?: typeof globalThis.fetch}} [options]
   */
  constructor(
    baseUrl,
    {
      ownerToken,
      token,
      onTokenRefused,
      language = "ko",
      retries = 5,
      longestPauseSeconds = 60,
      timeoutSeconds = 60,
      fetch = globalThis.fetch,
    } = {},
  ) {
    this.#base = baseUrl.replace(/\/+$/, "");
    this.#ownerToken = ownerToken;
    this.#token = token;
    this.#onTokenRefused = onTokenRefused;
    this.#language = language;
    this.#retries = retries;
    this.#longestPauseSeconds = longestPauseSeconds;
    this.#timeoutSeconds = timeoutSeconds;
    // A browser's fetch wants to be called without an owner.
    /** @type {typeof globalThis.fetch} */
    this.#fetch = (address, init) => fetch(address, init);
  }

  // ---- making pictures ----

  /**
   * A goods picture of a character. Rejects with TypeError for an image that is missing or empty, before anything is sent.
   * @param {Image} image @param {Fields} fields
   * @returns {Promise<Job>}
   */
  async goods(image, fields) {
    return this.#generate("goods-gen/generate", { input_image: image }, fields);
  }

  /**
   * A product placement picture.
   * @param {Image} character @param {Image} product @param {Fields} fields
   * @returns {Promise<Job>}
   */
  async ppl(character, product, fields) {
    return this.#generate("ppl-gen/generate", { input_image_1: character, input_image_2: product }, fields);
  }

  /**
   * One character on several goods: one job, one picture for each preset.
   * @param {Image} image @param {string[]} presets @param {Fields} [fields]
   * @returns {Promise<Job>}
   */
  async sheet(image, presets, fields = {}) {
    return this.#generate("goods-gen/sheet", { input_image: image }, { ...fields, presets });
  }

  /**
   * A form of your own, for the `path` of one of the generators that `options()` tells of.
   * @param {string} path @param {FormData} form @param {Sent} [how]
   * @returns {Promise<Job>}
   */
  async generate(path, form, { key, signal, onUpload } = {}) {
    return this.#postJob(path.replace(/^\/?(api\/)?/, ""), { body: form, key, signal, onUpload });
  }

  /**
   * A new job for the pictures that are missing, or for all of them where none is.
   * @param {Job|string} job @param {{seed?: "same"|"new", key?: string, signal?: AbortSignal}} [how]
   * @returns {Promise<Job>}
   */
  async retry(job, { seed = "same", key, signal } = {}) {
    return this.#postJob(`jobs/${pathOf(job)}/retry`, { json: { seed }, key, signal });
  }

  /**
   * A prompt in English. `kind`: whose route it takes. Rejects with TypeError for another one.
   * @param {string} prompt @param {"goods"|"ppl"} kind
   * @returns {Promise<string>}
   */
  async translate(prompt, kind = "goods") {
    requireKind(kind);
    return (await this.#json("POST", `${kind}-gen/translate`, { json: { prompt } })).translated_text;
  }

  // ---- following a job ----

  /** @param {Job|string} job @returns {Promise<Job>} */
  async get(job) {
    return this.#json("GET", `jobs/${pathOf(job)}`);
  }

  /**
   * What is new of a job since it had `etag`: null when nothing is. The server holds its answer for up to `waitSeconds` (30) until
   * there is something to tell.
   * @param {Job|string} job @param {{waitSeconds?: number, etag?: ?string, signal?: AbortSignal}} [how]
   * @returns {Promise<{job: ?Job, etag: ?string}>}
   */
  async look(job, { waitSeconds = 0, etag = null, signal } = {}) {
    const { status, headers, content } = await this.#call("GET", `jobs/${pathOf(job)}${waitSeconds ? `?wait=${waitSeconds}` : ""}`, {
      headers: etag ? { "If-None-Match": etag } : {},
      heldSeconds: waitSeconds,
      signal,
      read: asJson,
    });
    return { job: content, etag: status === 304 ? etag : headers.get("ETag") };
  }

  /**
   * The job when it has ended. Of a job with several pictures some may be missing: look at its `pictures`. Rejects with JobFailed
   * for a job without any picture (unless told not to), and with NoAnswer after `timeoutSeconds`: the job goes on, and may be waited
   * for again.
   * @param {Job|string} job
   * @param {{timeoutSeconds?: number, onChange?: (job: Job) => void, throwOnFailure?: boolean, signal?: AbortSignal}} [how]
   * @returns {Promise<Job>}
   */
  async wait(job, { timeoutSeconds = 900, onChange, throwOnFailure = true, signal } = {}) {
    const ends = Date.now() + timeoutSeconds * 1000;
    /** @type {string|null} */
    let etag = null;
    for (;;) {
      const left = (ends - Date.now()) / 1000;
      if (left <= 0) throw new NoAnswer(`${idOf(job)} has not ended in ${timeoutSeconds} seconds; it goes on`);
      const began = Date.now();
      const waitSeconds = Math.max(1, Math.min(WAIT_SECONDS, Math.floor(left)));
      const news = await this.look(job, { waitSeconds, etag, signal });
      etag = news.etag;
      if (news.job) {
        onChange?.(news.job);
        if (TERMINAL.has(news.job.status)) {
          if (throwOnFailure && news.job.outputs.length === 0) throw new JobFailed(news.job);
          return news.job;
        }
      }
      // One that is not held, by whatever stands between, is not asked for all the time.
      if (Date.now() - began < 500) await sleep(1, signal);
    }
  }

  /**
   * Your jobs, newest first, page by page as you go on: `for await (const job of client.list()) ...`. `limit`: how many come with
   * each request.
   * @param {{kind?: string, status?: string, preset?: string, created_after?: string, created_before?: string, limit?: number}} [wanted]
   * @returns {AsyncGenerator<Job>}
   */
  async *list(wanted = {}) {
    /** @type {?string} */
    let cursor = null;
    do {
      const page = await this.page({ ...wanted, cursor });
      yield* page.data;
      cursor = page.has_more ? page.next_cursor : null;
    } while (cursor !== null);
  }

  /**
   * One page of that list; `next_cursor` of it is the `cursor` of the next one.
   * @param {{kind?: ?string, status?: ?string, preset?: string, created_after?: string, created_before?: string, limit?: number,
   *   cursor?: ?string}} [wanted]
   * @returns {Promise<{data: Job[], has_more: boolean, next_cursor: ?string}>}
   */
  async page(wanted = {}) {
    if (wanted.kind !== undefined && wanted.kind !== null) requireKind(wanted.kind);
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(wanted)) if (value !== null && value !== undefined) query.set(name, String(value));
    return this.#json("GET", `jobs?${query}`);
  }

  /**
   * Make jobs yours that were posted without an owner: what became of each.
   * @param {(Job|string)[]} jobs
   * @returns {Promise<{id: string, claimed: boolean, error: ?Problem}[]>}
   */
  async claim(jobs) {
    return (await this.#json("POST", "jobs/claim", { json: { ids: jobs.map(idOf) } })).data;
  }

  /**
   * Stop what can be stopped. Rejects with ApiError (`job_already_finished`) for a job that has ended.
   * @param {Job|string} job
   * @returns {Promise<Job>}
   */
  async cancel(job) {
    return this.#json("POST", `jobs/${pathOf(job)}/cancel`);
  }

  /**
   * Images, documents and history are gone. One that is gone already is no error.
   * @param {Job|string} job
   * @returns {Promise<void>}
   */
  async delete(job) {
    try {
      await this.#call("DELETE", `jobs/${pathOf(job)}`);
    } catch (error) {
      if (!(error instanceof ApiError && error.code === "job_not_found")) throw error;
    }
  }

  // ---- pictures ----

  /**
   * A picture, the first one there is unless `index` says which. Works for the whole retention window.
   * @param {Job|string} job @param {?number} index
   * @returns {Promise<Blob>}
   */
  async download(job, index = null) {
    const path = `jobs/${pathOf(job)}/result?inline=1${index === null ? "" : `&index=${index}`}`;
    return (await this.#call("GET", path, { read: (response) => response.blob() })).content;
  }

  // ---- the rest ----

  /** Models, limits, presets, expected seconds. @param {{signal?: AbortSignal}} [how] @returns {Promise<any>} */
  async options({ signal } = {}) {
    return this.#json("GET", "options", { signal });
  }

  /** Whether a job could be made now, with a check for each part. @returns {Promise<{status: string, checks: Record<string, any>}>} */
  async readiness() {
    try {
      return await this.#json("GET", "health/ready");
    } catch (error) {
      if (error instanceof ApiError && error.code === "not_ready") return { status: "not_ready", checks: /** @type {any} */ (error.problem).checks };
      throw error;
    }
  }

  /**
   * What you have spent, by day and kind. Dates like 2026-01-31.
   * @param {{from?: string, to?: string}} [span]
   * @returns {Promise<any>}
   */
  async usage({ from, to } = {}) {
    const query = new URLSearchParams({ ...(from ? { from } : {}), ...(to ? { to } : {}) });
    return this.#json("GET", `usage?${query}`);
  }

  /** What `verifyWebhook` needs. @returns {Promise<string>} */
  async webhookSecret() {
    return (await this.#json("GET", "webhooks/secret")).secret;
  }

  /** A new one; for a while messages are signed with both. @returns {Promise<string>} */
  async rotateWebhookSecret() {
    return (await this.#json("POST", "webhooks/secret/rotate")).secret;
  }

  // ---- how it is asked ----

  /** @param {string} path @param {Record<string, Image>} images @param {Fields} fields @returns {Promise<Job>} */
  async #generate(path, images, { key, signal, onUpload, ...fields } = {}) {
    const form = new FormData();
    for (const [name, image] of Object.entries(images)) {
      const content = contentOf(name, image);
      if (typeof content === "string") form.append(name, content);
      else form.append(name, content, name);
    }
    for (const [name, value] of Object.entries(fields)) {
      if (value === undefined || value === null || value === "") continue;
      form.append(name, typeof value === "object" ? JSON.stringify(value) : String(value));
    }
    return this.#postJob(path, { body: form, key, signal, onUpload });
  }

  /** One key for all tries of this call. */
  async #postJob(path, { key = newKey(), ...more }) {
    return this.#json("POST", path, { ...more, key, headers: { "Idempotency-Key": key } });
  }

  async #json(method, path, more = {}) {
    return (await this.#call(method, path, { ...more, read: asJson })).content;
  }

  /**
   * Every call may be repeated: those that make a job have a key, the others do the same again. An answer that breaks off, or is none
   * of the app's, is no answer.
   * @param {string} method @param {string} path @param {Call} [call]
   * @returns {Promise<{status: number, headers: Headers, content: any}>} `content` is what `read` makes of the response.
   */
  async #call(method, path, { read, ...more } = {}) {
    const { key, signal } = more;
    let refused = null;
    for (let tries = 0; ; tries += 1) {
      const last = tries >= this.#retries;
      const token = typeof this.#token === "function" ? await this.#token({ refused }) : this.#token;
      let response;
      try {
        response = await this.#send(method, path, { ...more, token });
        if (response.ok || response.status === 304) {
          const content = read && response.status < 300 && response.status !== 204 ? await read(response) : null;
          return { status: response.status, headers: response.headers, content };
        }
      } catch (error) {
        if (signal?.aborted) throw error;
        if (last) throw new NoAnswer(`${this.#base} gave no answer`, { key, cause: error });
        await sleep(pause(tries), signal);
        continue;
      }
      const error = await errorOf(response);
      if (response.status === 401 && token && typeof this.#token === "function") {
        if (refused === null) {
          refused = token;
          tries -= 1;
          continue;
        }
        this.#onTokenRefused?.(token);
      }
      const seconds = error.retryAfterSeconds ?? pause(tries);
      if (last || !isPassing(error) || seconds > this.#longestPauseSeconds) throw error;
      await sleep(seconds, signal);
    }
  }

  /** @param {string} method @param {string} path @param {Call & {token?: ?string}} call @returns {Promise<Response>} */
  async #send(method, path, { token, headers = {}, body, json, heldSeconds = 0, signal, onUpload }) {
    const ownerToken = now(this.#ownerToken);
    const request = {
      method,
      headers: {
        "Accept-Language": now(this.#language),
        ...(ownerToken ? { "X-Owner-Token": ownerToken } : {}),
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...(json ? { "Content-Type": "application/json" } : {}),
        ...headers,
      },
      body: json ? JSON.stringify(json) : body,
    };
    const url = `${this.#base}/api/${path}`;
    if (onUpload && typeof XMLHttpRequest === "function") return uploaded(url, { ...request, signal }, onUpload, this.#timeoutSeconds);
    return this.#fetch(url, {
      ...request,
      cache: "no-store",
      // Not to be led elsewhere: the owner's token would go along.
      redirect: "manual",
      signal: either(signal, (this.#timeoutSeconds + heldSeconds) * 1000),
    });
  }
}

/**
 * By XMLHttpRequest, which tells how much of the body has gone out, as fetch does not. Too slow is what says nothing for
 * `silenceSeconds`.
 * @param {string} url @param {{method: string, headers: Record<string, string>, body: any, signal?: AbortSignal}} request
 * @param {(sentBytes: number, totalBytes: number) => void} onUpload @param {number} silenceSeconds
 * @returns {Promise<Response>}
 */
function uploaded(url, { method, headers, body, signal }, onUpload, silenceSeconds) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    /** @type {ReturnType<typeof setTimeout>} */
    let timer;
    const listen = () => {
      clearTimeout(timer);
      timer = setTimeout(() => fail(new Error("silence")), silenceSeconds * 1000);
    };
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    };
    const fail = (/** @type {unknown} */ reason) => {
      end();
      reject(reason);
      request.abort();
    };
    const stop = () => fail(signal?.reason);
    request.upload.onprogress = ({ loaded, total }) => {
      listen();
      onUpload(loaded, total);
    };
    request.upload.onload = request.upload.onprogress;
    request.onerror = () => fail(new Error("no answer"));
    request.onload = () => {
      end();
      // It follows redirects: one that led elsewhere is none of the app's answers.
      const status = request.responseURL && request.responseURL !== new URL(url, location.href).href ? 302 : request.status;
      const told = new Headers();
      for (const line of request.getAllResponseHeaders().trim().split(/\r?\n/)) {
        const at = line.indexOf(":");
        if (at > 0) told.append(line.slice(0, at), line.slice(at + 1).trim());
      }
      resolve(new Response([204, 304].includes(status) ? null : request.response, { status, headers: told }));
    };
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    signal?.addEventListener("abort", stop, { once: true });
    request.open(method, url);
    request.responseType = "blob";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    listen();
    request.send(body);
  });
}

/**
 * The message that a `webhook_url` was told (https://github.com/standard-webhooks/standard-webhooks). Rejects with BadSignature. A
 * message may come more than once: its `webhook-id` tells.
 * @param {string|string[]} secret several while one is being changed
 * @param {Headers|Record<string, string|string[]|undefined>} headers
 * @param {string|Uint8Array} body as it came, byte by byte: not parsed and written again
 * @param {{nowSeconds?: number}} [when]
 * @returns {Promise<any>}
 */
export async function verifyWebhook(secret, headers, body, { nowSeconds = Date.now() / 1000 } = {}) {
  const id = header(headers, "webhook-id");
  const timestamp = header(headers, "webhook-timestamp");
  const given = header(headers, "webhook-signature")
    .split(" ")
    .filter((part) => part.startsWith("v1,"))
    .map((part) => part.slice(3));
  if (!id || !given.length || !/^\d{1,12}$/.test(timestamp)) throw new BadSignature("no signature");
  if (Math.abs(nowSeconds - Number(timestamp)) > TOLERANCE_SECONDS) throw new BadSignature("too old or too new");
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const head = new TextEncoder().encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(head.length + bytes.length);
  signed.set(head);
  signed.set(bytes, head.length);
  for (const one of [secret].flat()) {
    const key = await crypto.subtle.importKey("raw", bytesOf(one.replace(/^whsec_/, "")), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    for (const signature of given) {
      // The platform compares in constant time.
      if (isBase64(signature) && (await crypto.subtle.verify("HMAC", key, bytesOf(signature), signed))) {
        return JSON.parse(new TextDecoder().decode(bytes));
      }
    }
  }
  throw new BadSignature("wrong signature");
}

/** @param {Response} response */
function asJson(response) {
  return response.json();
}

/** @template T @param {T|(() => T)} given @returns {T} */
function now(given) {
  return typeof given === "function" ? /** @type {() => T} */ (given)() : given;
}

/** @param {Job|string} job */
function idOf(job) {
  return typeof job === "string" ? job : job.id;
}

/** @param {Job|string} job */
function pathOf(job) {
  return encodeURIComponent(idOf(job));
}

/** @param {string} kind */
function requireKind(kind) {
  if (!KINDS.includes(kind)) throw new TypeError(`kind is ${KINDS.join(" or ")}, not ${kind}`);
}

/**
 * What is no picture at all is refused here: a request with it would be.
 * @param {string} name @param {Image} image
 * @returns {Blob|string}
 */
function contentOf(name, image) {
  if (typeof image === "string" && image.startsWith(OWN_PICTURE)) return image;
  if (image instanceof Blob && image.size) return image;
  if ((image instanceof ArrayBuffer || ArrayBuffer.isView(image)) && image.byteLength) return new Blob([/** @type {BlobPart} */ (image)]);
  throw new TypeError(`${name} is missing or empty: give a File or Blob, its bytes, or pictureOf(job)`);
}

/** @param {Response} response */
async function errorOf(response) {
  const problem = await response.json().catch(() => null);
  const after = response.headers.get("Retry-After") ?? "";
  const told = typeof problem === "object" && problem ? problem : {};
  const requestId = response.headers.get("X-Request-Id");
  if (requestId) told.request_id ??= requestId;
  return new ApiError(response.status, told, /^\d+$/.test(after) ? Number(after) : null);
}

/** @param {ApiError} error */
function isPassing(error) {
  if (!error.code) return PLATFORM_STATUSES.has(error.status);
  // Of codes that are newer than this client the server says itself when to come back.
  return error.retryable && (PASSING.has(error.code) || (error.retryAfterSeconds !== null && error.code !== "result_not_ready"));
}

/** Half a second, then twice as long each time, by chance up to half of it more. @param {number} tries */
function pause(tries) {
  return Math.min(8, 0.5 * 2 ** tries) * (1 + Math.random() / 2);
}

/** @param {number} seconds @param {AbortSignal} [signal] @returns {Promise<void>} */
function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

/** @param {AbortSignal|undefined} signal @param {number} milliseconds */
function either(signal, milliseconds) {
  const timeout = AbortSignal.timeout(milliseconds);
  if (!signal) return timeout;
  if (AbortSignal.any) return AbortSignal.any([signal, timeout]);
  const both = new AbortController();
  for (const one of [signal, timeout]) {
    if (one.aborted) both.abort(one.reason);
    else one.addEventListener("abort", () => both.abort(one.reason), { once: true });
  }
  return both.signal;
}

/** @param {Headers|Record<string, string|string[]|undefined>} headers @param {string} name */
function header(headers, name) {
  if (typeof headers.get === "function") return headers.get(name) ?? "";
  const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  return String(found ?? "");
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

/** @param {string} text */
function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** @param {string} text */
function isBase64(text) {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}
