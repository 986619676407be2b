// @ts-check
/**
 * How a picture is to be made: what is chosen, all of which has a good default, and the button that says it. What the button opens
 * (choices-dialog.js) comes with the page's second stage.
 */

import { el, icon } from "../page/dom.js";
import { studio } from "../page/stages.js";
import { formatDollars, t } from "../words/words.js";
import { chosenModel, defaultModel, modelName, modelsOf } from "./models.js";

/** Shown at once; the others on demand. */
const FIRST_RATIOS = ["match_input_image", "1:1", "4:5", "9:16", "16:9"];
const ORIGINAL = "match_input_image";

/** @typedef {import("./models.js").Model} Model */

/** `opener` is the button, `dialog` what it opens, once it is there. `onChange()` is called after every choice, `onModel()` before it where that was the model. */
export class Choices {
  constructor({ kind, id, options, onChange, onModel }) {
    this.kind = kind;
    this.id = id;
    this.options = options;
    this.onChange = onChange;
    this.onModel = onModel;
    this.values = { aspect_ratio: ORIGINAL, output_format: "png", n: "1" };
    this.model = "";
    this.isLabelled = false;
    this.seedMode = "random";
    this.seed = "";
    this.safety = "2";
    /** Of a sheet: how many pictures it has, and each has its preset's ratio until one is chosen. */
    this.pictures = null;
    this.hasAllRatios = false;
    /** @type {import("./choices-dialog.js").ChoicesDialog|null} */
    this.dialog = null;
    this.#build();
  }

  /**
   * Opens this from now on.
   * @param {import("./choices-dialog.js").ChoicesDialog} dialog
   */
  useDialog(dialog) {
    this.dialog = dialog;
    this.draw();
  }

  /** Takes limits and models from the server; what was chosen stays where it is offered. @param {import("./options.js").Options} options */
  offer(options) {
    this.options = options;
    const { min, max } = options.safety_tolerance;
    this.safety = String(Math.min(max, Math.max(min, Number(this.safety))));
    this.draw();
  }

  /** @param {number|null} pictures  of a sheet; null where there is none. */
  useSheet(pictures) {
    const wasSheet = this.pictures !== null;
    this.pictures = pictures;
    if (wasSheet !== (pictures !== null)) {
      this.values.aspect_ratio = pictures === null ? ORIGINAL : "";
      this.draw();
    } else this.#drawSummary();
  }

  useRatio(ratio) {
    this.values.aspect_ratio = ratio;
    this.draw();
  }

  /** @param {number} seed */
  useSeed(seed) {
    this.seed = String(seed);
    this.useSeedMode("fixed");
  }

  /** @param {string} mode  `fixed`, with a seed of its own where there is none yet, or `random` */
  useSeedMode(mode) {
    this.seedMode = mode;
    if (mode === "fixed" && !this.seed) this.seed = String(crypto.getRandomValues(new Uint32Array(1))[0]);
    this.dialog?.drawSeed();
    this.changed();
  }

  /** @returns {Model|undefined} the model that would make the picture; undefined until the server has told of it. */
  get generator() {
    return chosenModel(modelsOf(this.options, this.kind), this.model);
  }

  /** @returns {{count: number, price: number|null, seconds: number|null}} the price of all that would be made, the time of one. */
  get expected() {
    const count = this.pictures ?? Number(this.values.n);
    const { price_usd: price = 0, expected_seconds: seconds = 0 } = this.generator ?? {};
    return { count, price: price > 0 ? price * count : null, seconds: seconds > 0 ? seconds : null };
  }

  /** @returns {import("../words/messages.js").Message|null} what is wrong with the seed. */
  get wrongSeed() {
    const seed = this.seed.trim();
    const { min, max } = this.options.seed;
    const isRight = this.seedMode !== "fixed" || (/^\d+$/.test(seed) && Number(seed) >= min && Number(seed) <= max);
    return isRight ? null : { key: "option.seedInvalid" };
  }

  /** @returns {[string, string][]} the fields of a request. */
  fields() {
    const { aspect_ratio: ratio, output_format: format, n } = this.values;
    const models = modelsOf(this.options, this.kind);
    const { generator } = this;
    /** @type {any[]} */
    const fields = [
      ...(ratio ? [["aspect_ratio", ratio]] : []),
      ["output_format", format],
      ...(this.pictures === null ? [["n", n]] : []),
      ["safety_tolerance", this.safety],
      ...(this.seedMode === "fixed" ? [["seed", this.seed.trim()]] : []),
      // The default goes unnamed: a named model is made by that one only, without the fallback.
      ...(generator && generator !== defaultModel(models) ? [["model", generator.model]] : []),
      // Without it the server's own default holds.
      ...(this.isLabelled ? [["label", "visible"]] : []),
    ];
    return fields;
  }

  kept() {
    const { values, model, isLabelled, seedMode, seed, safety } = this;
    return { values: { ...values }, model, isLabelled, seedMode, seed, safety };
  }

  restore({ values = {}, model = "", isLabelled = false, seedMode = "random", seed = "", safety = "2" } = {}) {
    Object.assign(this.values, values);
    Object.assign(this, { model, isLabelled, seed, safety });
    this.useSeedMode(seedMode);
    this.onModel();
    this.draw();
  }

  async open() {
    await studio();
    this.dialog?.open();
  }

  close() {
    this.dialog?.close();
  }

  /** What is offered of each choice; of ratios the first ones, until all are asked for. @returns {Record<"aspect_ratio"|"n"|"output_format", string[]>} */
  get offered() {
    const { aspect_ratios: ratios, output_formats: formats, n } = this.options;
    const { aspect_ratio: ratio } = this.values;
    // That of each of the goods is one more for a sheet; there are no more than one row of them, with the one that is chosen.
    const all = this.pictures === null ? ratios : ["", ...ratios];
    const first = all.filter((each) => each === "" || FIRST_RATIOS.includes(each)).slice(0, FIRST_RATIOS.length);
    if (all.includes(ratio) && !first.includes(ratio)) first[first.length - 1] = ratio;
    return {
      aspect_ratio: this.hasAllRatios ? all : first,
      n: Array.from({ length: n.max - n.min + 1 }, (_, index) => String(n.min + index)),
      output_format: formats,
    };
  }

  /** Something was chosen. */
  changed() {
    this.#drawSummary();
    this.onChange();
  }

  /** Writes every word again in the language that is on. */
  draw() {
    for (const [name, values] of Object.entries(this.offered)) if (!values.includes(this.values[name])) this.values[name] = values[0];
    this.dialog?.draw();
    this.#drawSummary();
  }

  #drawSummary() {
    const { count, price, seconds } = this.expected;
    const models = modelsOf(this.options, this.kind);
    const { generator } = this;
    const named = models.length > 1 && generator && generator !== defaultModel(models) ? modelName(this.options, generator.model) : null;
    // What holds for every picture from now on and is easily forgotten comes before what is cut on a phone.
    const parts = [
      ratioName(this.values.aspect_ratio), t("option.count", { n: count }),
      this.seedMode === "fixed" ? t("option.seedOn") : null,
      this.isLabelled ? t("option.labelOn") : null,
      Number(this.safety) === this.options.safety_tolerance.default ? null : t("option.safetyOn", { level: this.safety }),
      this.values.output_format.toUpperCase(), named,
    ];
    this.summary.textContent = parts.filter(Boolean).join(" · ");
    this.expectedLine.textContent = [
      price === null ? null : t("form.price", { price: formatDollars(price) }),
      // Of several nobody knows how many are made at once.
      seconds === null ? null : t(count > 1 ? "form.expectedEach" : "form.expected", { seconds }),
    ].filter(Boolean).join(" · ");
  }

  #build() {
    this.summary = el("span", { class: "choices-summary", dataset: { testid: "summary" } });
    this.expectedLine = el("span", { class: "expected", dataset: { testid: "expected" } });
    this.opener = el("button", {
      type: "button", class: "choices-open", "aria-haspopup": "dialog", "aria-expanded": "false", dataset: { testid: "choices-open" },
      on: { click: () => this.open() },
    },
      el("span", { class: "visually-hidden", i18n: "option.open" }),
      el("span", { class: "choices-words" }, this.summary, this.expectedLine), icon("tune"));
  }
}

/** @param {string} ratio  empty for that of each of the goods @returns {string} */
export function ratioName(ratio) {
  if (ratio === "") return t("option.presetRatio");
  return ratio === ORIGINAL ? t("option.match_input_image") : ratio;
}
