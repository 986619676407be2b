/** One image of a form: choosing it, what is said about it, its preview, and cutting a part out of it. */

import { choosePart } from "./crop.js";
import { el, icon } from "../page/dom.js";
import { acceptOf, adviceFor, labelsOf } from "./file-kinds.js";
import { formatBytes, formatLimit, nameOf, t, translate } from "../words/words.js";
import { ImageProblem, cutOut, decodeImage, prepareImage } from "./images.js";

/**
 * The field in `root`, its file input in `input`. `limits()` answers prepareImage's; `onProblem(words)` is told what is
 * wrong with the file, or null when nothing is (any more).
 */
export class ImageField {
  constructor(name, { id, picture, limits, onProblem }) {
    this.name = name;
    this.limits = limits;
    this.onProblem = onProblem;
    /** What to upload, once it is ready. */
    this.prepared = null;
    this.problem = null;
    /** Fulfilled when the chosen file has been read. */
    this.ready = Promise.resolve();
    this.file = null; // what was chosen, or cut out of it
    this.uncut = null; // the file out of which a part was or can be cut
    this.turn = 0;
    this.#build(id, picture);
  }

  /** What is wrong with the file in the language that is on; null when nothing is. */
  get problemWords() {
    return this.problem && wordsOf(this.problem);
  }

  /** Reads a file anew when what is allowed has changed. */
  refresh() {
    this.input.accept = acceptOf(this.limits().types);
    if (this.file && this.takenUnder !== JSON.stringify(this.limits())) this.take(this.file, { uncut: this.uncut });
    this.draw();
  }

  /** Takes a file that was chosen, or cut out of `uncut`. */
  take(file, { uncut = null } = {}) {
    this.clear();
    const turn = this.turn;
    const limits = this.limits();
    this.file = file;
    this.uncut = uncut;
    this.takenUnder = JSON.stringify(limits);
    this.draw();
    const isStill = () => this.turn === turn;
    this.ready = prepareImage(file, limits)
      .then((prepared) => isStill() && this.#show(prepared))
      .catch((error) => isStill() && this.#refuse(file, error instanceof ImageProblem ? error : new ImageProblem("image.unreadable")));
    return this.ready;
  }

  clear() {
    this.turn += 1;
    if (this.preview.src) URL.revokeObjectURL(this.preview.src);
    this.preview.removeAttribute("src");
    this.preview.hidden = this.remove.hidden = this.unseen.hidden = true;
    this.empty.hidden = false;
    delete this.drop.dataset.ground;
    this.prepared = this.problem = this.file = this.uncut = null;
    this.input.value = "";
    this.onProblem(null);
    this.draw();
  }

  /** Writes every word again in the language that is on. */
  draw() {
    translate(this.root);
    const name = nameOf("image", this.name);
    const { types, maxBytes } = this.limits();
    this.title.textContent = name;
    this.formats.textContent = t("image.formats", { types: labelsOf(types).join(" · "), max: formatLimit(maxBytes) });
    this.remove.setAttribute("aria-label", t("image.remove", { name }));
    this.preview.alt = this.preview.hidden ? "" : t("image.preview", { name });
    this.cropButton.hidden = !this.uncut;
    this.cropButton.textContent = t(this.file === this.uncut ? "crop.open" : "crop.again");
    this.note.replaceChildren();
    if (this.problem) this.onProblem(this.problemWords);
    if (this.file && !this.prepared && !this.problem) this.note.append(el("p", { text: t("image.reading") }));
    if (!this.prepared) return;
    const { width, height, compressed, advice, file } = this.prepared;
    const facts = width ? `${width}×${height} · ${formatBytes(file.size)}` : formatBytes(file.size);
    const size = compressed
      ? t("image.compressed", { before: formatBytes(compressed.before), after: formatBytes(compressed.after), width, height })
      : facts;
    this.note.append(el("p", { text: size }), ...advice.map((each) => el("p", { class: "advice", text: wordsOf(each) })));
  }

  #show(prepared) {
    this.prepared = prepared;
    if (prepared.canCrop) this.uncut ??= this.file;
    if (prepared.preview) this.#showPreview(prepared.preview);
    else {
      this.unseenName.textContent = prepared.file.name;
      this.unseen.hidden = false;
      this.empty.hidden = true;
    }
    this.remove.hidden = false;
    if (prepared.seeThrough) this.drop.dataset.ground = prepared.ground;
    this.draw();
  }

  #showPreview(blob) {
    this.preview.src = URL.createObjectURL(blob);
    this.preview.hidden = false;
    this.empty.hidden = true;
  }

  #refuse(file, problem) {
    this.problem = problem;
    if (problem.canCrop) {
      this.uncut ??= file;
      this.#showPreview(file);
      this.remove.hidden = false;
    }
    this.draw();
  }

  async #crop() {
    const { uncut, turn } = this;
    this.cropButton.disabled = true;
    let decoded;
    try {
      decoded = await decodeImage(uncut);
      this.cropButton.disabled = false;
      const part = await choosePart(decoded.bitmap);
      if (part && this.turn === turn) await this.take(await cutOut(decoded, part, uncut.name), { uncut });
    } catch {
      if (this.turn === turn) this.#refuse(uncut, new ImageProblem("image.unreadable"));
    } finally {
      this.cropButton.disabled = false;
      decoded?.bitmap.close();
      if (!this.cropButton.hidden) this.cropButton.focus();
    }
  }

  #build(id, picture) {
    this.input = el("input", { type: "file", id, class: "visually-hidden", accept: acceptOf(this.limits().types), "aria-describedby": `${id}-note`, "aria-labelledby": `${id}-label`, dataset: { testid: `file-${this.name}` } });
    this.preview = el("img", { class: "preview", hidden: true, alt: "" });
    this.formats = el("span", { class: "drop-formats" });
    this.empty = el("span", { class: "drop-empty" }, icon(picture), el("span", { class: "drop-words", i18n: "image.drop" }), this.formats);
    this.unseenName = el("span", { class: "drop-words drop-name" });
    this.unseen = el("span", { class: "drop-empty", hidden: true, dataset: { testid: `unseen-${this.name}` } }, icon("image"), this.unseenName, el("span", { class: "drop-formats", i18n: "image.unseen" }));
    this.remove = el("button", { type: "button", class: "icon-button remove", hidden: true }, icon("close"));
    this.note = el("div", { class: "image-note", id: `${id}-note`, "aria-live": "polite" });
    this.cropButton = el("button", { type: "button", class: "button quiet crop-open", hidden: true, dataset: { testid: `crop-${this.name}` } });
    this.drop = el("label", { class: "drop", for: id }, this.preview, this.empty, this.unseen);
    this.title = el("span", { class: "field-label", id: `${id}-label` });
    this.root = el("div", { class: "image-field" }, this.title, el("div", { class: "drop-frame" }, this.input, this.drop, this.remove), this.note, this.cropButton);
    this.input.addEventListener("change", () => this.input.files[0] && this.take(this.input.files[0]));
    this.cropButton.addEventListener("click", () => this.#crop());
    this.remove.addEventListener("click", () => {
      this.clear();
      this.input.focus();
    });
    this.#acceptDrops();
  }

  #acceptDrops() {
    for (const type of ["dragenter", "dragover"]) {
      this.drop.addEventListener(type, (event) => {
        event.preventDefault();
        this.drop.classList.add("over");
      });
    }
    for (const type of ["dragleave", "drop"]) this.drop.addEventListener(type, () => this.drop.classList.remove("over"));
    this.drop.addEventListener("drop", (event) => {
      event.preventDefault();
      const file = event.dataTransfer.files[0];
      if (file) this.take(file);
    });
  }
}

function wordsOf({ key, values = {} }) {
  const { kind, types, max, ground } = values;
  return t(key, {
    ...values,
    kind: kind && t(`file.${kind}`),
    advice: kind && t(`file.do.${adviceFor(kind)}`, { types: labelsOf(types ?? []).join(", ") }),
    max: max && formatLimit(max),
    ground: ground && t(`ground.${ground}`),
  });
}
