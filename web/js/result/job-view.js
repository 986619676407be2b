/** The result panel: nothing yet, a request on its way, a refusal, or one job from its first stage to its pictures. */

import { fetchImage } from "../api/api.js";
import { el, icon } from "../page/dom.js";
import { reckoned } from "../api/expectation.js";
import { formatBytes, formatDuration, hasWords, nameOf, t, translate } from "../words/words.js";
import { STAGES, isTerminal } from "../api/jobs.js";
import { modelName } from "../form/models.js";

const IMAGE_RETRIES = 3;

/**
 * Draws into `root`. `actions`: `cancel(id)`, `remove(id)`, `retry()`, `reuse(job)`, `useSeed(kind, seed)`,
 * `refresh(id)` (reads the job again for fresh links), `close()`.
 */
export class JobView {
  constructor(root, actions) {
    this.root = root;
    this.actions = actions;
    this.options = {};
    this.clock = null;
    this.showEmpty();
  }

  /** Takes the models' names from the server. */
  setOptions(options) {
    this.options = options;
    if (this.mode === "job") this.#drawMaker();
  }

  /** The welcome, before there is anything to show. */
  showEmpty() {
    this.#start("empty");
    this.root.replaceChildren(
      el("div", { class: "empty" },
        el("div", { class: "empty-art", "aria-hidden": "true" },
          el("img", { src: "samples/character-haneul.jpg", alt: "", width: 96, height: 120 }),
          el("img", { src: "samples/product-can.jpg", alt: "", width: 96, height: 120 }),
          el("span", { class: "empty-result" }, icon("spark"))),
        el("h3", { i18n: "panel.emptyTitle" }),
        el("p", { i18n: "panel.empty" })),
    );
    translate(this.root);
  }

  /** A request on its way to the server. */
  showSending(request) {
    this.#start("sending");
    this.request = request;
    this.#frame({ kind: request.kind, startedAt: Date.now() });
    this.#setStage(t("stage.sending"));
    this.#setProgress(0, true);
    this.stepper.hidden = true;
  }

  /** A request the server refused, or that never reached it. `rest` are field errors without a field in the form. */
  showProblem(problem, { rest = [] } = {}) {
    this.#start("problem");
    this.problem = problem;
    this.rest = rest;
    this.root.replaceChildren(this.#errorBox(problem, rest));
  }

  /** A job; call again with every newer version. `canRetry` says whether its images are still at hand. */
  showJob(job, { kind, startedAt, canRetry }) {
    if (this.mode !== "job" || this.jobId !== job.id) {
      this.#start("job");
      this.jobId = job.id;
      this.#frame({ kind, startedAt });
      this.canceling = false;
      this.progress = 0;
    }
    if (this.job !== job) this.toldAt = performance.now();
    this.job = job;
    this.kind = kind;
    this.canRetry = canRetry;
    this.#drawJob();
  }

  /** A job the server no longer has. */
  showGone(entry) {
    this.#start("gone");
    this.entry = entry;
    this.#frame({ kind: entry.kind, startedAt: entry.startedAt });
    this.stepper.hidden = this.bar.hidden = this.times.hidden = true;
    this.#setStage(t("stage.gone"));
    this.foot.replaceChildren(this.#button("job.delete", "quiet", () => this.actions.remove(entry.id)));
  }

  /** Says that the line dropped, or takes that back. */
  setConnection(ok, key = "connection.lost") {
    if (!this.connection) return;
    this.connection.hidden = ok;
    this.connection.textContent = ok ? "" : t(key);
    this.connectionKey = ok ? null : key;
  }

  /** Says something short under the pictures, for example that a seed was set. */
  say(words) {
    if (this.notice) this.notice.textContent = words;
  }

  /** Whether this job is the one on show. */
  shows(id) {
    return (this.mode === "job" && this.jobId === id) || (this.mode === "gone" && this.entry.id === id);
  }

  /** Writes every word again in the language that is on. */
  retranslate() {
    translate(this.root);
    if (this.mode === "problem") this.showProblem(this.problem, { rest: this.rest });
    if (this.mode === "sending") this.#setStage(t("stage.sending"));
    if (this.mode === "gone") this.showGone(this.entry);
    if (this.mode === "job") {
      this.kindLabel.textContent = nameOf("kind", this.kind);
      this.drawnOutputs = null;
      this.#drawJob();
    }
    if (this.connectionKey) this.setConnection(false, this.connectionKey);
  }

  #start(mode) {
    clearInterval(this.clock);
    this.mode = mode;
    this.drawnOutputs = null;
    this.connection = this.notice = this.connectionKey = null;
    this.root.dataset.mode = mode;
  }

  #frame({ kind, startedAt }) {
    this.startedAt = startedAt;
    this.kindLabel = el("span", { class: "kind", text: nameOf("kind", kind) });
    this.sample = el("span", { class: "kind sample", i18n: "job.sample", hidden: true, dataset: { testid: "sample" } });
    this.stageWords = el("p", { class: "stage", role: "status", "aria-live": "polite", dataset: { testid: "stage" } });
    this.connection = el("p", { class: "connection", role: "status", hidden: true, dataset: { testid: "connection" } });
    this.stepper = el("ol", { class: "stepper", dataset: { i18nAttr: "aria-label:step.list" } },
      ...STAGES.map((stage) => el("li", { dataset: { stage } }, el("span", { class: "dot", "aria-hidden": "true" }), el("span", { i18n: `step.${stage}` }))));
    this.fill = el("span", { class: "fill" });
    this.bar = el("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, dataset: { testid: "progress", i18nAttr: "aria-label:progress.label" } }, this.fill);
    this.elapsed = el("span", { class: "elapsed", dataset: { testid: "elapsed" } });
    this.eta = el("span", { class: "eta" });
    this.times = el("p", { class: "times" }, this.elapsed, this.eta);
    this.maker = el("p", { class: "maker", hidden: true, dataset: { testid: "maker" } });
    this.warnings = el("ul", { class: "warnings", hidden: true, dataset: { testid: "warnings", i18nAttr: "aria-label:job.warnings" } });
    this.body = el("div", { class: "job-body" });
    this.notice = el("p", { class: "notice", role: "status" });
    this.foot = el("div", { class: "foot" });
    this.root.replaceChildren(
      el("div", { class: "job-head" }, this.kindLabel, this.sample, this.stageWords),
      this.connection, this.stepper, this.bar, this.times, this.maker, this.warnings, this.body, this.notice, this.foot,
    );
    translate(this.root);
    this.#tick();
    this.clock = setInterval(() => this.#tick(), 1000);
  }

  #tick() {
    this.elapsed.textContent = t("progress.elapsed", { time: formatDuration(Date.now() - this.startedAt) });
    if (this.mode !== "job" || !this.job || this.job.id !== this.jobId) return;
    const { progress, etaSeconds, overdue } = reckoned(this.job, (performance.now() - this.toldAt) / 1000);
    // What was reckoned may have been more than the server's next word.
    this.progress = Math.max(this.progress, progress);
    this.#setProgress(this.progress);
    if (overdue) this.eta.textContent = t("progress.overdue");
    else this.eta.textContent = etaSeconds === null ? "" : t("progress.eta", { time: formatDuration(etaSeconds * 1000) });
  }

  #setStage(words) {
    // Writing the same words again would make screen readers repeat them.
    if (this.stageWords.textContent !== words) this.stageWords.textContent = words;
  }

  #setProgress(percent, busy = false) {
    const value = Math.max(0, Math.min(100, Math.round(percent)));
    this.fill.style.width = `${busy ? 100 : Math.max(value, 3)}%`;
    this.bar.classList.toggle("busy", busy);
    if (busy) this.bar.removeAttribute("aria-valuenow");
    else this.bar.setAttribute("aria-valuenow", value);
  }

  #drawJob() {
    const { job } = this;
    const ended = isTerminal(job);
    this.root.dataset.status = ended ? job.status : "running";
    this.sample.hidden = job.sample !== true;
    this.#setStage(this.#stageWordsFor(job));
    this.stepper.hidden = ended;
    this.bar.hidden = ended;
    if (ended) {
      clearInterval(this.clock);
      const took = Date.parse(job.completed_at) - Date.parse(job.created_at);
      this.elapsed.textContent = took >= 0 ? t("progress.took", { time: formatDuration(took) }) : "";
      this.eta.textContent = "";
      this.setConnection(true);
    } else {
      const at = STAGES.indexOf(job.stage);
      if (at >= 0) this.stageIndex = at;
      for (const [index, step] of [...this.stepper.children].entries()) {
        step.classList.toggle("done", index < this.stageIndex);
        step.classList.toggle("now", index === this.stageIndex);
        if (index === this.stageIndex) step.setAttribute("aria-current", "step");
        else step.removeAttribute("aria-current");
      }
      this.#tick();
    }
    this.#drawMaker();
    this.#drawWarnings();
    this.#drawBody(ended);
    this.#drawFoot(ended);
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

  /** What is merely poor about the job, in the server's words; of which image, where there are several. */
  #drawWarnings() {
    const warnings = (this.job.warnings ?? []).filter(({ detail }) => detail);
    this.warnings.hidden = warnings.length === 0;
    this.warnings.replaceChildren(
      ...warnings.map(({ detail, field }) => el("li", {}, field ? el("strong", { text: `${fieldName(field)}: ` }) : null, detail)),
    );
  }

  #stageWordsFor(job) {
    if (isTerminal(job)) return t(`stage.${job.status}`);
    if (this.canceling) return t("stage.canceling");
    if (job.stage === "waiting" && job.queue_position > 0) return t("stage.waitingAt", { position: job.queue_position });
    if (STAGES.includes(job.stage)) return t(`stage.${job.stage}`);
    return t(job.status === "queued" ? "stage.queued" : "stage.running");
  }

  #drawBody(ended) {
    const { job } = this;
    const outputs = job.outputs ?? [];
    const drawing = `${ended}:${job.status}:${outputs.length}:${job.error?.title ?? ""}`;
    if (this.drawnOutputs === drawing) return;
    this.drawnOutputs = drawing;
    const parts = [];
    if (!ended) parts.push(this.#placeholder(job));
    if (job.error && ended) parts.push(this.#errorBox(job.error, job.error.errors ?? []));
    if (outputs.length > 0) parts.push(el("div", { class: `outputs outputs-${Math.min(outputs.length, 4)}` }, ...outputs.map((output) => this.#output(output))));
    if (ended && job.input?.prompt_sent && job.input.prompt_sent !== job.input.prompt) {
      parts.push(el("details", { class: "sent" }, el("summary", { text: t("job.sentPrompt") }), el("p", { text: job.input.prompt_sent })));
    }
    this.body.replaceChildren(...parts);
  }

  #placeholder(job) {
    const shape = el("div", { class: "placeholder", "aria-hidden": "true" }, icon("image"));
    const ratio = /^(\d+):(\d+)$/.exec(job.input?.aspect_ratio ?? "");
    if (ratio) shape.style.aspectRatio = `${ratio[1]} / ${ratio[2]}`;
    return shape;
  }

  #drawFoot(ended) {
    const { job } = this;
    const state = ended ? `ended:${job.status}` : `running:${this.canceling}`;
    if (this.foot.dataset.state === state && this.foot.dataset.words === t("job.cancel")) return;
    this.foot.dataset.state = state;
    this.foot.dataset.words = t("job.cancel");
    if (!ended) {
      const cancel = this.#button("job.cancel", "quiet", async () => {
        this.canceling = true;
        this.#drawJob();
        if (await this.actions.cancel(job.id)) return;
        this.canceling = false;
        if (!this.shows(job.id)) return;
        this.#drawJob();
        this.say(t("job.cancelFailed"));
      });
      cancel.dataset.testid = "cancel";
      cancel.disabled = this.canceling;
      this.foot.replaceChildren(cancel);
      return;
    }
    const remove = this.#button("job.delete", "quiet danger", () => {
      if (remove.dataset.sure) return this.actions.remove(job.id);
      remove.dataset.sure = "yes";
      remove.textContent = t("job.deleteConfirm");
      return undefined;
    });
    remove.dataset.testid = "delete";
    this.foot.replaceChildren(this.#button("job.reuse", "quiet", () => this.actions.reuse(job, this.kind)), remove);
  }

  #output(output) {
    const { job } = this;
    const extension = output.content_type === "image/jpeg" ? "jpg" : "png";
    const fileName = `toonconnect-${job.sample ? "SAMPLE-" : ""}${this.kind}-${job.id.slice(-8)}-${output.index + 1}.${extension}`;
    const image = el("img", {
      class: "result-image", width: output.width, height: output.height, dataset: { testid: "result-image" },
      alt: t("job.alt", { index: output.index + 1, prompt: job.input?.prompt ?? "" }),
    });
    let failures = 0;
    image.addEventListener("error", async () => {
      failures += 1;
      if (failures > IMAGE_RETRIES) {
        this.say(t("job.imageBroken"));
        return;
      }
      // Links end after a while; each read of the job signs new ones.
      const fresh = await this.actions.refresh(job.id);
      const renewed = fresh?.outputs?.find((candidate) => candidate.index === output.index);
      if (renewed) {
        Object.assign(output, renewed);
        download.href = output.url;
        image.src = output.url;
      }
    });
    image.src = output.url;
    const downloadWords = el("span", { text: t("job.download") });
    const download = el("a", { class: "button primary", href: output.url, download: fileName, target: "_blank", rel: "noopener", dataset: { testid: "download" }, on: { click: (event) => this.#download(event, output, fileName, downloadWords) } }, icon("download"), downloadWords);
    const facts = [`${output.width}×${output.height}`, extension.toUpperCase(), formatBytes(output.bytes ?? 0)].join(" · ");
    const hasSeed = output.seed !== null && output.seed !== undefined;
    return el("figure", { class: "output" },
      image,
      el("figcaption", {},
        el("p", { class: "facts", dataset: { testid: "facts" } }, facts, hasSeed ? el("span", { class: "seed", text: t("job.seed", { seed: output.seed }) }) : null),
        el("div", { class: "output-actions" },
          download,
          hasSeed
            ? this.#button("job.useSeed", "quiet", () => {
                this.actions.useSeed(this.kind, output.seed);
                this.say(t("job.seedUsed", { seed: output.seed }));
              }, "use-seed")
            : null)));
  }

  async #download(event, output, fileName, words) {
    event.preventDefault();
    words.textContent = t("job.downloading");
    try {
      const url = URL.createObjectURL(await fetchImage(this.job, output));
      el("a", { href: url, download: fileName }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch {
      el("a", { href: output.url, target: "_blank", rel: "noopener" }).click();
      this.say(t("job.downloadFallback"));
    } finally {
      words.textContent = t("job.download");
    }
  }

  #errorBox(problem, rest) {
    const fact = (key, value, testid) =>
      value ? el("div", {}, el("dt", { text: t(key) }), el("dd", {}, el("code", { text: value, dataset: { testid } }))) : null;
    const charged = { true: "yes", false: "no" }[problem.charged] ?? problem.charged;
    const advice = `advice.${problem.code}`;
    const canRetry = problem.retryable && (this.mode === "problem" || this.canRetry);
    const aboutField = ({ field, message }) => [el("strong", { text: `${fieldName(field)}: ` }), message];
    // Of one picture the server says the same twice: as the whole, and of its field.
    const whole = rest.find((error) => error.message === problem.detail);
    const others = rest.filter((error) => error !== whole);
    return el("div", { class: "error", role: "alert", dataset: { testid: "error" } },
      el("div", { class: "error-head" }, icon("alert"), el("h3", { text: problem.title ?? t("error.http.title") })),
      problem.detail ? el("p", { class: "error-detail" }, ...(whole ? aboutField(whole) : [problem.detail])) : null,
      hasWords(advice) ? el("p", { class: "error-advice", text: t(advice) }) : null,
      others.length > 0 ? el("ul", {}, ...others.map((error) => el("li", {}, ...aboutField(error)))) : null,
      hasWords(`error.charged.${charged}`) ? el("p", { class: "charged", text: t(`error.charged.${charged}`), dataset: { testid: "charged" } }) : null,
      canRetry ? this.#button("error.retry", "primary", () => this.actions.retry(this.mode === "job" ? this.job.id : null), "retry") : null,
      el("dl", { class: "error-facts" }, fact("error.code", problem.code, "error-code"), fact("error.jobId", this.mode === "job" ? this.job.id : null, "job-id"), fact("error.requestId", problem.request_id, "request-id")));
  }

  #button(key, look, action, testid) {
    const button = el("button", { type: "button", class: `button ${look}`, text: t(key), on: { click: action } });
    if (testid) button.dataset.testid = testid;
    return button;
  }
}

/** A field of the request as the form calls it. */
function fieldName(field) {
  const key = ["image", "option"].map((group) => `${group}.${field}`).find(hasWords) ?? `${field}.label`;
  return hasWords(key) ? t(key) : field;
}
