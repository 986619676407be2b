// @ts-check
/** What is said of a job that is still being made: its stage, its place in line, how long it may take, what holds it up. */

import { reckoned } from "../api/expectation.js";
import { STAGES } from "../api/jobs.js";
import { HANGUL } from "../form/prompt.js";
import { el } from "../page/dom.js";
import { formatDuration, t } from "../words/words.js";

/** @typedef {import("../api/jobs.js").KnownJob} KnownJob */

/**
 * Whether a job waits because its provider takes nothing now, not for its turn: it has no place in line then, and nobody knows
 * how long it takes. Of several pictures, see the server: others may be drawn while one was refused.
 * @param {KnownJob} job
 */
export function waitsForProvider(job) {
  if (job.stage !== "waiting") return false;
  if (job.waiting_for) return job.waiting_for === "provider";
  return (job.queue_position ?? null) === null && (job.eta_seconds ?? null) === null;
}

/** Whether its prompt is put into English on the way, as the server decides it (shared/domain/translation.py). @param {KnownJob} job @param {boolean} hasTranslator */
function isTranslated({ stage, input }, hasTranslator) {
  if (stage === "translating" || input?.prompt_translated) return true;
  const isWanted = input?.language ? input.language === "ko" : HANGUL.test(input?.prompt ?? "");
  return hasTranslator && isWanted;
}

/** @param {KnownJob} job @returns {{key: string, values?: object}} what a running job is at; of several pictures how many are there. */
export function stageOf(job) {
  if (waitsForProvider(job)) return { key: "stage.waitingForProvider" };
  const count = job.pictures?.length ?? 1;
  // The slowest of several speaks for the job: what is there says more.
  if (count > 1 && (job.outputs ?? []).length > 0) return { key: "stage.someReady", values: { count, made: job.outputs?.length } };
  if (job.stage === "waiting" && (job.queue_position ?? 0) > 0) return { key: "stage.waitingAt", values: { position: job.queue_position } };
  if (STAGES.includes(job.stage ?? "")) return { key: `stage.${job.stage}` };
  return { key: job.status === "queued" ? "stage.queued" : "stage.running" };
}

/** Steps, bar and times; a clock of its own moves them on between two words of the server. */
export class Waiting {
  /** @type {KnownJob|undefined} */
  job;
  /** When its news was heard. */
  toldAt = 0;

  /** @param {number} startedAt */
  constructor(startedAt) {
    this.startedAt = startedAt;
    this.progress = 0;
    this.stageIndex = -1;
    this.isTranslated = false;
    this.steps = STAGES.map((stage) => el("li", { dataset: { stage } }, el("span", { class: "dot", "aria-hidden": "true" }), el("span", { i18n: `step.${stage}` })));
    this.stepper = el("ol", { class: "stepper", dataset: { i18nAttr: "aria-label:step.list" } }, ...this.steps);
    this.fill = el("span", { class: "fill" });
    this.bar = el("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, dataset: { testid: "progress", i18nAttr: "aria-label:progress.label" } }, this.fill);
    this.elapsed = el("span", { class: "elapsed", dataset: { testid: "elapsed" } });
    this.eta = el("span", { class: "eta", dataset: { testid: "eta" } });
    this.times = el("p", { class: "times" }, this.elapsed, this.eta);
    this.hint = el("p", { class: "hint waiting-hint", dataset: { testid: "waiting-hint" } });
    this.root = el("div", { class: "waiting" }, this.stepper, this.bar, this.times, this.hint);
    this.clock = setInterval(() => this.#tick(), 1000);
  }

  /** @param {KnownJob} job  a running one @param {boolean} hasTranslator  whether the server has one */
  draw(job, hasTranslator) {
    if (this.job !== job) this.toldAt = performance.now();
    this.job = job;
    const at = STAGES.indexOf(job.stage ?? "");
    if (at >= 0) this.stageIndex = at;
    this.isTranslated ||= isTranslated(job, hasTranslator);
    this.steps[STAGES.indexOf("translating")].hidden = !this.isTranslated;
    for (const [index, step] of this.steps.entries()) {
      step.classList.toggle("done", index < this.stageIndex);
      step.classList.toggle("now", index === this.stageIndex);
      if (index === this.stageIndex) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    }
    this.root.classList.toggle("held-up", waitsForProvider(job));
    this.hint.textContent = waitsForProvider(job) ? t("waiting.provider") : (job.pictures?.length ?? 1) > 1 ? t("waiting.several") : "";
    this.#tick();
  }

  /** Nothing moves any more. */
  stop() {
    clearInterval(this.clock);
    this.root.hidden = true;
  }

  #tick() {
    this.elapsed.textContent = t("progress.elapsed", { time: formatDuration(Date.now() - this.startedAt) });
    if (!this.job) return;
    const { progress, secondsLeft, isOverdue } = reckoned(this.job, (performance.now() - this.toldAt) / 1000);
    // What was reckoned may have been more than the server's next word.
    this.progress = Math.max(this.progress, progress);
    const percent = Math.max(0, Math.min(100, Math.round(this.progress)));
    this.fill.style.width = `${Math.max(percent, 3)}%`;
    this.bar.setAttribute("aria-valuenow", String(percent));
    let words = "";
    if (waitsForProvider(this.job)) words = "";
    else if (isOverdue) words = t("progress.overdue");
    else if (secondsLeft !== null) words = secondsLeft > 0 ? t("progress.eta", { time: formatDuration(secondsLeft * 1000) }) : t("progress.soon");
    this.eta.textContent = words;
  }
}
