// @ts-check
/** A refusal, as one sentence that says what to change and one thing to do. What only helpers need is folded away. */

import { el, icon } from "../page/dom.js";
import { formatTime, hasWords, t } from "../words/words.js";
import { copyText } from "./clipboard.js";
import { goesOn } from "./money.js";
import { reasonOf } from "./pictures.js";

/** @typedef {import("../api/api.js").Refusal} Refusal */
/** @typedef {import("../api/jobs.js").KnownJob} KnownJob */
/** @typedef {import("./picture-actions.js").Desk} Desk */
/** @typedef {{field: string, message: string}} FieldError */

/** What to do about a refusal, by its code; of others the server's `retryable` decides. */
const STEPS = {
  content_moderated: "editPrompt",
  image_unusable: "editField",
  unsupported_image: "editField",
  image_too_large: "editField",
  validation_failed: "editField",
  invalid_request: "copy",
  missing_api_key: "copy",
  provider_auth_failed: "copy",
  provider_quota_exhausted: "copy",
  forbidden: "copy",
  quota_exceeded: "none",
  inputs_expired: "reuse",
  result_expired: "reuse",
  job_deleted: "again",
  job_not_found: "none",
  job_not_finished: "none",
  idempotency_key_reused: "again",
};
/** Of these the server's own sentence says best what is wrong: it names the picture or the file. */
const IN_THE_SERVERS_WORDS = new Set(["image_unusable", "unsupported_image", "image_too_large"]);

/** A field of the request as the form calls it. @param {string} field */
export function fieldName(field) {
  const key = ["image", "option"].map((group) => `${group}.${field}`).find(hasWords) ?? `${field}.label`;
  return hasWords(key) ? t(key) : field;
}

/** @param {Refusal} problem @returns {"editPrompt"|"editField"|"again"|"reuse"|"copy"|"none"} */
export function stepFor(problem) {
  return STEPS[problem.code] ?? (problem.retryable ? "again" : hasWords(`refusal.${problem.code}`) ? "none" : "copy");
}

/** What happened and what to change. `isForeign`: the server's words are in the other language. @param {Refusal} problem */
export function sentenceOf(problem, isForeign = false) {
  if (problem.code === "quota_exceeded" && problem.reset_at) return t("refusal.quota_exceeded", { time: formatTime(problem.reset_at) });
  if (problem.detail && !isForeign && (IN_THE_SERVERS_WORDS.has(problem.code ?? "") || problem.code === "quota_exceeded")) return problem.detail;
  if (/^http_/.test(problem.code ?? "")) return t("refusal.http");
  const key = `refusal.${problem.code}`;
  if (hasWords(key)) return t(key);
  return problem.detail ?? problem.title ?? t("refusal.http");
}

/**
 * @param {Refusal} problem
 * @param {{job?: KnownJob|null, rest?: FieldError[], desk: Desk, close?: (() => void)|null, canSend?: boolean, isForeign?: boolean}} about  `job` that failed, or null for a request that was refused; `rest`: field errors that no form shows;
 *   `desk` (see picture-actions.js); `close`: for one that stands above a job that goes on; `canSend`: whether the request is at hand;
 *   `isForeign`: it came in the other language
 */
export function buildRefusal(problem, { job = null, rest = [], desk, close = null, canSend = true, isForeign = false }) {
  const { actions } = desk;
  const aboutField = (/** @type {FieldError} */ { field, message }) => [el("strong", { text: `${fieldName(field)}: ` }), message];
  // Of one picture the server says the same twice: as the whole, and of its field.
  const whole = rest.find((error) => error.message === problem.detail);
  const others = rest.filter((error) => error !== whole);
  const money = moneyOf(problem, job);
  const button = (key, testid, action) => el("button", { type: "button", class: "button primary", text: t(key), dataset: { testid }, on: { click: action } });
  const field = (rest[0] ?? problem.errors?.[0])?.field;
  const steps = {
    editPrompt: () => (actions.editPrompt ? button("refusal.do.editPrompt", "edit-prompt", () => actions.editPrompt?.(job)) : null),
    editField: () => (field && actions.editField ? button(/^input_image/.test(field) ? "refusal.do.editImage" : "refusal.do.editField", "edit-field", () => actions.editField?.(field, job)) : null),
    again: () => (canSend || job ? button(problem.code === "too_many_active_jobs" || !job ? "refusal.do.send" : "error.retry", "retry", () => actions.retry(job?.id ?? null)) : null),
    reuse: () => (job ? button("job.reuse", "reuse-settings", () => actions.reuse(job, job.kind)) : null),
    copy: () => button("refusal.do.copy", "copy-details", () => copyDetails(problem, job, desk)),
    none: () => null,
  };
  const step = stepFor(problem);
  return el("div", { class: "error", role: "alert", tabindex: "-1", dataset: { testid: "error" } },
    el("div", { class: "error-head" },
      icon("alert"),
      el("p", { class: "error-detail" }, ...(whole && !isForeign ? aboutField(whole) : [sentenceOf(problem, isForeign)])),
      close ? el("button", { type: "button", class: "round quiet-round", "aria-label": t("refusal.close"), dataset: { testid: "close-refusal" }, on: { click: close } }, icon("close")) : null),
    others.length > 0 ? el("ul", {}, ...others.map((error) => el("li", {}, ...aboutField(error)))) : null,
    money ? el("p", { class: "charged", text: money, dataset: { testid: "charged" } }) : null,
    steps[step](),
    buildDetails(problem, job, desk, step !== "copy"));
}

/** What the server says of money: of a request that it never began, of a job's missing pictures. @param {Refusal} problem @param {KnownJob|null} job */
function moneyOf(problem, job) {
  const charged = { true: "yes", false: "no" }[problem.charged] ?? problem.charged;
  const unknown = !job ? "error.charged.unknownRequest" : goesOn(job) ? "error.charged.unknownYet" : "error.charged.unknown";
  const key = charged === "unknown" ? unknown : `error.charged.${charged}`;
  return hasWords(key) ? t(key) : null;
}

/** @param {Refusal} problem @param {KnownJob|null} job */
function factsOf(problem, job) {
  return [
    ["error.code", problem.code, "error-code"],
    ["error.jobId", job?.id, "job-id"],
    ["error.requestId", problem.request_id, "request-id"],
  ].filter(([, value]) => value);
}

/** @param {Refusal} problem @param {KnownJob|null} job @param {Desk} desk @param {boolean} hasCopy */
function buildDetails(problem, job, desk, hasCopy) {
  return el("details", { class: "refusal-details", dataset: { testid: "error-details" } },
    el("summary", { text: t("refusal.details") }),
    el("p", {}, [problem.title, problem.detail].filter(Boolean).join(" · ")),
    el("dl", { class: "error-facts" },
      ...factsOf(problem, job).map(([key, value, testid]) => el("div", {}, el("dt", { text: t(key) }), el("dd", {}, el("code", { text: value, dataset: { testid } }))))),
    hasCopy ? el("button", { type: "button", class: "button link", text: t("refusal.copy"), dataset: { testid: "copy-details" }, on: { click: () => copyDetails(problem, job, desk) } }) : null);
}

/** @param {Refusal} problem @param {KnownJob|null} job @param {Desk} desk */
async function copyDetails(problem, job, desk) {
  const lines = [problem.title, problem.detail, ...factsOf(problem, job).map(([key, value]) => `${t(key)}: ${value}`), new Date().toISOString()];
  const text = lines.filter(Boolean).join("\n");
  if (await copyText(text)) desk.say("refusal.copied");
  else desk.say("copy.failed", {}, text);
}

/**
 * What is said of a job some of whose pictures are missing: how many, why, and how to get them. The server makes all that are
 * missing again, also those that would be refused again: then both is offered, and said.
 * @param {KnownJob} job @param {import("./pictures.js").Place[]} missing
 * @param {{desk: Desk, price: string|null}} about  `price` of all that are missing
 */
export function buildPartial(job, missing, { desk, price }) {
  const { actions } = desk;
  const count = missing.length;
  const stuck = missing.filter(({ picture }) => !(picture?.error ?? job.error)?.retryable).length;
  /** @type {Map<string, number>} */
  const reasons = new Map();
  for (const { picture } of missing) {
    const reason = reasonOf(job, picture);
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  const why = [...reasons].map(([key, of]) => (reasons.size > 1 ? t("partial.reason", { why: t(key), count: of }) : t(key))).join(", ");
  const words = { count, why, stuck, price: price ?? "" };
  const money = moneyOf(job.error ?? {}, job);
  const button = (/** @type {string} */ key, /** @type {string} */ look, /** @type {string} */ testid, /** @type {() => void} */ action) =>
    el("button", { type: "button", class: `button ${look}`, text: t(key, words), dataset: { testid }, on: { click: action } });
  const buttons = [
    stuck < count ? button(price ? "partial.retryPriced" : "partial.retry", "primary", "retry-missing", () => actions.retryMissing(job)) : null,
    stuck > 0 && actions.editPrompt ? button("refusal.do.editPrompt", stuck < count ? "quiet" : "primary", "edit-prompt", () => actions.editPrompt?.(job)) : null,
  ].filter(Boolean);
  return el("div", { class: "error partial", role: "status", tabindex: "-1", dataset: { testid: "partial" } },
    el("div", { class: "error-head" }, icon("alert"), el("p", { class: "error-detail", text: t(stuck === 0 ? "partial.again" : stuck < count ? "partial.mixed" : "partial.change", words) })),
    money ? el("p", { class: "charged", text: t("partial.money", { money }), dataset: { testid: "charged" } }) : null,
    buttons.length > 0 ? el("div", { class: "partial-steps" }, ...buttons) : null,
    job.error ? buildDetails(job.error, job, desk, true) : null);
}
