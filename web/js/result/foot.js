// @ts-check
/** What can be done with a job as a whole once it has ended: all pictures saved, made again, its settings taken, deleted. */

import { el } from "../page/dom.js";
import { t } from "../words/words.js";
import { priceOfAgain } from "./money.js";
import { zipButton } from "./picture-actions.js";
import { placesOf } from "./pictures.js";

/** @param {string} words @param {string} look @param {() => void} action @param {string|null} [testid] */
export function jobButton(words, look, action, testid = null) {
  return el("button", { type: "button", class: `button ${look}`, text: words, dataset: testid ? { testid } : {}, on: { click: action } });
}

/**
 * @param {import("../api/jobs.js").KnownJob} job  one that has ended
 * @param {{desk: import("./picture-actions.js").Desk, options: import("../form/models.js").Told, isPartial: boolean}} about
 */
export function buildFoot(job, { desk: { actions }, desk, options, isPartial }) {
  const made = (job.outputs ?? []).length;
  // Of a failed job and of missing pictures what stands above offers it.
  const canRepeat = actions.again && !isPartial && (job.status !== "failed" || made > 0);
  const price = priceOfAgain(options, job, placesOf(job).length);
  const again = (/** @type {string} */ action, /** @type {"same"|"new"} */ seeds) =>
    jobButton(price ? t("job.priced", { action, price }) : action, "quiet", () => actions.again?.(job, seeds), `again-${seeds}`);
  return [
    made > 1 ? zipButton(desk) : null,
    canRepeat ? again(t(made > 0 ? "job.againNew" : "error.retry"), "new") : null,
    canRepeat && made > 0 ? again(t("job.againSame"), "same") : null,
    jobButton(t("job.reuse"), "quiet", () => actions.reuse(job, job.kind)),
    // It can be undone for some seconds.
    jobButton(t("job.delete"), "quiet danger", () => actions.remove(job.id), "delete"),
  ].filter((button) => button !== null);
}
