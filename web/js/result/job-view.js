// @ts-check
/** The result panel: nothing yet, a request on its way, a refusal, or one job from its first stage to its pictures. */

import { isTerminal } from "../api/jobs.js";
import { modelName } from "../form/models.js";
import { el, icon } from "../page/dom.js";
import { say } from "../page/notices.js";
import { currentLanguage, formatDate, formatDuration, nameOf, t, translate } from "../words/words.js";
import { buildAbout } from "./about.js";
import { buildCaption } from "./caption.js";
import { buildFoot, jobButton } from "./foot.js";
import { costOf, costOfCanceling, goesOn, priceOfAgain } from "./money.js";
import { missingOf, Pictures, placesOf } from "./pictures.js";
import { buildPartial, buildRefusal, fieldName } from "./refusal.js";
import { Viewer } from "./viewer.js";
import { stageOf, Waiting } from "./waiting.js";

/** While something may still be charged the job is read again, ever less often. */
const SETTLING_MS = [4000, 8000, 15_000, 30_000];
const SETTLING_LOOKS = 40;

/**
 * @typedef {import("../api/api.js").Refusal} Refusal
 * @typedef {import("../api/jobs.js").KnownJob} KnownJob
 * @typedef {import("../api/jobs.js").Output} Output
 * @typedef {import("./pictures.js").Place} Place
 */

/**
 * What the page does with a job. Of what it does not have the buttons are left out.
 * @typedef {object} Actions
 * @property {(id: string) => Promise<boolean>} cancel
 * @property {(id: string) => void} remove
 * @property {(id: string|null) => void} retry
 * @property {(job: KnownJob, kind?: string) => void} reuse
 * @property {(kind: string|undefined, seed: number) => void} useSeed
 * @property {(id: string) => Promise<KnownJob|null>} refresh  reads the job again for fresh links
 * @property {(id: string) => void} open  shows a job of before
 * @property {(job: KnownJob) => void} retryMissing
 * @property {(job: KnownJob, seeds: "same"|"new") => void} [again]
 * @property {(job: KnownJob, output: Output) => void} [useAsCharacter]
 * @property {(job: KnownJob, output: Output) => void} [sameSeedElsewhere]
 * @property {(job: KnownJob|null) => void} [editPrompt]
 * @property {(name: string, job: KnownJob|null) => void} [editField]
 * @property {(job: KnownJob, index: number, isOn: boolean) => void} [favourite]
 */

/** Draws into `root`. */
export class JobView {
  /** @type {"empty"|"sending"|"problem"|"job"|"gone"} */
  mode = "empty";
  jobId = "";
  /** @type {KnownJob} */
  job;
  /** @type {Refusal} */
  problem;
  /** @type {{id: string, kind: string, startedAt: number}} of a job that is gone */
  entry;
  /** @type {Waiting|null} */
  waiting = null;
  /** @type {Pictures} */
  pictures;
  /** @type {import("../sending/sending-view.js").SendingView} */
  sendingView;
  /** @type {string|null} id of the job that goes on behind a request, or is made again by it */
  goingOn = null;
  /** @type {{problem: Refusal, rest: import("./refusal.js").FieldError[], isFromHere: boolean}|null} what stands above the job */
  refused = null;
  /** @type {Record<string, string>} what the parts say, as they were drawn */
  drawn = {};
  settlingLooks = 0;
  /** Whether what is gone was this visitor's. */
  isOwn = true;

  /** @param {HTMLElement} root @param {Actions} actions */
  constructor(root, actions) {
    this.root = root;
    this.welcome = /** @type {HTMLElement} */ (root.firstElementChild);
    this.actions = actions;
    /** @type {import("../form/models.js").Told} */
    this.options = {};
    /** @type {import("./picture-actions.js").Desk} */
    this.desk = {
      actions,
      say: (key, values, text = null) => {
        say(key, values);
        this.#offerByHand(text);
      },
      presets: () => this.options.presets ?? [],
      job: () => this.job,
      open: (index) => this.#openViewer(index),
    };
    this.viewer = new Viewer(this.desk);
    this.showEmpty();
  }

  /** Takes the names of models and presets, prices and print sizes from the server. @param {import("../form/models.js").Told} options */
  setOptions(options) {
    this.options = options;
    if (this.mode === "job") this.#redraw(() => this.#drawJob({ anew: true }));
  }

  /** The welcome, before there is anything to show: it stands in index.html. */
  showEmpty() {
    const hadFocus = this.root.contains(document.activeElement);
    this.#start("empty");
    this.heading = /** @type {HTMLElement} */ (this.welcome.querySelector("h3"));
    this.root.replaceChildren(this.welcome);
    translate(this.root);
    if (hadFocus) this.heading.focus({ preventScroll: true });
  }

  /** A request on its way to the server: `sendingView` says how far it has come. @param {import("../sending/sending-view.js").SendingView} sendingView @param {string|null} [from]  id of the job that is made again */
  showSending(sendingView, from = null) {
    const isFromForm = Boolean(document.activeElement?.closest("form"));
    const before = this.mode === "job" && !isTerminal(this.job) ? this.jobId : null;
    this.#start("sending");
    this.goingOn = from ?? before;
    this.sendingView = sendingView;
    this.root.replaceChildren(sendingView.root);
    // The button that was pressed cannot keep it.
    if (isFromForm) sendingView.heading.focus({ preventScroll: true });
  }

  /**
   * A request the server refused, or that never reached it. `rest` are field errors without a field in the form. Above a job that
   * is on show, or was and goes on, it stands as a notice.
   * @param {Refusal} problem @param {{rest?: import("./refusal.js").FieldError[]}} [about]
   */
  showProblem(problem, { rest = [] } = {}) {
    this.problemLanguage = currentLanguage();
    const isFromHere = this.mode === "job";
    if (this.mode === "sending" && this.goingOn !== null) this.actions.open(this.goingOn);
    if (this.mode === "job") {
      this.refused = { problem, rest, isFromHere };
      this.#drawRefused();
      return;
    }
    const hadFocus = this.root.contains(document.activeElement);
    this.#start("problem");
    this.problem = problem;
    this.rest = rest;
    this.#drawProblem();
    if (hadFocus) /** @type {HTMLElement|null} */ (this.root.querySelector(".error"))?.focus({ preventScroll: true });
  }

  /** A job; call again with every newer version. @param {KnownJob} job @param {{kind: string, startedAt: number}} known */
  showJob(job, { kind, startedAt }) {
    if (this.mode !== "job" || this.jobId !== job.id) {
      const hadFocus = this.root.contains(document.activeElement);
      this.#start("job");
      this.jobId = job.id;
      this.#frame({ kind, startedAt });
      this.canceling = false;
      if (hadFocus) this.heading.focus({ preventScroll: true });
    }
    // Of a job that is not read yet the history alone knows.
    this.job = job.kind ? job : { ...job, kind };
    this.#setKind(this.job.kind);
    this.#redraw(() => this.#drawJob());
  }

  /** A job the server has no longer, or never had for this visitor. @param {{id: string, kind: string, startedAt: number}} entry @param {{isOwn: boolean}} about */
  showGone(entry, { isOwn }) {
    this.#start("gone");
    this.entry = entry;
    this.isOwn = isOwn;
    this.#frame({ kind: entry.kind, startedAt: entry.startedAt });
    this.waiting?.stop();
    this.#setHeading({ key: isOwn ? "stage.gone" : "stage.notFound" });
    if (isOwn) this.foot.replaceChildren(jobButton(t("job.delete"), "quiet", () => this.actions.remove(entry.id)));
    else this.trouble.replaceChildren(el("p", { text: t("job.notFound"), dataset: { testid: "not-found" } }));
  }

  /** Says that the line dropped, or takes that back. */
  setConnection(/** @type {boolean} */ ok, key = "connection.lost") {
    if (!this.connection) return;
    this.connection.hidden = ok;
    this.connection.textContent = ok ? "" : t(key);
    this.connectionKey = ok ? null : key;
  }

  /** Whether this job is the one on show. */
  shows(id) {
    return (this.mode === "job" && this.jobId === id) || (this.mode === "gone" && this.entry.id === id);
  }

  /** Writes every word again in the language that is on. */
  retranslate() {
    translate(this.root);
    if (this.mode === "job") this.#setKind(this.kind);
    if (this.mode === "problem") this.#drawProblem();
    if (this.mode === "sending") this.sendingView.retranslate();
    if (this.mode === "gone") this.showGone(this.entry, { isOwn: this.isOwn });
    if (this.mode === "job") {
      this.#redraw(() => this.#drawJob({ anew: true }));
      this.#drawRefused();
    }
    if (this.connectionKey) this.setConnection(false, this.connectionKey);
  }

  /** @param {JobView["mode"]} mode */
  #start(mode) {
    this.waiting?.stop();
    clearTimeout(this.settling);
    this.viewer.close();
    this.mode = mode;
    this.waiting = this.connection = this.notice = this.connectionKey = this.goingOn = this.refused = null;
    this.settlingLooks = 0;
    this.drawn = {};
    this.root.dataset.mode = mode;
    delete this.root.dataset.status;
  }

  /** @param {{kind: string, startedAt: number}} known */
  #frame({ kind, startedAt }) {
    this.kindLabel = el("span", { class: "kind" });
    this.#setKind(kind);
    this.sample = el("span", { class: "kind sample", i18n: "job.sample", hidden: true, dataset: { testid: "sample" } });
    this.heading = el("p", { class: "stage", role: "status", "aria-live": "polite", tabindex: "-1", dataset: { testid: "stage" } });
    this.connection = el("p", { class: "connection", role: "status", hidden: true, dataset: { testid: "connection" } });
    this.refusal = el("div", { class: "refusal-above", hidden: true });
    this.waiting = new Waiting(startedAt);
    this.facts = el("p", { class: "job-facts", hidden: true, dataset: { testid: "job-facts" } });
    this.maker = el("p", { class: "maker", hidden: true, dataset: { testid: "maker" } });
    this.trouble = el("div", { class: "trouble" });
    this.pictures = new Pictures(this.desk);
    this.notice = el("div", { class: "notice" });
    this.cancel = el("div", { class: "cancel" });
    this.cancelCost = el("p", { class: "hint", hidden: true, dataset: { testid: "cancel-cost" } });
    this.foot = el("div", { class: "foot" });
    this.money = el("p", { class: "money", hidden: true, dataset: { testid: "money" } });
    this.warnings = el("ul", { class: "warnings", hidden: true, dataset: { testid: "warnings", i18nAttr: "aria-label:job.warnings" } });
    this.folds = el("div", { class: "folds" });
    this.root.replaceChildren(
      this.refusal,
      el("div", { class: "job-head" }, this.kindLabel, this.sample, this.heading, this.cancel),
      this.connection, this.waiting.root, this.cancelCost, el("div", { class: "job-line" }, this.facts, this.maker), this.trouble, this.pictures.root, this.notice, this.foot, this.money,
      this.warnings, this.folds,
    );
    translate(this.root);
  }

  /** @param {string} [kind]  empty where it is not known */
  #setKind(kind = "") {
    this.kind = kind;
    this.kindLabel.hidden = !kind;
    this.kindLabel.textContent = kind && nameOf("kind", kind);
  }

  /** Draws, and leaves the focus where it was, or at the heading when what had it is gone. @param {() => void} draw */
  #redraw(draw) {
    const had = this.root.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
    draw();
    if (!had || this.root.contains(document.activeElement)) return;
    const index = /** @type {HTMLElement|null} */ (had.closest("[data-index]"))?.dataset.index;
    const within = index === undefined ? this.root : this.root.querySelector(`[data-index="${index}"]`);
    const same = had.dataset.testid ? within?.querySelector(`[data-testid="${had.dataset.testid}"]`) : null;
    (same ?? this.heading).focus({ preventScroll: true });
  }

  /** @param {{key: string, values?: object}} message */
  #setHeading({ key, values }) {
    const words = t(key, values);
    // Writing the same words again would make screen readers repeat them.
    if (this.heading.textContent !== words) this.heading.textContent = words;
  }

  #drawProblem() {
    this.notice = el("div", { class: "notice" });
    this.root.replaceChildren(buildRefusal(this.problem, { rest: this.rest, desk: this.desk, isForeign: this.problemLanguage !== currentLanguage() }), this.notice);
  }

  /** The refusal of a request, above the job that goes on. */
  #drawRefused() {
    this.refusal.hidden = this.refused === null;
    if (this.refused === null) return;
    const { problem, rest, isFromHere } = this.refused;
    const close = () => {
      this.refused = null;
      this.#redraw(() => this.#drawRefused());
      this.refusal.replaceChildren();
      this.heading.focus({ preventScroll: true });
    };
    this.refusal.replaceChildren(buildRefusal(problem, { rest, desk: this.desk, close, canSend: !isFromHere, isForeign: this.problemLanguage !== currentLanguage() }));
  }

  /** A text that could not be copied by itself. @param {string|null} text */
  #offerByHand(text) {
    if (!this.notice) return;
    this.notice.replaceChildren();
    if (!text) return;
    const field = el("textarea", { class: "by-hand", readonly: true, rows: 3, "aria-label": t("copy.byHand"), dataset: { testid: "by-hand" } });
    field.value = text;
    this.notice.append(field);
    field.select();
  }

  #drawJob({ anew = false } = {}) {
    if (anew) this.drawn = {};
    const { job } = this;
    const ended = isTerminal(job);
    const missing = missingOf(job);
    const isPartial = job.status === "succeeded" && missing.length > 0;
    this.root.dataset.status = ended ? (isPartial ? "partial" : job.status) : "running";
    this.sample.hidden = job.sample !== true;
    this.#setHeading(this.#stage(ended, isPartial, missing));
    if (ended) {
      this.waiting?.stop();
      this.setConnection(true);
    } else this.waiting?.draw(job, this.options.translator === true);
    this.#drawFacts(ended);
    this.#drawMaker();
    this.#drawTrouble(ended, isPartial, missing);
    this.pictures.draw(job, { anew });
    this.#drawCancel(ended);
    this.#drawFoot(ended, isPartial, missing);
    this.#drawMoney(ended);
    this.#drawWarnings();
    this.#drawFolds(ended);
  }

  /** @param {boolean} ended @param {boolean} isPartial @param {Place[]} missing */
  #stage(ended, isPartial, missing) {
    const { job } = this;
    if (isPartial) return { key: "stage.partial", values: { count: placesOf(job).length, made: placesOf(job).length - missing.length } };
    if (job.status === "succeeded" && placesOf(job).length > 1) return { key: "stage.allReady", values: { count: placesOf(job).length } };
    if (ended) return { key: `stage.${job.status}` };
    return this.canceling ? { key: "stage.canceling" } : stageOf(job);
  }

  /** How long it took, and until when it is kept. @param {boolean} ended */
  #drawFacts(ended) {
    const { job } = this;
    const took = Date.parse(job.completed_at ?? "") - Date.parse(job.created_at ?? "");
    const parts = [
      took >= 0 ? t("progress.took", { time: formatDuration(took) }) : null,
      (job.outputs ?? []).length > 0 && job.expires_at ? t("job.keptUntil", { day: formatDate(job.expires_at) }) : null,
    ].filter(Boolean);
    this.facts.hidden = !ended || parts.length === 0;
    this.facts.textContent = ended ? parts.join(" · ") : "";
  }

  /** Which model makes or made it. Of several pictures the job names that of one, so a fallback is told of them all. */
  #drawMaker() {
    const { model, fallback, fallback_used: used, input } = this.job;
    const isOne = (input?.n ?? 1) === 1;
    const name = (id) => modelName(this.options, id);
    let words = model ? t("job.model", { model: name(model) }) : "";
    if (fallback) words = t(isOne ? "job.fallback" : "job.fallbackOfSeveral", { from: name(fallback.from), to: name(fallback.to) });
    else if (used && !isOne) words = t("job.fallbackOfSome");
    this.maker.textContent = words;
    this.maker.hidden = !words;
    this.maker.classList.toggle("switched", Boolean(fallback || (used && !isOne)));
  }

  /** Why there is no picture, or not every one. @param {boolean} ended @param {boolean} isPartial @param {Place[]} missing */
  #drawTrouble(ended, isPartial, missing) {
    const { job } = this;
    const { error } = job;
    const isNew = this.#isNew("trouble", ended && [job.status, error?.code, error?.detail, error?.charged, goesOn(job), missing.length, this.desk.presets().length]);
    if (!isNew) return;
    if (isPartial) this.trouble.replaceChildren(buildPartial(job, missing, { desk: this.desk, price: priceOfAgain(this.options, job, missing.length) }));
    else if (ended && error) this.trouble.replaceChildren(buildRefusal(error, { job, rest: error.errors ?? [], desk: this.desk }));
    else this.trouble.replaceChildren();
  }

  /** @param {boolean} ended @param {boolean} isPartial @param {Place[]} missing */
  #drawFoot(ended, isPartial, missing) {
    const { job } = this;
    if (!this.#isNew("foot", ended && [job.status, missing.length, (job.outputs ?? []).length, this.desk.presets().length])) return;
    this.foot.replaceChildren(...(ended ? buildFoot(job, { desk: this.desk, options: this.options, isPartial }) : []));
  }

  /** The way to cancel, and what it costs. @param {boolean} ended */
  #drawCancel(ended) {
    const cost = costOfCanceling(this.job);
    if (!this.#isNew("cancel", !ended && [this.canceling, cost])) return;
    this.cancel.replaceChildren(...(ended ? [] : [this.#cancelButton(this.job)]));
    this.cancelCost.hidden = ended;
    this.cancelCost.textContent = ended ? "" : t(cost.key, cost.values);
  }

  /** @param {KnownJob} job */
  #cancelButton(job) {
    const cancel = jobButton(t("job.cancel"), "quiet", async () => {
      if (this.canceling) return;
      this.canceling = true;
      this.#redraw(() => this.#drawJob());
      if (await this.actions.cancel(job.id)) return;
      this.canceling = false;
      if (!this.shows(job.id)) return;
      this.#redraw(() => this.#drawJob());
      say("job.cancelFailed", {}, { tone: "bad" });
    }, "cancel");
    // A disabled button would lose the focus.
    if (this.canceling) cancel.setAttribute("aria-disabled", "true");
    return cancel;
  }

  /** What it cost. While that is not the last word the job is read again. @param {boolean} ended */
  #drawMoney(ended) {
    const cost = ended ? costOf(this.job) : null;
    // A refusal says it itself.
    this.money.hidden = cost === null || this.job.status === "failed";
    this.money.textContent = cost === null ? "" : t(cost.key, cost.values);
    this.money.classList.toggle("open", cost?.isOpen === true);
    clearTimeout(this.settling);
    if (cost?.isOpen !== true || this.settlingLooks >= SETTLING_LOOKS) return;
    const { jobId } = this;
    const pause = SETTLING_MS[Math.min(this.settlingLooks, SETTLING_MS.length - 1)];
    this.settling = setTimeout(() => {
      this.settlingLooks += 1;
      if (this.shows(jobId)) this.actions.refresh(jobId);
    }, pause);
  }

  /** What is merely poor about the job, in the server's words; of which image, where there are several. */
  #drawWarnings() {
    /** @type {Record<string, boolean>} */
    const isSaid = { prediction_goes_on: this.money.classList.contains("open"), print_size_draft: this.root.querySelector(".print") !== null };
    const warnings = (this.job.warnings ?? []).filter(({ code, detail }) => detail && !isSaid[code]);
    this.warnings.hidden = warnings.length === 0;
    this.warnings.replaceChildren(
      ...warnings.map(({ detail, field }) => el("li", {}, field ? el("strong", { text: `${fieldName(field)}: ` }) : null, detail)),
    );
  }

  /** @param {boolean} ended */
  #drawFolds(ended) {
    const { job } = this;
    const hasPictures = ended && (job.outputs ?? []).length > 0;
    if (!this.#isNew("folds", hasPictures && [job.outputs?.length, this.desk.presets().length])) return;
    const folds = hasPictures ? [buildCaption(job, this.desk.presets(), this.desk.say), buildAbout(job, this.options)] : [];
    this.folds.replaceChildren(...folds.filter(Boolean));
  }

  /** Whether a part has to be drawn again: what it says has changed. @param {string} part @param {unknown} says */
  #isNew(part, says) {
    const text = JSON.stringify(says);
    if (this.drawn[part] === text) return false;
    this.drawn[part] = text;
    return true;
  }

  /** @param {number} index */
  #openViewer(index) {
    this.viewer.open(index, (last) => {
      /** @type {HTMLElement|null} */ (this.root.querySelector(`[data-index="${last}"] [data-testid="open-viewer"]`))?.focus({ preventScroll: true });
    });
  }
}
