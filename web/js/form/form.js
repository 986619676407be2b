// @ts-check
/** One kind's form: its images, goods, prompt and choices; what they say together; errors beside their field. */

import { el, icon } from "../page/dom.js";
import { isStudioThere, studio, tryStudio, withStudio } from "../page/stages.js";
import { currentLanguage, formatLimit, hasWords, t, translate } from "../words/words.js";
import { wordsOf } from "../words/messages.js";
import { ImageField } from "../images/image-field.js";
import { fetchPicture, picturesIn } from "../images/arriving.js";
import { MIN_SIDE_PX, labelsOf } from "../images/file-types.js";
import { Choices } from "./choices.js";
import { SAMPLES, samplePicture } from "./ideas.js";
import { chosenModel, defaultModel, kindsOf, modelsOf } from "./models.js";
import { BASIC_OPTIONS } from "./options.js";
import { PromptField } from "./prompt.js";

/** The kinds whose prompt may be left to a preset, and that can be made as a sheet. */
const WITH_PRESETS = new Set(["goods"]);
/** Refused with these, a picture of a job is there no more: what is poor about one has codes of its own. */
const LOST = new Set(["validation_failed", "result_expired"]);
const IMAGE_ICONS = { input_image_1: "person", input_image_2: "bottle", input_image: "person" };

/**
 * @typedef {import("../words/messages.js").Message} Message
 * @typedef {{control: HTMLElement, box: HTMLElement, error: HTMLElement}} Field  where something is entered, and where its error stands
 * @typedef {{field: string, message: string}} ServerError
 * @typedef {object} Entered  all that stands in a form
 * @property {Map<string, import("../images/image-field.js").Kept|null>} images
 * @property {{text: string, english: string|null}} prompt
 * @property {{preset: string, isSheet: boolean, chosen: string[]}} [goods]
 * @property {ReturnType<Choices["kept"]>} choices
 */

/**
 * A kind's form. `onSubmit(request)` gets `{kind, path, form, prompt, images}` once everything is filled in; `images` has by field
 * what shows it: a file, or `{jobId, index}`.
 */
export class GeneratorForm {
  /** @type {PromptField} */
  prompt;
  /** @type {Choices} */
  choices;
  /** @type {import("./shelf-row.js").ShelfRow|undefined} */
  shelfRow;
  /** @type {import("./goods.js").GoodsField|undefined} only where there are goods to choose; it comes with the second stage */
  goods;
  /** @type {HTMLElement[]} */
  sampleButtons;

  /**
   * @param {import("./models.js").Generator} generator
   * @param {{onSubmit: (request: import("../sending/sending.js").Intent) => void}} how
   */
  constructor({ kind, path, images }, { onSubmit }) {
    this.kind = kind;
    this.path = path;
    this.imageNames = images;
    this.samples = SAMPLES[kind] ?? [];
    this.options = BASIC_OPTIONS;
    /** @type {Map<string, ImageField>} */
    this.images = new Map();
    /** @type {Map<string, Field>} */
    this.fields = new Map();
    /** @type {Map<string, Message>} what stands beside each field; the words come when it is shown */
    this.errors = new Map();
    /** @type {{message: Message, undo: (() => void)|null}|null} */
    this.note = null;
    /** @type {string|undefined} that of the goods that were chosen last */
    this.lastRatio = undefined;
    this.sampleTurn = 0;
    /** @type {Promise<unknown>} */
    this.sampleReady = Promise.resolve();
    /** The last one that was asked for. */
    this.sampleAsked = 0;
    this.isBusy = false;
    /** Until what was kept has been read, nothing is kept over it. */
    this.isRestoring = true;
    /** @type {import("../api/api.js").Limit[]} */
    this.limits = [];
    this.onSubmit = onSubmit;
    this.root = this.#build();
    this.setOptions(BASIC_OPTIONS);
    withStudio(({ ChoicesDialog, GoodsField, ShelfRow }) => {
      const dialog = new ChoicesDialog(this.choices, (name, control, box) => this.#errorFor(name, control, box));
      this.root.append(dialog.root);
      this.choices.useDialog(dialog);
      if (WITH_PRESETS.has(this.kind)) this.#addGoods(GoodsField);
      this.shelfRow = new ShelfRow({ onTake: (file) => this.images.get(this.imageNames[0])?.take(file) });
      this.images.get(this.imageNames[0])?.root.append(this.shelfRow.root);
      this.restoreDraft();
    });
  }

  /** Takes limits, presets and models from the server; what was already entered stays. @param {import("./models.js").Told} options */
  setOptions(options) {
    this.options = { ...BASIC_OPTIONS, ...options };
    this.path = kindsOf(this.options).find((entry) => entry.kind === this.kind)?.path ?? this.path;
    this.prompt.max = this.options.prompt.max_length;
    this.prompt.hasTranslator = this.options.translator === true;
    this.choices.offer(this.options);
    this.#offerGoods();
    this.retranslate();
  }

  /** Takes what GET /api/usage tells of this person's limits. @param {import("../api/api.js").Limit[]} limits */
  setUsage(limits) {
    this.limits = limits;
    this.#drawStanding();
  }

  /** Writes every word again in the language that is on. */
  retranslate() {
    translate(this.root);
    this.goods?.draw();
    this.choices.draw();
    this.prompt.draw();
    this.shelfRow?.draw();
    this.#drawSamples();
    for (const field of this.images.values()) field.refresh();
    const { types, maxBytes } = this.#imageLimits();
    this.formats.textContent = t("image.formats", { types: labelsOf(types).join(" · "), max: formatLimit(maxBytes) });
    for (const name of this.errors.keys()) this.#drawError(name);
    this.#drawNote();
    this.#drawSubmit();
    this.#drawStanding();
  }

  /** @returns {boolean} whether something was entered that leaving the page would lose. */
  hasEntries() {
    return this.prompt.text !== "" || [...this.images.values()].some((field) => !field.isEmpty);
  }

  /** Shows whether a request is on its way; a second one cannot be sent meanwhile. */
  setBusy(busy) {
    this.isBusy = busy;
    // Not disabled: it would lose the focus.
    this.submitButton.setAttribute("aria-disabled", String(busy));
    this.#drawSubmit();
  }

  /**
   * Puts each error beside its field and moves to the first.
   * @param {ServerError[]} errors  as the server wrote them @param {string} [code]  of the refusal that they are of
   * @returns {ServerError[]} those that belong to no field here.
   */
  showErrors(errors, code = "") {
    const rest = errors.filter(({ field }) => this.fields.get(field)?.box.hidden ?? true);
    this.#showMessages(errors.filter((error) => !rest.includes(error)).map(({ field, message }) => ({ field, message: this.#lost(field, code) ?? asWritten(message, code) })));
    return rest;
  }

  /** Lets go of a picture of a job that the server has no longer, and says so. @param {string} field @param {string} code @returns {Message|null} null of all else. */
  #lost(field, code) {
    const image = this.images.get(field);
    return image?.reference && LOST.has(code) ? image.lose() : null;
  }

  /** Puts the server's errors in other words, where they still stand. @param {ServerError[]} before @param {ServerError[]} after */
  rewordErrors(before, after) {
    for (const { field, message } of after) {
      const shown = this.errors.get(field)?.text;
      if (shown !== undefined && before.some((error) => error.field === field && error.message === shown)) this.#setError(field, asWritten(message));
    }
  }

  clearErrors() {
    for (const name of this.fields.keys()) this.#clearError(name);
  }

  /** Fixes the seed. @param {number} seed */
  useSeed(seed) {
    this.choices.useSeed(seed);
  }

  /** Chooses one of the goods; a kind without goods has nothing to choose. @param {string} id */
  usePreset(id) {
    this.goods?.use(id);
  }

  /**
   * Takes a picture of a job as one of this form's, by its name or, for null, as the character.
   * @param {string|null} name
   * @param {{jobId: string, index: number, url: string, thumbnailUrl?: string}} picture
   */
  usePicture(name, picture) {
    this.images.get(name ?? this.imageNames[0])?.takePictureOf(picture);
  }

  /**
   * Fills the form from a job's input; images cannot be brought back.
   * @param {Partial<import("../../vendor/toonconnect.js").Input>} input
   * @param {{prompt: string, english: string|null}} written  its words, and the English that was made of them
   */
  useInput(input, written) {
    const { preset = "", presets, seed, model, label, safety_tolerance: safety } = input;
    /** @type {Record<string, string>} */
    const values = {};
    for (const name of /** @type {const} */ (["aspect_ratio", "output_format", "n"])) if (input[name] != null) values[name] = String(input[name]);
    this.goods?.restore({ preset: preset ?? "", isSheet: Boolean(presets), chosen: presets ?? [] });
    this.choices.restore({
      values, model: model ?? "", isLabelled: label === "visible", seedMode: seed == null ? "random" : "fixed", seed: seed == null ? "" : String(seed),
      safety: String(safety ?? this.options.safety_tolerance.default),
    });
    this.prompt.write(written.prompt, written.english ?? undefined, input.prompt_translated == null);
    this.#say(null);
  }

  /** Moves to a field, wherever it is. @param {string} name as the server calls it */
  focusField(name) {
    const field = this.fields.get(name);
    if (!field) return;
    if (this.choices.dialog?.root.contains(field.control)) this.choices.dialog.open();
    field.control.focus({ preventScroll: true });
    field.box.scrollIntoView({ block: "center" });
    // What it lies in may be higher than the screen.
    field.control.scrollIntoView({ block: "nearest" });
  }

  /** The first field without a picture; undefined where all have one. */
  get #firstEmpty() {
    return [...this.images.values()].find((field) => field.isEmpty);
  }

  /** Shows where a picture would come that is being dragged over the page. */
  expectPicture(isDragging, target = null) {
    const next = isDragging ? (this.#fieldAt(target) ?? this.#firstEmpty) : null;
    for (const field of this.images.values()) field.expect(field === next);
  }

  /**
   * Takes what was dropped on the page, or pasted: into the field it was dropped on, else into the first that has no picture.
   * @param {DataTransfer} transfer @param {Element|null} target
   * @returns {boolean} whether there was anything to take.
   */
  takeTransfer(transfer, target) {
    const { files, address } = picturesIn(transfer);
    if (files.length === 0 && address === null) return false;
    this.#takeArrived(files, address, this.#fieldAt(target));
    return true;
  }

  /** @param {File[]} files @param {string|null} address @param {ImageField} [at] */
  async #takeArrived(files, address, at) {
    const first = at ?? this.#firstEmpty;
    if (!first) {
      this.#say({ key: "arriving.full" });
      return;
    }
    if (address !== null) {
      this.#say({ key: "arriving.fetching" });
      try {
        files = [await fetchPicture(address)];
      } catch {
        this.#say({ key: "arriving.refused" });
        return;
      }
    }
    const places = [first, ...[...this.images.values()].filter((field) => field !== first && field.isEmpty)];
    const taken = files.slice(0, places.length);
    for (const [index, file] of taken.entries()) places[index].take(file);
    this.#say(files.length > taken.length ? { key: "arriving.some", values: { n: taken.length } } : { key: "arriving.taken" });
  }

  /** @param {Element|null} target */
  #fieldAt(target) {
    return this.images.get(/** @type {HTMLElement|null|undefined} */ (target?.closest?.(".drop"))?.dataset.field ?? "");
  }

  // ── Ideas, and how to take them back ──

  /** @returns {Entered} */
  #snapshot() {
    const images = new Map([...this.images].map(([name, field]) => [name, field.kept()]));
    return { images, prompt: this.prompt.kept(), goods: this.goods?.kept(), choices: this.choices.kept() };
  }

  /** @param {Entered} entered @returns {Promise<unknown>} */
  #restore({ images, prompt, goods, choices }) {
    if (goods) this.goods?.restore(goods);
    this.choices.restore(choices);
    this.prompt.write(prompt.text, prompt.english);
    return Promise.all([...images].map(([name, kept]) => this.images.get(name)?.restore(kept)));
  }

  /** Does what overwrites something, and offers the way back where a person's own work was there. @param {() => void} change @param {string} key @param {boolean} isOwn */
  #replace(change, key, isOwn) {
    const before = this.#snapshot();
    change();
    if (!isOwn) {
      this.#say({ key });
      return;
    }
    this.#say({ key }, () => {
      this.#restore(before);
      this.#say({ key: "form.undone" });
      this.prompt.control.focus();
    });
  }

  /** @param {number} turn */
  async #useSample(turn) {
    const sample = this.samples[turn];
    const asked = (this.sampleAsked += 1);
    const words = this.#words;
    const turns = new Map([...this.images].map(([name, field]) => [name, field.turn]));
    const preset = this.goods?.preset ?? "";
    this.sampleTurn = (turn + 1) % this.samples.length;
    this.#say({ key: "sample.loading" });
    try {
      const names = Object.entries(sample.images);
      const files = await Promise.all(names.map(async ([name, file]) => ({ name, file: await samplePicture(file) })));
      // With it comes the English of its words.
      if (!(await tryStudio())) throw new Error("no studio");
      if (this.sampleAsked !== asked) return;
      // What was entered meanwhile stays, and the rest is the sample's.
      const free = files.filter(({ name }) => this.images.get(name)?.turn === turns.get(name));
      const isSpoken = this.#words !== words;
      if (free.length === 0 && isSpoken) return this.#say(null);
      this.clearErrors();
      const isOwn = this.#isOwn;
      /** @type {unknown[]} */
      let taken = [];
      this.#replace(() => {
        taken = free.map(({ name, file }) => this.images.get(name)?.take(file, { isSample: true }));
        if (sample.preset && this.goods?.preset === preset && this.options.presets?.some(({ id }) => id === sample.preset) && !this.goods.isSheet) this.goods.use(sample.preset);
        if (!isSpoken) this.prompt.write(t(`sample.${this.kind}.${turn}`));
      }, "sample.used", isOwn);
      await Promise.all(taken);
    } catch {
      if (this.sampleAsked === asked) this.#say({ key: "form.failed" });
    }
  }

  /** Tells words from others. */
  get #words() {
    return `${this.prompt.text}\n${this.prompt.english}`;
  }

  /** Whether there is something that no press of a button brings back. */
  get #isOwn() {
    return this.prompt.isWritten || [...this.images.values()].some((field) => !field.isEmpty && !field.isSample);
  }

  // ── Sending ──

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    this.choices.close();
    if (this.isBusy) return;
    this.setBusy(true);
    // What is whole is sent as it is seen.
    if (this.#isOwn && this.#check().length === 0) this.sampleAsked += 1;
    else await this.sampleReady;
    const isReady = await this.#untilRead();
    this.setBusy(false);
    if (!isReady) return;
    const errors = this.#check();
    if (errors.length > 0) {
      this.#showMessages(errors);
      return;
    }
    this.clearErrors();
    this.#say(null);
    const { prompt, isEnglish } = this.prompt.sent;
    const form = new FormData();
    if (prompt) form.append("prompt", prompt);
    // English is not to be translated, whatever brand it names in Korean.
    if (prompt && isEnglish) form.append("language", "en");
    const sheet = this.goods?.isSheet ? this.goods.sheet : null;
    if (sheet) form.append("presets", sheet.join(","));
    else if (this.goods?.preset) form.append("preset", this.goods.preset);
    /** @type {Record<string, File|import("../images/image-field.js").Reference>} */
    const images = {};
    for (const [name, { sent, reference }] of this.images) {
      if (sent instanceof File) form.append(name, sent, sent.name);
      else if (sent !== null) form.append(name, sent);
      const shows = reference ?? sent;
      if (shows instanceof Object) images[name] = shows;
    }
    for (const [name, value] of this.choices.fields()) form.append(name, value);
    this.#putOnShelf();
    const path = sheet ? this.path.replace(/generate$/, "sheet") : this.path;
    this.onSubmit({ kind: this.kind, path, form, prompt: this.prompt.text.trim() || this.#nameOfGoods(sheet), images });
  }

  /** Until the images are read, by what may be still to come. @returns {Promise<boolean>} false where that is broken. */
  async #untilRead() {
    const fields = [...this.images.values()];
    if (!isStudioThere()) {
      // What is missing is told at once.
      if (fields.some((field) => field.isEmpty)) return true;
      this.#say({ key: "form.coming" });
      const isThere = await tryStudio();
      this.#say(isThere ? null : { key: "form.failed" });
      if (!isThere) return false;
    }
    await Promise.all(fields.map((field) => field.ready));
    return true;
  }

  /** @param {string[]|null} sheet @returns {string} */
  #nameOfGoods(sheet) {
    return sheet ? sheet.map((id) => this.goods?.nameOf(id)).join(" · ") : this.goods?.nameOf(this.goods.preset);
  }

  /** A character that is used is likely to be used again; a sample is always there. */
  #putOnShelf() {
    const character = this.images.get(this.imageNames[0]);
    // Where it cannot be read any more it is not kept either.
    const { prepared, isSample = true } = character ?? {};
    if (prepared && !isSample) withStudio(({ shelf }) => shelf.keep(prepared.file).catch(() => {}));
  }

  #check() {
    /** @type {{field: string, message: Message}[]} */
    const errors = [];
    for (const [name, field] of this.images) {
      if (field.problem) errors.push({ field: name, message: field.problem });
      else if (field.isEmpty || (isStudioThere() && !field.sent)) errors.push({ field: name, message: { key: "image.required" } });
    }
    if (this.goods?.pictures === 0) errors.push({ field: "presets", message: { key: "preset.required" } });
    const wrong = this.prompt.wrong(WITH_PRESETS.has(this.kind) ? "prompt.requiredGoods" : "prompt.required");
    if (wrong) errors.push(wrong);
    const { wrongSeed } = this.choices;
    if (wrongSeed) errors.push({ field: "seed", message: wrongSeed });
    return errors;
  }

  // ── Errors and notes ──

  /** @param {{field: string, message: Message}[]} errors */
  #showMessages(errors) {
    this.clearErrors();
    for (const { field, message } of errors) this.#setError(field, message);
    if (errors.length > 0) this.focusField(errors[0].field);
  }

  /** @param {string} name of a field that there is */
  #field(name) {
    return /** @type {Field} */ (this.fields.get(name));
  }

  /** @param {string} name @param {Message} message */
  #setError(name, message) {
    const { control, box } = this.#field(name);
    this.errors.set(name, message);
    control.setAttribute("aria-invalid", "true");
    box.classList.add("invalid");
    this.#drawError(name);
  }

  #clearError(name) {
    // What the choices' dialogue has to say comes with it.
    if (!this.fields.has(name)) return;
    const { control, box } = this.#field(name);
    this.errors.delete(name);
    control.removeAttribute("aria-invalid");
    box.classList.remove("invalid");
    this.#drawError(name);
  }

  #drawError(name) {
    const { error } = this.#field(name);
    const words = wordsOf(this.errors.get(name) ?? null);
    error.hidden = words === "";
    if (error.textContent !== words) error.textContent = words;
  }

  /** Says something about the form as a whole; `undo` takes back what was done. @param {Message|null} message @param {(() => void)|null} [undo] */
  #say(message, undo = null) {
    this.note = message && { message, undo };
    this.#drawNote();
  }

  #drawNote() {
    const words = wordsOf(this.note?.message ?? null);
    if (this.noteWords.textContent !== words) this.noteWords.textContent = words;
    this.undoButton.hidden = !this.note?.undo;
    this.noteBox.classList.toggle("on", this.note !== null);
  }

  #drawSubmit() {
    const pictures = this.goods?.pictures ?? 0;
    this.submitLabel.textContent = this.isBusy ? t("form.sending") : pictures > 0 ? t("form.submitSheet", { n: pictures }) : t("form.submit");
  }

  #drawStanding() {
    const message = this.#standing();
    this.standing.hidden = message === null;
    this.standing.textContent = wordsOf(message);
  }

  /** @returns {Message|null} what would keep a picture from being made now, before anything was entered in vain; null when nothing is known to. */
  #standing() {
    // Where all of them rest the page says so above the form (backend.js).
    const models = modelsOf(this.options, this.kind);
    const chosen = chosenModel(models, this.choices.model);
    if (chosen?.stopped && chosen !== defaultModel(models) && models.some(({ stopped }) => !stopped)) return { key: "standing.model" };
    const { price } = this.choices.expected;
    if (price === null) return null;
    for (const { window, limit_usd: limit, used_usd: used, reset_at: until } of this.limits) {
      const left = Math.max(0, limit - used);
      if (left < price) return { key: `standing.${window === "day" ? "day" : "month"}`, values: { left, price, until } };
    }
    return null;
  }

  /** Brings back what was being entered here before, where nothing is entered now. */
  async restoreDraft() {
    const { drafts } = await studio();
    const draft = await drafts.read(this.kind).catch(() => null);
    this.isRestoring = false;
    // Whoever was quicker than this browser's memory goes on with what they entered.
    if (draft && !this.hasEntries() && !this.goods?.preset) await this.#restore(draft);
    this.#changed();
  }

  // ── Drafts ──

  #changed() {
    this.prompt.isOptional = Boolean(this.goods && (this.goods.isSheet || this.goods.preset));
    this.prompt.draw();
    this.#drawSubmit();
    this.#drawStanding();
    if (this.isRestoring) return;
    withStudio(({ drafts }) => drafts.keepSoon(this.kind, () => (this.hasEntries() || this.goods?.preset || this.goods?.isSheet ? this.#draft() : null)));
  }

  #draft() {
    return this.#snapshot();
  }

  // ── Building ──

  #id(name) {
    return `${this.kind}-${name}`;
  }

  /** Registers where a field's error is shown and returns that element. */
  #errorFor(/** @type {string} */ name, /** @type {HTMLElement} */ control, /** @type {HTMLElement} */ box) {
    const error = el("p", { class: "field-error", id: this.#id(`${name}-error`), hidden: true, dataset: { testid: `field-error-${name}` } });
    control.setAttribute("aria-describedby", [control.getAttribute("aria-describedby"), error.id].filter(Boolean).join(" "));
    this.fields.set(name, { control, box, error });
    return error;
  }

  #build() {
    const errorFor = (name, control, box) => this.#errorFor(name, control, box);
    const onChange = () => this.choices && this.#changed();
    this.formats = el("p", { class: "drop-formats", id: this.#id("formats") });
    const imageSlots = this.imageNames.map((name) => this.#buildImage(name));
    this.prompt = new PromptField({
      id: this.#id("prompt"), kind: this.kind, errorFor,
      translate: async (text) => (await studio()).translatePrompt(this.path, text),
      onScene: (apply) => this.#replace(apply, "scene.used", this.prompt.isWritten),
      onChange: () => {
        for (const name of ["prompt", "english"]) this.#clearError(name);
        onChange();
      },
    });
    this.choices = new Choices({
      kind: this.kind, id: this.#id("choice"), options: BASIC_OPTIONS,
      onChange: () => {
        this.#clearError("seed");
        onChange();
      },
      onModel: () => {
        this.#clearError("model");
        // Another model may need another size.
        for (const field of this.images.values()) field.refresh();
      },
    });
    this.submitLabel = el("span", { i18n: "form.submit" });
    this.submitButton = el("button", { type: "submit", class: "button primary", dataset: { testid: "submit" } }, icon("spark"), this.submitLabel);
    this.standing = el("p", { class: "standing", role: "status", hidden: true, dataset: { testid: "standing" } });
    return el("form", { class: "generator", novalidate: true, on: { submit: (event) => this.#submit(event) } },
      el("div", { class: `images images-${imageSlots.length}` }, ...imageSlots),
      this.formats,
      this.#buildSamples(),
      this.#buildNote(),
      this.prompt.root,
      this.standing,
      el("div", { class: "submit-bar" }, this.choices.opener, this.submitButton));
  }

  /** @param {typeof import("./goods.js").GoodsField} GoodsField */
  #addGoods(GoodsField) {
    this.goods = new GoodsField({
      id: this.#id("goods"),
      errorFor: (name, control, box) => this.#errorFor(name, control, box),
      onChange: () => {
        this.choices.useSheet(this.goods?.pictures ?? null);
        const ratio = this.goods?.entry?.aspect_ratio;
        if (ratio && ratio !== this.lastRatio) this.choices.useRatio(ratio);
        this.lastRatio = ratio;
        for (const name of ["preset", "presets", "prompt"]) this.#clearError(name);
        this.#changed();
      },
    });
    this.prompt.root.before(this.goods.root);
    translate(this.goods.root);
    this.#offerGoods();
  }

  #offerGoods() {
    this.goods?.offer(this.options.presets, this.options.sheet.max_presets);
    this.lastRatio = this.goods?.entry?.aspect_ratio;
  }

  #buildSamples() {
    this.sampleButtons = this.samples.map((sample, index) =>
      el("button", { type: "button", class: "sample-one", dataset: { testid: `sample-${index}` }, on: { click: () => (this.sampleReady = this.#useSample(index)) } },
        el("span", { class: "sample-stack", "aria-hidden": "true" }, ...samplePictures(sample)), el("span", { i18n: `sample.${this.kind}.${index}.name` })));
    this.sampleButton = el("button", {
      type: "button", class: "button quiet", dataset: { testid: "use-sample" },
      on: { click: () => (this.sampleReady = this.#useSample(this.sampleTurn)) },
    }, el("span", { i18n: "sample.use" }));
    return this.samples.length > 0
      ? el("div", { class: "sample-row", role: "group", dataset: { i18nAttr: "aria-label:sample.list" } }, this.sampleButton, ...this.sampleButtons)
      : null;
  }

  #drawSamples() {
    for (const [index, button] of this.sampleButtons.entries()) {
      const words = t(`sample.${this.kind}.${index}`);
      button.setAttribute("aria-label", t("sample.one", { name: t(`sample.${this.kind}.${index}.name`), prompt: words }));
      button.title = words;
    }
  }

  #buildNote() {
    this.noteWords = el("span", { role: "status", dataset: { testid: "form-note" } });
    this.undoButton = el("button", { type: "button", class: "button link", i18n: "form.undo", hidden: true, dataset: { testid: "undo" }, on: { click: () => this.note?.undo?.() } });
    this.noteBox = el("div", { class: "form-note" }, this.noteWords, this.undoButton);
    return this.noteBox;
  }

  #buildImage(name) {
    const field = new ImageField(name, {
      id: this.#id(name),
      describedBy: this.#id("formats"),
      picture: IMAGE_ICONS[name] ?? "image",
      limits: () => this.#imageLimits(),
      onProblem: (message) => (message ? this.#setError(name, message) : this.#clearError(name)),
      onChange: () => this.choices && this.#changed(),
    });
    const error = this.#errorFor(name, field.input, field.root);
    // A file is read after it was chosen: what is wrong with it comes unasked.
    error.setAttribute("role", "alert");
    field.root.insertBefore(error, field.cropButton);
    this.images.set(name, field);
    return field.root;
  }

  #imageLimits() {
    const { max_bytes: maxBytes, max_pixels_by_type: maxPixels, content_types: types } = this.options.image;
    const model = chosenModel(modelsOf(this.options, this.kind), this.choices?.model ?? "");
    return { maxBytes, maxPixels, types, minSide: model?.min_side_px ?? MIN_SIDE_PX };
  }
}

/** What the server wrote, in the language that is on; in the other one it is said by the refusal's code. @param {string} text @param {string} [code] @returns {Message} */
function asWritten(text, code = "") {
  return { text, language: currentLanguage(), key: hasWords(`refusal.${code}`) ? `refusal.${code}` : "refusal.validation_failed" };
}

/** @param {import("./ideas.js").Sample} sample */
function samplePictures({ images, preset }) {
  const files = [...Object.values(images).map((file) => `small/${file}`), ...(preset ? [`goods/${preset}`] : [])];
  return files.map((file) => el("img", { src: `samples/${file}.webp`, alt: "", width: 32, height: 40, decoding: "async" }));
}
