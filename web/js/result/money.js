/** What is said of money: only what the server says. `usage` is never less than what may come, and `settled` is its last word. */

import { formatDollars } from "../words/words.js";

/** Stages in which nothing has been asked of a provider yet. */
const BEFORE_THE_FIRST_SEND = new Set([null, undefined, "validating", "translating", "waiting"]);

/**
 * What a job that has ended has cost, or may.
 * @returns {{key: string, values?: object, isOpen: boolean}|null} null where the server does not say.
 */
export function costOf(job) {
  const { cost_usd: cost, settled, estimated } = job.usage ?? {};
  if (settled === undefined) return null;
  if (job.sample) return { key: "money.sample", isOpen: false };
  const wasCanceled = job.status === "canceled";
  if (!settled) {
    if (!(cost > 0)) return { key: "money.openUnknown", isOpen: true };
    return { key: wasCanceled ? "money.openCanceled" : "money.open", values: { most: formatDollars(cost) }, isOpen: true };
  }
  if (!(cost > 0)) return { key: wasCanceled ? "money.canceledFree" : "money.free", isOpen: false };
  const key = wasCanceled ? "money.canceledPaid" : estimated ? "money.about" : "money.exact";
  return { key, values: { cost: formatDollars(cost) }, isOpen: false };
}

/**
 * What it costs to cancel a running job at this moment.
 * @returns {{key: string, values?: object}}
 */
export function costOfCanceling(job) {
  const { cost_usd: cost = 0, open_usd: open = 0 } = job.usage ?? {};
  if (job.sample) return { key: "money.sample" };
  const paid = (job.pictures ?? []).some((picture) => picture.charged === "yes") ? Math.max(0, cost - open) : 0;
  if (paid > 0) return { key: "money.cancelPaid", values: { paid: formatDollars(paid), most: formatDollars(cost) } };
  // One that went back to waiting has been sent before: the server tells of a place in line alone otherwise.
  const isUntouched = BEFORE_THE_FIRST_SEND.has(job.stage) && !job.fallback_used && !(job.attempts > 1);
  if (isUntouched) return { key: "money.cancelEarly" };
  return cost > 0 ? { key: "money.cancelBegun", values: { most: formatDollars(cost) } } : { key: "money.cancelUnknown" };
}

/**
 * What so many new pictures like a job's cost by their model's list price; null where that is not known.
 * @param {object} options  the server's
 */
export function priceOfAgain(options, job, count) {
  if (job.sample) return null;
  const price = (options.generators ?? []).find((entry) => entry.model === job.model && entry.kind === job.kind)?.price_usd;
  return price > 0 ? formatDollars(price * count) : null;
}
