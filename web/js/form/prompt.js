// @ts-check
/** What a creator writes, and what of it is sent: those who draw understand English best, so the English is shown and can be changed. */

import { SCENES, keyOfWords } from "./ideas.js";
import { el } from "../page/dom.js";
import { studio } from "../page/stages.js";
import { hasWords, inEnglish, t } from "../words/words.js";
import { wordsOf } from "../words/messages.js";
import { cleanPrompt, countCharacters, isBlank, isDamaged } from "./text.js";

export const HANGUL = /[\u3131-\u318e\uac00-\ud7a3]/;

/**
 * The field in `root`. `errorFor(name, control, box)` makes the place of a field's error; `translate(text)` asks the server;
 * `onScene(apply)` is called with what a scene does, so that it can be undone; `onChange()` after every change.
 */
export class PromptField {
  constructor({ id, kind, errorFor, translate, onScene, onChange }) {
    this.kind = kind;
    this.askTranslator = translate;
    this.onScene = onScene;
    this.onChange = onChange;
    this.max = 2000;
    this.hasTranslator = false;
    this.isOptional = false;
    /** The English that is sent in place of the prompt; null where the prompt itself is. */
    this.english = null;
    /** Whether somebody wrote that English here: then it stays when the prompt changes. */
    this.isOwnEnglish = false;
    /** The last scene comes, unless something is written meanwhile. */
    this.sceneTurn = 0;
    /** @type {import("../words/messages.js").Message|null} */
    this.note = null;
    this.#build(id, errorFor);
  }

  get text() {
    return this.control.value;
  }

  /** The prompt as it is sent, empty when nothing of it can be seen; `isEnglish` where it is the English that stands below it. */
  get sent() {
    const isEnglish = this.english !== null && !isBlank(this.english);
    const prompt = cleanPrompt(isEnglish ? this.english : this.text);
    return { prompt: isBlank(prompt) ? "" : prompt, isEnglish };
  }

  /** @returns {boolean} whether somebody has written something here that no press of a button brings back. */
  get isWritten() {
    return !isBlank(this.text) && (keyOfWords(this.text, t) === null || this.isOwnEnglish);
  }

  /**
   * Writes a prompt, with the English that is sent for it: one that is written here already brings its own.
   * @param {string} text @param {string|null} [english]
   * @param {boolean} [mayBeOwn]  whether somebody may have written that English
   */
  write(text, english = this.#knownEnglish(text), mayBeOwn = true) {
    this.control.value = text;
    this.english = english;
    this.isOwnEnglish = mayBeOwn && english !== null && english !== this.#knownEnglish(text);
    this.note = null;
    this.draw();
    this.onChange();
  }

  kept() {
    return { text: this.text, english: this.english };
  }

  /** @returns {{field: "prompt"|"english", message: import("../words/messages.js").Message}|null} what the server would refuse. */
  wrong(requiredKey) {
    if (isBlank(this.text) && this.sent.prompt === "") {
      if (this.isOptional) return null;
      return { field: "prompt", message: { key: this.text.trim() ? "prompt.unseen" : requiredKey } };
    }
    const { isEnglish } = this.sent;
    const text = isEnglish && this.english !== null ? this.english : this.text;
    const field = isEnglish ? "english" : "prompt";
    const over = countCharacters(text) - this.max;
    if (over > 0) return { field, message: { key: "prompt.tooLong", values: { max: this.max, over } } };
    return isDamaged(text) ? { field, message: { key: "prompt.damaged" } } : null;
  }

  /** Writes every word again in the language that is on. */
  draw() {
    const { max } = this;
    const count = countCharacters(this.text);
    const isOver = count > max && this.english === null;
    this.count.textContent = t(isOver ? "prompt.countOver" : "prompt.count", { count, max, over: count - max });
    this.count.classList.toggle("over", isOver);
    const words = isOver ? t("prompt.over", { max }) : "";
    // Said once, not at every key.
    if (this.over.textContent !== words) this.over.textContent = words;
    this.optionalMark.hidden = !this.isOptional;
    const isKorean = HANGUL.test(this.text);
    this.translateButton.hidden = !(this.hasTranslator && isKorean && this.english === null && !isOver);
    this.englishBox.hidden = this.english === null;
    if (this.english !== null && this.englishControl.value !== this.english) this.englishControl.value = this.english;
    const note = this.note ?? this.#whatIsSent(isKorean);
    const told = wordsOf(note);
    if (this.noteLine.textContent !== told) this.noteLine.textContent = told;
    for (const chip of this.chips ?? []) {
      chip.textContent = t(`scene.${chip.dataset.scene}`);
      chip.setAttribute("aria-pressed", String(this.text !== "" && this.text === t(`scene.${chip.dataset.scene}.prompt`)));
    }
  }

  /** Of Korean without an English below it: what becomes of it. */
  #whatIsSent(isKorean) {
    if (!isKorean || this.english !== null) return null;
    return { key: this.hasTranslator ? "prompt.willTranslate" : "prompt.asItIs" };
  }

  #knownEnglish(text) {
    const key = HANGUL.test(text) ? keyOfWords(text, t) : null;
    return key && inEnglish(key);
  }

  #build(id, errorFor) {
    this.noteLine = el("p", { class: "hint", id: `${id}-note`, "aria-live": "polite", dataset: { testid: "prompt-note" } });
    this.over = el("p", { class: "hint over", role: "status", dataset: { testid: "prompt-over" } });
    this.count = el("span", { class: "count", dataset: { testid: "prompt-count" } });
    this.optionalMark = el("span", { class: "optional", i18n: "prompt.optional", hidden: true });
    const example = `prompt.placeholder.${this.kind}`;
    this.control = el("textarea", {
      id, rows: 3, dataset: { testid: "prompt", i18nAttr: hasWords(example) ? `placeholder:${example}` : "" }, "aria-describedby": `${id}-note`,
      on: { input: () => this.#written() },
    });
    this.chips = (SCENES[this.kind] ?? []).map((scene) =>
      el("button", { type: "button", class: "chip", dataset: { scene, testid: `scene-${scene}` }, on: { click: () => this.#useScene(scene) } }));
    this.translateButton = el("button", { type: "button", class: "button link", i18n: "prompt.translate", dataset: { testid: "translate" }, on: { click: () => this.#translate() } });
    this.root = el("div", { class: "field prompt-field" });
    this.#buildEnglish(id, errorFor);
    const error = errorFor("prompt", this.control, this.root);
    this.root.append(
      el("div", { class: "label-row" }, el("label", { class: "field-label", for: id, i18n: "prompt.label" }), this.optionalMark),
      ...(this.chips.length > 0
        ? [el("div", { class: "chips", role: "group", dataset: { testid: "scenes", i18nAttr: "aria-label:scene.list" } }, ...this.chips)]
        : []),
      this.control, error,
      el("div", { class: "prompt-tools" }, this.translateButton, this.count),
      this.over, this.englishBox, this.noteLine);
  }

  #buildEnglish(id, errorFor) {
    this.englishControl = el("textarea", {
      id: `${id}-english`, rows: 3, lang: "en", class: "english", dataset: { testid: "english" }, "aria-describedby": `${id}-english-hint`,
      on: {
        input: () => {
          this.english = this.englishControl.value;
          this.isOwnEnglish = true;
          this.note = null;
          this.draw();
          this.onChange();
        },
      },
    });
    const leave = el("button", { type: "button", class: "button link", i18n: "prompt.noEnglish", dataset: { testid: "no-english" }, on: { click: () => this.#dropEnglish() } });
    this.englishBox = el("div", { class: "english-box", hidden: true });
    const error = errorFor("english", this.englishControl, this.englishBox);
    this.englishBox.append(
      el("div", { class: "label-row" }, el("label", { class: "field-label", for: `${id}-english`, i18n: "prompt.english" }), leave),
      this.englishControl, error,
      el("p", { class: "hint", id: `${id}-english-hint`, i18n: "prompt.englishHint" }));
  }

  #written() {
    this.sceneTurn += 1;
    const known = this.#knownEnglish(this.text);
    if (known !== null && !this.isOwnEnglish) this.english = known;
    else if (this.english !== null && !this.isOwnEnglish) this.english = null;
    if (isBlank(this.text)) [this.english, this.isOwnEnglish] = [null, false];
    this.note = null;
    this.draw();
    this.onChange();
  }

  #dropEnglish() {
    [this.english, this.isOwnEnglish] = [null, false];
    this.draw();
    this.onChange();
    this.control.focus();
  }

  async #useScene(scene) {
    const turn = (this.sceneTurn += 1);
    // With it come the descriptions.
    await studio();
    if (this.sceneTurn === turn) this.onScene(() => this.write(t(`scene.${scene}.prompt`)));
  }

  async #translate() {
    const wrong = this.wrong("prompt.required");
    if (wrong) return;
    const asked = this.text;
    this.translateButton.disabled = true;
    this.note = { key: "prompt.translating" };
    this.draw();
    try {
      const english = await this.askTranslator(cleanPrompt(asked));
      if (this.text !== asked) return;
      const hadFocus = [document.body, this.translateButton].includes(document.activeElement);
      [this.english, this.isOwnEnglish, this.note] = [english, false, { key: "prompt.translated" }];
      this.draw();
      if (hadFocus) this.englishControl.focus();
    } catch {
      if (this.text === asked) this.note = { key: "prompt.translateFailed" };
    } finally {
      this.translateButton.disabled = false;
      this.draw();
      this.onChange();
    }
  }
}
