// @ts-check
/**
 * Requests on their way to the server: each is kept before it is sent, sent until the server has answered, by one tab at a time and
 * always with its own key. So nothing that was asked for is lost, and nothing is made or paid twice.
 */

import { ApiError, inWords, NetworkError, SIGN_IN_UNAVAILABLE, startJob } from "../api/api.js";
import { newKey } from "../api/keys.js";
import { backoff } from "../api/pause.js";
import { getOptions } from "../api/questions.js";
import { inOneTab } from "../kept/one-tab.js";
import * as outbox from "../kept/outbox.js";
import { t } from "../words/words.js";

/** Without any sign of life: after that it is kept, and sent when it works again. */
export const GIVE_UP_MS = 60_000;
/** The server remembers a key for 24 hours; what is older may be made a second time. */
const KEY_LIVES_MS = 23 * 60 * 60 * 1000;
/** What nobody wanted by then is forgotten. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000;
const WATCH_MS = 1000;
/** How long until it is tried again by itself, by the reason why it is kept; null: not before somebody says so. */
const AGAIN_AFTER_MS = { network: 15_000, provider: 20_000, busy: 15_000, limit: 20_000, down: 60_000, signIn: null };
const LONGEST_PAUSE_MS = 5 * 60_000;
/** What the server says of itself for a while, and why the request is kept then. */
const PASSING_CODES = {
  busy: "busy", too_many_active_jobs: "limit",
  intake_paused: "down", missing_api_key: "down", provider_unavailable: "down", provider_auth_failed: "down", provider_quota_exhausted: "down",
  [SIGN_IN_UNAVAILABLE]: "provider", unauthorized: "signIn",
};
const IN_PROGRESS = "idempotency_in_progress";
/** Refusals of a key: the same again needs another one. */
const OF_ITS_KEY = ["idempotency_key_reused", "job_deleted", "job_not_found"];
/** How many keys are remembered of what was given up and may have arrived. */
const MOST_FORMER = 8;
const AGAIN = /^jobs\/([^/]+)\/retry$/;

/** Where a job is made again. @param {string} jobId */
export function pathOfAgain(jobId) {
  return `jobs/${jobId}/retry`;
}

/**
 * What a form asks for. A `key` that was there before says that it is the same as then.
 * @typedef {{kind: string, path: string, form: FormData, prompt: string, key?: string, images?: import("../kept/outbox.js").Request["images"]}} Intent
 * @typedef {import("../api/api.js").Refusal} Refusal
 */

/** One request on its way. */
export class Outgoing {
  /** @param {Intent & {key: string, startedAt?: number}} intent */
  constructor({ key, kind, path, form, prompt, images, startedAt = Date.now() }) {
    this.key = key;
    this.kind = kind;
    this.path = path;
    this.form = form;
    this.prompt = prompt;
    this.images = images;
    this.startedAt = startedAt;
    /**
     * `old`: it may be too late to send it with its key, so it is offered. `elsewhere`: another tab is at it.
     * @type {"uploading"|"answering"|"reconnecting"|"kept"|"old"|"elsewhere"|"discarded"}
     */
    this.step = "uploading";
    /** @type {keyof typeof AGAIN_AFTER_MS|null} why it is kept */
    this.reason = null;
    /** What of the form has gone out, from 0 to 1. */
    this.uploaded = 0;
    /** @type {number|null} until all of it has; null where nobody knows */
    this.secondsLeft = null;
    /** Whether it survives the page. */
    this.isKept = false;
    /** Whether it may have arrived although nobody said so. */
    this.isUnsettled = false;
    this.controller = new AbortController();
    this.wake = () => {};
  }

  /** Id of the job that is made again by it; null where a form asks for it. */
  get again() {
    return AGAIN.exec(this.path)?.[1] ?? null;
  }

  /** Whether it waits for better times, and its form may send the next one. */
  get isWaiting() {
    return ["kept", "old", "elsewhere", "discarded"].includes(this.step);
  }
}

export class Sending {
  /** @type {Map<string, Outgoing>} */
  #all = new Map();
  /** @type {Set<Promise<void>>} */
  #running = new Set();
  #closed = false;
  /** @type {Outgoing[]} those that were refused for now, or given up, and whose keys the same again has */
  #former = [];

  /**
   * `onChange(outgoing)`: it has come further, or is gone. `onAccepted(job, outgoing)`: there is a job; the request is forgotten
   * after that. `onRefused(problem, outgoing)`: there will be none. `onElsewhere(outgoing)`: another tab
   * has had the answer.
   * @param {{onChange: (it: Outgoing) => void, onAccepted: (job: import("../api/jobs.js").Job, it: Outgoing) => void,
   *   onRefused: (problem: Refusal, it: Outgoing) => void, onElsewhere: (it: Outgoing) => void}} listeners
   */
  constructor(listeners) {
    this.listeners = listeners;
    addEventListener("online", () => this.wake());
    addEventListener("offline", () => {
      for (const outgoing of this.#all.values()) this.listeners.onChange(outgoing);
    });
    outbox.onPut(() => this.open());
  }

  /** Takes up what is kept, as far as it is not on its way already: when the page opens, when somebody has signed in. */
  async open() {
    const kept = await outbox.requests();
    if (this.#closed) return;
    for (const request of kept) {
      if (this.#all.has(request.key)) continue;
      if (Date.now() - request.startedAt > KEPT_MS) {
        outbox.remove(request.key);
        continue;
      }
      const outgoing = new Outgoing(request);
      outgoing.isKept = true;
      // Whoever closed the page may have sent it before.
      outgoing.isUnsettled = true;
      this.#all.set(outgoing.key, outgoing);
      if (isOld(outgoing)) this.#tell(outgoing, "old");
      else this.#start(outgoing);
    }
    this.wake();
  }

  /** @returns {Outgoing[]} newest first. */
  pending() {
    return [...this.#all.values()].reverse();
  }

  /**
   * Sends what a form asks for. The same as one that is on its way, or was refused for now, is that one.
   * @param {Intent} intent
   * @returns {Outgoing}
   */
  deliver(intent) {
    const same = this.pending().find((other) => other.step !== "old" && isSame(other, intent));
    if (same) {
      same.wake();
      return same;
    }
    const known = this.#former.find((other) => isSame(other, intent) && !isOld(other));
    const outgoing = new Outgoing({ ...intent, key: known?.key ?? intent.key ?? newKey() });
    outgoing.isUnsettled = known?.isUnsettled ?? false;
    this.#former = this.#former.filter((other) => other !== known);
    this.#all.set(outgoing.key, outgoing);
    this.#start(outgoing, { isNew: true });
    return outgoing;
  }

  /** Sends a kept one at once; an old one as a new request. @returns {Outgoing|null} */
  sendNow(/** @type {string} */ key) {
    const outgoing = this.#all.get(key);
    if (!outgoing) return null;
    if (outgoing.step !== "old") {
      outgoing.wake();
      return outgoing;
    }
    this.discard(key);
    const { kind, path, form, prompt, images } = outgoing;
    return this.deliver({ kind, path, form, prompt, images });
  }

  /** Sends it no more. What has arrived already is made. @returns {Outgoing|null} */
  discard(/** @type {string} */ key) {
    const outgoing = this.#all.get(key);
    if (!outgoing) return null;
    outgoing.controller.abort();
    // How much has gone out is told a little late.
    outgoing.isUnsettled ||= ["uploading", "answering"].includes(outgoing.step);
    // The same again is the same request, if this one has arrived.
    if (outgoing.isUnsettled && !isOld(outgoing)) this.#rememberKey(outgoing);
    this.#forget(outgoing);
    this.#tell(outgoing, "discarded");
    return outgoing;
  }

  /**
   * What waits is tried again: somebody has signed in, the server has answered, a job has ended.
   * @param {keyof typeof AGAIN_AFTER_MS|null} [reason] those alone that wait for it
   */
  wake(reason = null) {
    for (const outgoing of this.#all.values()) if (reason === null || outgoing.reason === reason) outgoing.wake();
  }

  /** The page is left: nothing is sent any more. Fulfilled when what is in the air has come down. */
  async close() {
    this.#closed = true;
    for (const outgoing of this.#all.values()) if (outgoing.isWaiting) outgoing.controller.abort();
    this.wake();
    await Promise.allSettled(this.#running);
  }

  #start(/** @type {Outgoing} */ outgoing, { isNew = false } = {}) {
    const run = this.#run(outgoing, isNew)
      .catch((error) => {
        if (!outgoing.controller.signal.aborted) throw error;
      })
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  /** @param {Outgoing} outgoing @param {boolean} isNew */
  async #run(outgoing, isNew) {
    const { key, controller } = outgoing;
    let wasElsewhere = !isNew;
    // It begins at once: whoever leaves the page now has asked for it all the same.
    const keeping = isNew ? this.#keep(outgoing) : Promise.resolve(true);
    await inOneTab(
      `sending.${key}`,
      async () => {
        if (!(await keeping)) return;
        const copy = outgoing.isKept ? await outbox.get(key) : null;
        // Another tab may have had the answer meanwhile.
        if (wasElsewhere && outgoing.isKept && copy === null) {
          this.#all.delete(key);
          this.listeners.onChange(outgoing);
          this.listeners.onElsewhere(outgoing);
          return;
        }
        // The copy stays as it is, whatever becomes of the file.
        outgoing.form = copy?.form ?? outgoing.form;
        await this.#untilAnswered(outgoing);
      },
      {
        signal: controller.signal,
        onBusy: () => {
          wasElsewhere = true;
          this.#tell(outgoing, "elsewhere");
        },
      },
    );
  }

  /** @param {Outgoing} outgoing @returns {Promise<boolean>} false when a file cannot be read any more. */
  async #keep(outgoing) {
    const putting = outbox.put(outgoing);
    this.#tell(outgoing, "uploading");
    for (const [field, value] of outgoing.form) {
      if (typeof value === "string" || (await isReadable(value))) continue;
      await putting;
      this.#refuse(outgoing, fileIsGone(field));
      return false;
    }
    outgoing.isKept = await putting;
    return true;
  }

  async #untilAnswered(/** @type {Outgoing} */ outgoing) {
    const { signal } = outgoing.controller;
    let failures = 0;
    let pauses = 0;
    let news = { at: Date.now(), most: 0 };
    while (!this.#closed && !signal.aborted) {
      if (isOld(outgoing)) {
        this.#tell(outgoing, "old");
        return;
      }
      const hadLine = navigator.onLine;
      try {
        const job = await this.#attempt(outgoing, news);
        this.listeners.onAccepted(job, outgoing);
        this.#forget(outgoing);
        this.listeners.onChange(outgoing);
        return;
      } catch (error) {
        if (signal.aborted) return;
        const reason = reasonToKeep(error);
        // Without a line nothing has gone out.
        outgoing.isUnsettled ||= reason === "network" && (hadLine || navigator.onLine || outgoing.uploaded > 0 || error instanceof ApiError);
        if (reason === null) {
          if (!(error instanceof ApiError)) throw error;
          this.#refuse(outgoing, error.problem);
          return;
        }
        // One that was kept already goes back to its place: nobody waits for it any more.
        if (reason === "network" && pauses === 0 && Date.now() - news.at < GIVE_UP_MS) {
          this.#tell(outgoing, "reconnecting");
          await this.#pause(outgoing, error.retryAfterSeconds ? error.retryAfterSeconds * 1000 : backoff(failures));
          failures += 1;
          continue;
        }
        outgoing.reason = reason;
        this.#tell(outgoing, "kept");
        await this.#untilItMayWork(outgoing, pauses, error.retryAfterSeconds);
        pauses += 1;
        failures = 0;
        news = { at: Date.now(), most: 0 };
      }
    }
  }

  /** One POST. Given up when there was no news of it for too long: an upload that gets on is news, one that only starts again is not. @param {Outgoing} outgoing @param {{at: number, most: number}} news */
  async #attempt(outgoing, news) {
    outgoing.uploaded = 0;
    outgoing.secondsLeft = null;
    // A try without a line is not worth a word.
    if (navigator.onLine || outgoing.step !== "reconnecting") this.#tell(outgoing, "uploading");
    const began = Date.now();
    const attempt = new AbortController();
    const stop = () => attempt.abort(outgoing.controller.signal.reason);
    outgoing.controller.signal.addEventListener("abort", stop);
    const watch = setInterval(() => Date.now() - news.at > GIVE_UP_MS && attempt.abort(new NetworkError("nothing was heard for too long")), WATCH_MS);
    try {
      return await startJob(outgoing.path, outgoing.form, outgoing.key, {
        signal: attempt.signal,
        onUpload: (sent, total) => {
          if (sent > news.most) Object.assign(news, { at: Date.now(), most: sent });
          const seconds = (Date.now() - began) / 1000;
          outgoing.uploaded = total > 0 ? sent / total : 0;
          outgoing.secondsLeft = seconds >= 1 && sent > 0 ? ((total - sent) * seconds) / sent : null;
          this.#tell(outgoing, sent < total ? "uploading" : "answering");
        },
      });
    } finally {
      clearInterval(watch);
      outgoing.controller.signal.removeEventListener("abort", stop);
    }
  }

  /** Until the server answers at all, where it did not; else until the time has come, or somebody says so. @param {Outgoing} outgoing @param {number} pauses @param {number|null|undefined} retryAfterSeconds */
  async #untilItMayWork(outgoing, pauses, retryAfterSeconds) {
    const usual = AGAIN_AFTER_MS[outgoing.reason];
    const longer = usual === null ? null : Math.min(LONGEST_PAUSE_MS, usual * 2 ** Math.min(pauses, 4));
    while (!this.#closed && !outgoing.controller.signal.aborted) {
      const isTime = await this.#pause(outgoing, outgoing.reason === "network" ? usual : Math.max(longer ?? 0, (retryAfterSeconds ?? 0) * 1000) || null);
      // A small question first: the pictures would go out again and again.
      if (outgoing.reason !== "network" || !isTime || (await answers())) return;
    }
  }

  /** @param {Outgoing} outgoing @param {number|null} milliseconds @returns {Promise<boolean>} whether the time is over; false when it was woken, or will be no more. */
  #pause(outgoing, milliseconds) {
    return new Promise((resolve) => {
      const done = (isTime) => {
        clearTimeout(timer);
        outgoing.controller.signal.removeEventListener("abort", woken);
        outgoing.wake = () => {};
        resolve(isTime);
      };
      const woken = () => done(false);
      const timer = milliseconds === null ? undefined : setTimeout(done, milliseconds, true);
      outgoing.controller.signal.addEventListener("abort", woken);
      outgoing.wake = woken;
      if (this.#closed) woken();
    });
  }

  /** @param {Outgoing} outgoing @param {Refusal} problem */
  #refuse(outgoing, problem) {
    // The next try of the same is the same request where it may have been one already, or may be one now.
    if ((outgoing.isUnsettled || problem.retryable) && !OF_ITS_KEY.includes(problem.code ?? "")) this.#rememberKey(outgoing);
    this.#forget(outgoing);
    this.listeners.onRefused(problem, outgoing);
  }

  #rememberKey(/** @type {Outgoing} */ outgoing) {
    this.#former = [outgoing, ...this.#former].slice(0, MOST_FORMER);
  }

  #forget(/** @type {Outgoing} */ { key }) {
    this.#all.delete(key);
    outbox.remove(key);
  }

  /** @param {Outgoing} outgoing @param {Outgoing["step"]} step */
  #tell(outgoing, step) {
    outgoing.step = step;
    if (step !== "kept") outgoing.reason = null;
    this.listeners.onChange(outgoing);
  }
}

/** @param {unknown} error @returns {keyof typeof AGAIN_AFTER_MS|null} why it is kept and sent again; null when the server has said no. */
function reasonToKeep(error) {
  if (error instanceof NetworkError) return "network";
  if (!(error instanceof ApiError)) return null;
  if (error.code === IN_PROGRESS) return "network";
  if (error.code) return PASSING_CODES[error.code] ?? null;
  // A proxy or the platform spoke, not the app.
  if (error.status === 401) return "signIn";
  return error.status >= 500 || error.status === 429 || error.status === 408 ? "network" : null;
}

function isOld({ startedAt }) {
  return Date.now() - startedAt > KEY_LIVES_MS;
}

/** Whether two forms of a kind say the same: values equal, files the same by name, size and time. */
function isSame(one, other) {
  const facts = ({ path, form }) => JSON.stringify([path, [...form].map(([name, value]) => [name, value.size ?? value, value.name, value.lastModified])]);
  return one.form === other.form || facts(one) === facts(other);
}

async function isReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

async function answers() {
  try {
    await getOptions();
    return true;
  } catch {
    return false;
  }
}

function fileIsGone(field) {
  const error = {
    field,
    get message() {
      return t("sending.fileGone.detail");
    },
  };
  return inWords({ code: "file_gone", retryable: false, charged: "no", errors: [error] }, "sending.fileGone");
}
