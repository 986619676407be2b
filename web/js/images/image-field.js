// @ts-check
/** One image of a form: choosing it, what is said about it, its preview, and cutting a part out of it. */

import { el, icon } from "../page/dom.js";
import { studio } from "../page/stages.js";
import { acceptOf } from "./file-types.js";
import { formatBytes, nameOf, t, translate } from "../words/words.js";
import { wordsOf } from "../words/messages.js";

/** @typedef {import("../words/messages.js").Message} Message */
/** What is wrong with a file. @typedef {Message & {canCrop?: boolean, preview?: Blob|null}} Problem */

/** A picture of a job; the server has it. @typedef {{jobId: string, index: number}} Reference */
/** @type {Problem} */
const UNREADABLE = { key: "image.unreadable" };

/** What brings a field back. @typedef {{reference?: Reference, file?: File, uncut?: File|null, isSample?: boolean}} Kept */

/**
 * The field in `root`, its file input in `input`. `limits()` answers prepareImage's; `onProblem(message)` is told what is
 * wrong with the file, or null when nothing is (any more); `onChange()` is called after each change of what would be sent.
 */
export class ImageField {
  /**
   * @param {string} name
   * @param {{id: string, picture: string, describedBy: string, limits: () => import("./prepare.js").Limits, onProblem: (message: Message|null) => void, onChange?: () => void}} how
   */
  constructor(name, { id, picture, describedBy, limits, onProblem, onChange = () => {} }) {
    this.name = name;
    this.limits = limits;
    this.onProblem = onProblem;
    this.onChange = onChange;
    /** @type {import("./prepare.js").Prepared|null} what to upload, once it is ready */
    this.prepared = null;
    /** @type {Reference|null} in place of a file */
    this.reference = null;
    /** @type {Problem|null} */
    this.problem = null;
    /** @type {Promise<unknown>} fulfilled when the chosen file has been read. */
    this.ready = Promise.resolve();
    /** @type {File|null} what was chosen, or cut out of it */
    this.file = null;
    /** @type {File|null} the file out of which a part was or can be cut */
    this.uncut = null;
    /** The limits by which it was read. */
    this.takenUnder = "";
    this.isSample = false;
    this.turn = 0;
    this.#build(id, picture, describedBy);
  }

  get isEmpty() {
    return this.file === null && this.reference === null;
  }

  /** What is sent for it: a file, or the words that name a picture of a job; null when there is nothing (yet). */
  get sent() {
    if (this.reference) return `job:${this.reference.jobId}/${this.reference.index}`;
    return this.prepared?.file ?? null;
  }

  /** Reads a file anew when what is allowed has changed. */
  refresh() {
    this.input.accept = acceptOf(this.limits().types);
    if (this.file && this.takenUnder !== JSON.stringify(this.limits())) this.take(this.file, { uncut: this.uncut, isSample: this.isSample });
    this.draw();
  }

  /** Takes a file that was chosen, or cut out of `uncut`. @param {File} file @param {Kept} [more] */
  take(file, { uncut = null, isSample = false } = {}) {
    this.#empty();
    const turn = this.turn;
    const limits = this.limits();
    Object.assign(this, { file, uncut, isSample, takenUnder: JSON.stringify(limits) });
    this.draw();
    const isStill = () => this.turn === turn;
    this.ready = studio()
      .then(({ prepareImage }) => prepareImage(file, limits))
      .then((prepared) => isStill() && this.#show(prepared))
      .catch((error) => isStill() && this.#refuse(file, error.key ? error : UNREADABLE));
    this.onChange();
    return this.ready;
  }

  /**
   * Takes a picture of a job, which the server has: nothing of it is uploaded.
   * @param {Reference & {url?: string, thumbnailUrl?: string}} picture  without a link it is asked for
   */
  async takePictureOf({ jobId, index, url, thumbnailUrl }) {
    this.#empty();
    const turn = this.turn;
    this.reference = { jobId, index };
    this.draw();
    this.onChange();
    const show = (link) => {
      if (this.turn !== turn) return;
      if (link) this.#showLink(link);
      else this.#showUnseen(t("image.ofJob"));
      this.remove.hidden = false;
      this.draw();
    };
    if (thumbnailUrl ?? url) return show(thumbnailUrl ?? url);
    this.ready = studio().then(({ getJob }) => getJob(jobId)).then(
      ({ job }) => {
        const output = job?.outputs?.find((each) => each.index === index);
        if (output) show(output.thumbnail_url ?? output.url);
        else if (this.turn === turn) this.lose();
      },
      (error) => {
        if ([404, 410].includes(error.problem?.status)) return this.turn === turn && this.lose();
        show(null);
      },
    );
    return this.ready;
  }

  clear() {
    this.#empty();
    this.draw();
    this.onChange();
  }

  /** @returns {Kept|null} what brings it back as it is: `restore` takes it. */
  kept() {
    if (this.reference) return { reference: this.reference };
    return this.file && { file: this.file, uncut: this.uncut === this.file ? null : this.uncut, isSample: this.isSample };
  }

  /** @param {Kept|null} [kept] @returns {Promise<unknown>} */
  restore(kept) {
    if (kept?.reference) return this.takePictureOf(kept.reference);
    if (kept?.file) return this.take(kept.file, kept);
    this.clear();
    return Promise.resolve();
  }

  /** Shows that what is being dragged would come here. */
  expect(isNext) {
    this.drop.classList.toggle("over", isNext);
  }

  /** Writes every word again in the language that is on. */
  draw() {
    translate(this.root);
    const name = nameOf("image", this.name);
    this.title.textContent = name;
    this.remove.setAttribute("aria-label", t("image.remove", { name }));
    this.preview.alt = this.preview.hidden ? "" : t("image.preview", { name });
    this.camera.hidden = !this.isEmpty;
    this.cameraInput.setAttribute("aria-label", t("image.cameraLabel", { name }));
    this.cropButton.hidden = !this.uncut;
    this.cropButton.textContent = t(this.file === this.uncut ? "crop.open" : "crop.again");
    this.cropButton.classList.toggle("asked", this.problem?.canCrop === true || this.prepared?.canCrop === true);
    this.note.replaceChildren();
    if (this.reference) this.note.append(el("p", { text: t("image.ofJobNote") }));
    if (this.file && !this.prepared && !this.problem) this.note.append(el("p", { text: t("image.reading") }));
    if (!this.prepared) return;
    const { width, height, compressed, advice, file } = this.prepared;
    const facts = width ? `${width}×${height} · ${formatBytes(file.size)}` : formatBytes(file.size);
    const size = compressed
      ? t("image.compressed", { before: formatBytes(compressed.before), after: formatBytes(compressed.after), width, height })
      : facts;
    this.note.append(el("p", { text: size }), ...advice.map((each) => el("p", { class: "advice", text: wordsOf(each) })));
  }

  #empty() {
    this.turn += 1;
    if (this.preview.src.startsWith("blob:")) URL.revokeObjectURL(this.preview.src);
    this.preview.removeAttribute("src");
    this.preview.hidden = this.remove.hidden = this.unseen.hidden = true;
    this.empty.hidden = false;
    delete this.drop.dataset.ground;
    this.prepared = this.problem = this.file = this.uncut = this.reference = null;
    this.isSample = false;
    this.input.value = this.cameraInput.value = "";
    this.onProblem(null);
  }

  /** @param {import("./prepare.js").Prepared} prepared */
  #show(prepared) {
    this.prepared = prepared;
    if (prepared.preview) {
      this.uncut ??= this.file;
      this.#showPreview(prepared.preview);
    } else this.#showUnseen(prepared.file.name);
    this.remove.hidden = false;
    if (prepared.seeThrough) this.drop.dataset.ground = prepared.ground;
    this.draw();
    this.onChange();
  }

  #showPreview(blob) {
    this.#showLink(URL.createObjectURL(blob));
  }

  #showLink(address) {
    this.preview.src = address;
    this.preview.hidden = false;
    this.empty.hidden = true;
  }

  #showUnseen(name) {
    this.unseenName.textContent = name;
    this.unseen.hidden = false;
    this.empty.hidden = true;
  }

  /** @param {File} file @param {Problem} problem */
  #refuse(file, problem) {
    this.problem = problem;
    if (problem.canCrop) {
      this.uncut ??= file;
      this.#showPreview(problem.preview ?? file);
      this.remove.hidden = false;
    }
    this.onProblem(problem);
    this.draw();
    this.onChange();
  }

  /** The picture of a job that it names is there no more. @returns {Message} */
  lose() {
    const message = { key: "image.ofJobGone" };
    this.clear();
    this.onProblem(message);
    return message;
  }

  async #crop() {
    const { uncut, turn } = this;
    if (!uncut) return;
    this.cropButton.disabled = true;
    let opened;
    try {
      const { choosePart, cutOut, openImage } = await studio();
      opened = await openImage(uncut);
      this.cropButton.disabled = false;
      const part = await choosePart(opened);
      if (part && this.turn === turn) await this.take(await cutOut(uncut, part), { uncut });
    } catch {
      if (this.turn === turn) this.#refuse(uncut, UNREADABLE);
    } finally {
      this.cropButton.disabled = false;
      opened?.bitmap.close();
      opened?.overview.close();
      if (!this.cropButton.hidden) this.cropButton.focus();
    }
  }

  #build(id, picture, describedBy) {
    const takeFrom = (input) => input.addEventListener("change", () => input.files[0] && this.take(input.files[0]));
    this.input = el("input", { type: "file", id, class: "visually-hidden", accept: acceptOf(this.limits().types), "aria-describedby": `${id}-note ${describedBy}`, "aria-labelledby": `${id}-label`, dataset: { testid: `file-${this.name}` } });
    this.preview = el("img", { class: "preview", hidden: true, alt: "" });
    this.empty = el("span", { class: "drop-empty" }, icon(picture), el("span", { class: "drop-words by-mouse", i18n: "image.drop" }), el("span", { class: "drop-words by-touch", i18n: "image.choose" }));
    this.unseenName = el("span", { class: "drop-words drop-name" });
    this.unseen = el("span", { class: "drop-empty", hidden: true, dataset: { testid: `unseen-${this.name}` } }, icon("image"), this.unseenName, el("span", { class: "drop-formats", i18n: "image.unseen" }));
    this.remove = el("button", { type: "button", class: "icon-button remove", hidden: true }, icon("close"));
    this.note = el("div", { class: "image-note", id: `${id}-note`, "aria-live": "polite" });
    this.cropButton = el("button", { type: "button", class: "button link crop-open", hidden: true, dataset: { testid: `crop-${this.name}` } });
    this.drop = el("label", { class: "drop", for: id, dataset: { field: this.name } }, this.preview, this.empty, this.unseen);
    this.title = el("span", { class: "field-label", id: `${id}-label` });
    // A phone opens its camera; other devices have none to open, and are not offered it (form.css).
    this.cameraInput = el("input", { type: "file", accept: "image/*", capture: "environment", class: "visually-hidden", dataset: { testid: `camera-${this.name}` } });
    this.camera = el("label", { class: "button quiet camera" }, this.cameraInput, icon("camera"), el("span", { i18n: "image.camera" }));
    this.root = el("div", { class: "image-field" }, this.title, el("div", { class: "drop-frame" }, this.input, this.drop, this.remove), this.camera, this.note, this.cropButton);
    takeFrom(this.input);
    takeFrom(this.cameraInput);
    this.preview.addEventListener("error", () => this.reference && this.#showUnseenOf());
    this.cropButton.addEventListener("click", () => this.#crop());
    this.remove.addEventListener("click", () => {
      this.clear();
      this.input.focus();
    });
  }

  /** A link of a job's picture has run out: it is sent all the same. */
  #showUnseenOf() {
    this.preview.hidden = true;
    this.#showUnseen(t("image.ofJob"));
  }
}
