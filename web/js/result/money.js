// @ts-check
/** What is said of money: only what the server says. `usage` is never less than what may come, and `settled` is its last word. */

import { formatDollars } from "../words/words.js";

/** @typedef {import("../api/jobs.js").KnownJob} KnownJob */

/** Stages in which nothing has been asked of a provider yet. */
const BEFORE_THE_FIRST_SEND = new Set([null, undefined, "validating", "translating", "waiting"]);

/**
 * What a job that has ended has cost, or may.
 * @param {KnownJob} job
 * @returns {{key: string, values?: object, isOpen: boolean}|null} null where the server does not say.
 */
export function costOf(job) {
  const { settled, estimated } = job.usage ?? {};
  if (settled === undefined) return null;
  const cost = job.usage?.cost_usd ?? 0;
  if (job.sample) return { key: "money.sample", isOpen: false };
  const wasCanceled = job.status === "canceled";
  if (!settled) {
    // Where nothing goes on any more the provider has said all that it says.
    const isOpen = goesOn(job);
    if (!(cost > 0)) return { key: isOpen ? "money.openUnknown" : "money.unknownAtAll", isOpen };
    const key = isOpen ? (wasCanceled ? "money.openCanceled" : "money.open") : wasCanceled ? "money.unknownCanceled" : "money.unknown";
    return { key, values: { most: formatDollars(cost) }, isOpen };
  }
  if (!(cost > 0)) return { key: wasCanceled ? "money.canceledFree" : "money.free", isOpen: false };
  const key = wasCanceled ? "money.canceledPaid" : estimated ? "money.about" : "money.exact";
  return { key, values: { cost: formatDollars(cost) }, isOpen: false };
}

/** Whether a provider goes on with something of a job that has ended, so that more will be known of what it cost. @param {KnownJob} job */
export function goesOn(job) {
  return (job.warnings ?? []).some(({ code }) => code === "prediction_goes_on");
}

/**
 * What it costs to cancel a running job at this moment.
 * @param {KnownJob} job
 * @returns {{key: string, values?: object}}
 */
export function costOfCanceling(job) {
  const cost = job.usage?.cost_usd ?? 0;
  const open = job.usage?.open_usd ?? 0;
  if (job.sample) return { key: "money.sample" };
  const paid = (job.pictures ?? []).some((picture) => picture.charged === "yes") ? Math.max(0, cost - open) : 0;
  if (paid > 0) return { key: "money.cancelPaid", values: { paid: formatDollars(paid), most: formatDollars(cost) } };
  // One that went back to waiting has been sent before: the server tells of a place in line alone otherwise.
  const isUntouched = BEFORE_THE_FIRST_SEND.has(job.stage) && !job.fallback_used && !((job.attempts ?? 0) > 1);
  if (isUntouched) return { key: "money.cancelEarly" };
  return cost > 0 ? { key: "money.cancelBegun", values: { most: formatDollars(cost) } } : { key: "money.cancelUnknown" };
}

/**
 * What so many new pictures like a job's cost by their model's list price; null where that is not known.
 * @param {import("../form/models.js").Told} options  the server's
 * @param {KnownJob} job @param {number} count
 */
export function priceOfAgain(options, job, count) {
  if (job.sample) return null;
  const price = (options.generators ?? []).find((entry) => entry.model === job.model && entry.kind === job.kind)?.price_usd ?? 0;
  return price > 0 ? formatDollars(price * count) : null;
}
