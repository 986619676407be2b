// @ts-check
/** How a picture is to be made: what has a good default. A button says what is chosen; it opens all of it. */

import { el, icon } from "../page/dom.js";
import { formatDollars, t } from "../words/words.js";
import { chosenModel, defaultModel, inLanguage, modelName, modelsOf } from "./models.js";

/** Shown at once; the others on demand. */
const FIRST_RATIOS = ["match_input_image", "1:1", "4:5", "9:16", "16:9"];
const ORIGINAL = "match_input_image";
/** From here on there is room beside the button. */
const WIDE = "(min-width: 900px)";
const GAP_PX = 8;

/** `opener` is the button, `dialog` what it opens. `errorFor` makes the place of a field's error; `onChange()` after every choice, `onModel()` before it where that was the model. */
export class Choices {
  constructor({ kind, id, options, errorFor, onChange, onModel }) {
    this.kind = kind;
    this.id = id;
    this.options = options;
    this.onChange = onChange;
    this.onModel = onModel;
    this.values = { aspect_ratio: ORIGINAL, output_format: "png", n: "1" };
    this.model = "";
    this.isLabelled = false;
    this.seedMode = "random";
    /** Of a sheet: how many pictures it has, and each has its preset's ratio until one is chosen. */
    this.pictures = null;
    this.hasAllRatios = false;
    /** @type {Map<string, any>} */
    this.lists = new Map();
    this.#build(errorFor);
  }

  /** Takes limits and models from the server; what was chosen stays where it is offered. @param {import("./options.js").Options} options */
  offer(options) {
    this.options = options;
    const { min, max } = options.safety_tolerance;
    Object.assign(this.safety, { min, max });
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

  useSeed(seed) {
    this.seedValue.value = String(seed);
    this.#setSeedMode("fixed");
  }

  /** @returns {import("./models.js").Model|undefined} the model that would make the picture; undefined until the server has told of it. */
  get generator() {
    return chosenModel(modelsOf(this.options, this.kind), this.model);
  }

  /** @returns {{count: number, price: number|null, seconds: number|null}} of all that would be made. */
  get expected() {
    const count = this.pictures ?? Number(this.values.n);
    const { price_usd: price = 0, expected_seconds: seconds = 0 } = this.generator ?? {};
    return { count, price: price > 0 ? price * count : null, seconds: seconds > 0 ? seconds : null };
  }

  /** @returns {import("../words/messages.js").Message|null} what is wrong with the seed. */
  get wrongSeed() {
    const seed = this.seedValue.value.trim();
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
      ["safety_tolerance", this.safety.value],
      ...(this.seedMode === "fixed" ? [["seed", this.seedValue.value.trim()]] : []),
      // The default goes unnamed: a named model is made by that one only, without the fallback.
      ...(generator && generator !== defaultModel(models) ? [["model", generator.model]] : []),
      // Without it the server's own default holds.
      ...(this.isLabelled ? [["label", "visible"]] : []),
    ];
    return fields;
  }

  kept() {
    const { values, model, isLabelled, seedMode } = this;
    return { values: { ...values }, model, isLabelled, seedMode, seed: this.seedValue.value, safety: this.safety.value };
  }

  restore({ values = {}, model = "", isLabelled = false, seedMode = "random", seed = "", safety = "2" } = {}) {
    Object.assign(this.values, values);
    Object.assign(this, { model, isLabelled });
    this.seedValue.value = seed;
    this.safety.value = safety;
    this.#setSeedMode(seedMode);
    this.onModel();
    this.draw();
  }

  open() {
    if (this.dialog.open) return;
    this.dialog.showModal();
    this.opener.setAttribute("aria-expanded", "true");
    this.#place();
  }

  close() {
    if (this.dialog.open) this.dialog.close();
  }

  /** Writes every word again in the language that is on. */
  draw() {
    const { aspect_ratios: ratios, output_formats: formats, n } = this.options;
    const isSheet = this.pictures !== null;
    const { aspect_ratio: ratio } = this.values;
    const first = ratios.filter((each) => FIRST_RATIOS.includes(each));
    const offered = this.hasAllRatios ? ratios : [...first, ...(ratios.includes(ratio) && !first.includes(ratio) ? [ratio] : [])];
    const counts = Array.from({ length: n.max - n.min + 1 }, (_, index) => String(n.min + index));
    this.#drawChoice("aspect_ratio", isSheet ? ["", ...offered] : offered, (each) => [ratioShape(each), ratioName(each)]);
    this.moreRatios.hidden = offered.length >= ratios.length;
    this.#drawChoice("n", counts, (count) => [t("option.count", { n: count }), this.#priceOf(Number(count))]);
    this.lists.get("n").closest("fieldset").hidden = isSheet;
    this.#drawChoice("output_format", formats, (format) => [format.toUpperCase()]);
    this.#drawModels();
    this.#drawSafety();
    this.label.checked = this.isLabelled;
    this.#drawSummary();
  }

  #drawSummary() {
    const { count, price, seconds } = this.expected;
    const models = modelsOf(this.options, this.kind);
    const { generator } = this;
    const named = models.length > 1 && generator && generator !== defaultModel(models) ? modelName(this.options, generator.model) : null;
    const parts = [ratioName(this.values.aspect_ratio), t("option.count", { n: count }), this.values.output_format.toUpperCase(), named];
    this.summary.textContent = parts.filter(Boolean).join(" · ");
    this.expectedLine.textContent = [
      price === null ? null : t("form.price", { price: formatDollars(price) }),
      seconds === null ? null : t("form.expected", { seconds }),
    ].filter(Boolean).join(" · ");
  }

  #priceOf(count) {
    const price = this.generator?.price_usd ?? 0;
    return price > 0 ? el("span", { class: "choice-price", text: formatDollars(price * count) }) : null;
  }

  #changed() {
    this.#drawSummary();
    this.onChange();
  }

  #drawChoice(name, values, face) {
    const list = this.lists.get(name);
    if (!values.includes(this.values[name])) this.values[name] = values[0];
    list.replaceChildren(
      ...values.map((value) =>
        el("label", { class: "choice" },
          el("input", {
            type: "radio", name: `${this.id}-${name}`, value, checked: this.values[name] === value, class: "visually-hidden",
            on: {
              change: () => {
                this.values[name] = value;
                this.#changed();
              },
            },
          }),
          el("span", { class: "choice-face" }, ...face(value)))));
  }

  #drawModels() {
    const models = modelsOf(this.options, this.kind);
    const [usual, chosen] = [defaultModel(models), chosenModel(models, this.model)];
    const offered = models.length > 1 ? models : [];
    this.modelBox.hidden = offered.length === 0;
    this.modelList.replaceChildren(...offered.map((entry, index) => this.#modelCard(entry, index, { isDefault: entry === usual, checked: entry === chosen })));
  }

  /** @param {import("./models.js").Model} entry @param {number} index @param {{isDefault: boolean, checked: boolean}} how */
  #modelCard(entry, index, { isDefault, checked }) {
    const id = `${this.id}-model-${index}`;
    const { expected_seconds: seconds = 0, price_usd: price = 0 } = entry;
    const facts = [
      seconds > 0 ? t("option.modelSeconds", { seconds }) : null,
      price > 0 ? t("option.modelPrice", { price: formatDollars(price) }) : null,
    ];
    return el("label", { class: "choice" },
      el("input", {
        type: "radio", name: `${this.id}-model`, value: entry.model, checked, class: "visually-hidden",
        "aria-labelledby": `${id}-name`, "aria-describedby": `${id}-facts`,
        on: {
          change: () => {
            this.model = entry.model;
            // Its price stands beside the counts.
            for (const [at, label] of [...this.lists.get("n").children].entries()) {
              label.querySelector(".choice-price")?.replaceWith(this.#priceOf(this.options.n.min + at) ?? "");
            }
            this.onModel();
            this.#changed();
          },
        },
      }),
      el("span", { class: "choice-face" },
        el("span", { class: "model-head", id: `${id}-name` },
          el("span", { class: "model-name", text: modelName(this.options, entry.model) }),
          isDefault ? " " : null,
          isDefault ? el("span", { class: "mark", text: t("option.modelDefault") }) : null),
        el("span", { class: "model-words", id: `${id}-facts` },
          el("span", { class: "model-good", text: inLanguage(entry.good_for) ?? "" }), " ",
          el("span", { class: "model-facts", text: facts.filter(Boolean).join(" · ") }))));
  }

  #drawSafety() {
    const words = t(`option.safety.${this.safety.value}`);
    this.safetyWords.textContent = words;
    this.safety.setAttribute("aria-valuetext", words);
  }

  #setSeedMode(mode) {
    this.seedMode = mode;
    for (const radio of this.seedRadios ?? []) radio.checked = radio.value === mode;
    this.seedValue.hidden = mode !== "fixed";
    if (mode === "fixed" && !this.seedValue.value) this.seedValue.value = String(crypto.getRandomValues(new Uint32Array(1))[0]);
    this.onChange();
  }

  #build(errorFor) {
    this.summary = el("span", { class: "choices-summary", dataset: { testid: "summary" } });
    this.expectedLine = el("span", { class: "expected", dataset: { testid: "expected" } });
    this.opener = el("button", {
      type: "button", class: "choices-open", "aria-haspopup": "dialog", "aria-expanded": "false", dataset: { testid: "choices-open" },
      on: { click: () => this.open() },
    },
      el("span", { class: "visually-hidden", i18n: "option.open" }),
      el("span", { class: "choices-words" }, this.summary, this.expectedLine), icon("tune"));
    const titleId = `${this.id}-choices-title`;
    this.dialog = el("dialog", { class: "choices", "aria-labelledby": titleId, dataset: { testid: "choices" } },
      el("div", { class: "choices-head" },
        el("h2", { id: titleId, i18n: "option.title" }),
        el("button", { type: "button", class: "icon-button plain", dataset: { testid: "choices-close", i18nAttr: "aria-label:option.close" }, on: { click: () => this.close() } }, icon("close"))),
      el("div", { class: "choices-body" },
        this.#buildRatios(errorFor),
        this.#buildChoice("n", "option.n", "segments", errorFor),
        this.#buildChoice("output_format", "option.output_format", "segments", errorFor),
        this.#buildModels(errorFor), this.#buildSafety(errorFor), this.#buildSeed(errorFor), this.#buildLabel(errorFor)),
      el("div", { class: "choices-foot" },
        el("button", { type: "button", class: "button primary", i18n: "option.done", dataset: { testid: "choices-done" }, on: { click: () => this.close() } })));
    this.dialog.addEventListener("close", () => {
      this.opener.setAttribute("aria-expanded", "false");
      this.opener.focus({ preventScroll: true });
    });
    // A press beside it means the page.
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.close());
    this.dialog.addEventListener("keydown", (event) => {
      // The form is not sent from here.
      if (event.key !== "Enter" || event.target.tagName === "BUTTON") return;
      event.preventDefault();
      this.close();
    });
  }

  /** Above its button where there is room, else at the bottom of the screen (form.css). */
  #place() {
    const { style } = this.dialog;
    const isWide = matchMedia(WIDE).matches;
    const place = this.opener.getBoundingClientRect();
    style.left = isWide ? `${Math.max(GAP_PX, place.left)}px` : "";
    style.bottom = isWide ? `${Math.max(GAP_PX, innerHeight - place.top + GAP_PX)}px` : "";
    style.maxHeight = isWide ? `${Math.max(240, place.top - 2 * GAP_PX)}px` : "";
  }

  #buildChoice(name, labelKey, look, errorFor) {
    const list = el("div", { class: look });
    const box = el("fieldset", { class: "field", tabindex: "-1", dataset: { testid: name } }, el("legend", { class: "field-label", i18n: labelKey }), list);
    box.append(errorFor(name, box, box));
    this.lists.set(name, list);
    return box;
  }

  #buildRatios(errorFor) {
    const box = this.#buildChoice("aspect_ratio", "option.aspect_ratio", "ratios", errorFor);
    this.moreRatios = el("button", {
      type: "button", class: "button link", i18n: "option.moreRatios", dataset: { testid: "more-ratios" },
      on: {
        click: () => {
          this.hasAllRatios = true;
          this.draw();
          this.lists.get("aspect_ratio").querySelector("input:checked")?.focus();
        },
      },
    });
    box.append(this.moreRatios);
    return box;
  }

  #buildModels(errorFor) {
    this.modelList = el("div", { class: "models" });
    this.modelBox = el("fieldset", { class: "field", tabindex: "-1", hidden: true, dataset: { testid: "model" } }, el("legend", { class: "field-label", i18n: "option.model" }), this.modelList);
    this.modelBox.append(errorFor("model", this.modelBox, this.modelBox), el("p", { class: "hint", i18n: "option.modelHelp" }));
    return this.modelBox;
  }

  #buildSafety(errorFor) {
    const id = `${this.id}-safety`;
    this.safetyWords = el("output", { class: "safety-words", for: id });
    this.safety = el("input", {
      type: "range", id, step: 1, min: 0, max: 2, value: 2, dataset: { testid: "safety_tolerance" },
      on: {
        input: () => {
          this.#drawSafety();
          this.onChange();
        },
      },
    });
    const box = el("div", { class: "field" });
    box.append(el("div", { class: "label-row" }, el("label", { class: "field-label", for: id, i18n: "option.safety_tolerance" }), this.safetyWords), this.safety, errorFor("safety_tolerance", this.safety, box));
    return box;
  }

  #buildSeed(errorFor) {
    // What is pasted is never cut: a number that is too long is told.
    this.seedValue = el("input", { type: "text", inputmode: "numeric", autocomplete: "off", class: "seed-value", hidden: true, dataset: { testid: "seed", i18nAttr: "aria-label:option.seedValue" }, on: { input: () => this.onChange() } });
    this.seedRadios = ["random", "fixed"].map((mode) =>
      el("input", { type: "radio", name: `${this.id}-seed-mode`, value: mode, checked: mode === "random", class: "visually-hidden", dataset: { testid: `seed-${mode}` }, on: { change: () => this.#setSeedMode(mode) } }));
    const box = el("fieldset", { class: "field" }, el("legend", { class: "field-label", i18n: "option.seed" }));
    box.append(
      el("div", { class: "seed-row" },
        el("div", { class: "segments" },
          el("label", { class: "choice" }, this.seedRadios[0], el("span", { class: "choice-face", i18n: "option.seedRandom" })),
          el("label", { class: "choice" }, this.seedRadios[1], el("span", { class: "choice-face", i18n: "option.seedFixed" }))),
        this.seedValue),
      errorFor("seed", this.seedValue, box),
      el("p", { class: "hint", i18n: "option.seedHelp" }));
    return box;
  }

  #buildLabel(errorFor) {
    const id = `${this.id}-label`;
    this.label = el("input", {
      type: "checkbox", id, "aria-describedby": `${id}-help`, dataset: { testid: "label" },
      on: {
        change: () => {
          this.isLabelled = this.label.checked;
          this.#changed();
        },
      },
    });
    const box = el("div", { class: "field" });
    box.append(
      el("label", { class: "check", for: id }, this.label, el("span", { class: "field-label", i18n: "option.label" })),
      errorFor("label", this.label, box), el("p", { class: "hint", id: `${id}-help`, i18n: "option.labelHelp" }));
    return box;
  }
}

function ratioName(ratio) {
  if (ratio === "") return t("option.presetRatio");
  return ratio === ORIGINAL ? t("option.match_input_image") : ratio;
}

/** A small outline with the ratio's shape. */
function ratioShape(ratio) {
  const shape = el("span", { class: "ratio-shape", "aria-hidden": "true" });
  if (!ratio.includes(":")) {
    shape.classList.add("ratio-original");
    return shape;
  }
  const [width, height] = ratio.split(":").map(Number);
  const scale = 20 / Math.max(width, height);
  shape.style.width = `${Math.max(7, width * scale)}px`;
  shape.style.height = `${Math.max(7, height * scale)}px`;
  return shape;
}
