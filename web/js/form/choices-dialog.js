// @ts-check
/** What the choices' button opens: all that can be chosen of how a picture is made. */

import { el, icon } from "../page/dom.js";
import { formatDollars, t, translate } from "../words/words.js";
import { ratioName } from "./choices.js";
import { chosenModel, defaultModel, inLanguage, modelName, modelsOf } from "./models.js";

/** From here on there is room beside the button. */
const WIDE = "(min-width: 900px)";
const GAP_PX = 8;

/** The dialogue of `choices`, in `root`. */
export class ChoicesDialog {
  /** @param {import("./choices.js").Choices} choices @param {(name: string, control: HTMLElement, box: HTMLElement) => HTMLElement} errorFor */
  constructor(choices, errorFor) {
    this.of = choices;
    /** @type {HTMLInputElement[]} */
    this.seedRadios = [];
    /** @type {Map<string, any>} */
    this.lists = new Map();
    this.#build(errorFor);
    const { min, max } = choices.options.safety_tolerance;
    Object.assign(this.safety, { min, max });
    translate(this.root);
  }

  open() {
    if (this.root.open) return;
    this.root.showModal();
    this.of.opener.setAttribute("aria-expanded", "true");
    this.#place();
  }

  close() {
    if (this.root.open) this.root.close();
  }

  /** Draws all of it anew, in the language that is on. */
  draw() {
    const { offered, options, pictures } = this.of;
    this.#drawChoice("aspect_ratio", offered.aspect_ratio, (each) => [ratioShape(each), ratioName(each)]);
    this.moreRatios.hidden = offered.aspect_ratio.filter(Boolean).length >= options.aspect_ratios.length;
    this.#drawChoice("n", offered.n, (count) => [t("option.count", { n: count }), this.#priceOf(Number(count))]);
    this.lists.get("n").closest("fieldset").hidden = pictures !== null;
    this.#drawChoice("output_format", offered.output_format, (format) => [format.toUpperCase()]);
    this.#drawModels();
    const { min, max } = options.safety_tolerance;
    Object.assign(this.safety, { min, max, value: this.of.safety });
    this.#drawSafety();
    this.drawSeed();
    this.label.checked = this.of.isLabelled;
  }

  drawSeed() {
    const { seed, seedMode } = this.of;
    for (const radio of this.seedRadios) radio.checked = radio.value === seedMode;
    this.seedValue.hidden = seedMode !== "fixed";
    if (this.seedValue.value !== seed) this.seedValue.value = seed;
  }

  #seedWritten() {
    this.of.seed = this.seedValue.value;
    this.of.onChange();
  }

  #priceOf(count) {
    const price = this.of.generator?.price_usd ?? 0;
    return price > 0 ? el("span", { class: "choice-price", text: formatDollars(price * count) }) : null;
  }

  #drawChoice(name, values, face) {
    const list = this.lists.get(name);
    list.replaceChildren(
      ...values.map((value) =>
        el("label", { class: "choice" },
          el("input", {
            type: "radio", name: `${this.of.id}-${name}`, value, checked: this.of.values[name] === value, class: "visually-hidden",
            on: {
              change: () => {
                this.of.values[name] = value;
                this.of.changed();
              },
            },
          }),
          el("span", { class: "choice-face" }, ...face(value)))));
  }

  #drawModels() {
    const models = modelsOf(this.of.options, this.of.kind);
    const [usual, chosen] = [defaultModel(models), chosenModel(models, this.of.model)];
    const offered = models.length > 1 ? models : [];
    this.modelBox.hidden = offered.length === 0;
    this.modelList.replaceChildren(...offered.map((entry, index) => this.#modelCard(entry, index, { isDefault: entry === usual, checked: entry === chosen })));
  }

  /** @param {import("./models.js").Model} entry @param {number} index @param {{isDefault: boolean, checked: boolean}} how */
  #modelCard(entry, index, { isDefault, checked }) {
    const id = `${this.of.id}-model-${index}`;
    const { expected_seconds: seconds = 0, price_usd: price = 0 } = entry;
    const facts = [
      seconds > 0 ? t("option.modelSeconds", { seconds }) : null,
      price > 0 ? t("option.modelPrice", { price: formatDollars(price) }) : null,
    ];
    return el("label", { class: "choice" },
      el("input", {
        type: "radio", name: `${this.of.id}-model`, value: entry.model, checked, class: "visually-hidden",
        "aria-labelledby": `${id}-name`, "aria-describedby": `${id}-facts`,
        on: {
          change: () => {
            this.of.model = entry.model;
            // Its price stands beside the counts.
            for (const [at, label] of [...this.lists.get("n").children].entries()) {
              label.querySelector(".choice-price")?.replaceWith(this.#priceOf(this.of.options.n.min + at) ?? "");
            }
            this.of.onModel();
            this.of.changed();
          },
        },
      }),
      el("span", { class: "choice-face" },
        el("span", { class: "model-head", id: `${id}-name` },
          el("span", { class: "model-name", text: modelName(this.of.options, entry.model) }),
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

  #build(errorFor) {
    const titleId = `${this.of.id}-choices-title`;
    this.root = el("dialog", { class: "choices", "aria-labelledby": titleId, dataset: { testid: "choices" } },
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
    this.root.addEventListener("close", () => {
      this.of.opener.setAttribute("aria-expanded", "false");
      this.of.opener.focus({ preventScroll: true });
    });
    // A press beside it means the page.
    this.root.addEventListener("click", (event) => event.target === this.root && this.close());
    this.root.addEventListener("keydown", (event) => {
      // The form is not sent from here.
      if (event.key !== "Enter" || event.target.tagName === "BUTTON") return;
      event.preventDefault();
      this.close();
    });
  }

  /** Above its button where there is room, else at the bottom of the screen (form.css). */
  #place() {
    const { style } = this.root;
    const isWide = matchMedia(WIDE).matches;
    const place = this.of.opener.getBoundingClientRect();
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
          this.of.hasAllRatios = true;
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
    const id = `${this.of.id}-safety`;
    this.safetyWords = el("output", { class: "safety-words", for: id });
    this.safety = el("input", {
      type: "range", id, step: 1, min: 0, max: 2, value: 2, dataset: { testid: "safety_tolerance" },
      on: {
        input: () => {
          this.of.safety = this.safety.value;
          this.#drawSafety();
          this.of.changed();
        },
      },
    });
    const box = el("div", { class: "field" });
    box.append(el("div", { class: "label-row" }, el("label", { class: "field-label", for: id, i18n: "option.safety_tolerance" }), this.safetyWords), this.safety, errorFor("safety_tolerance", this.safety, box));
    return box;
  }

  #buildSeed(errorFor) {
    // What is pasted is never cut: a number that is too long is told.
    this.seedValue = el("input", { type: "text", inputmode: "numeric", autocomplete: "off", class: "seed-value", hidden: true, dataset: { testid: "seed", i18nAttr: "aria-label:option.seedValue" }, on: { input: () => this.#seedWritten() } });
    this.seedRadios = ["random", "fixed"].map((mode) =>
      el("input", { type: "radio", name: `${this.of.id}-seed-mode`, value: mode, checked: mode === "random", class: "visually-hidden", dataset: { testid: `seed-${mode}` }, on: { change: () => this.of.useSeedMode(mode) } }));
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
    const id = `${this.of.id}-label`;
    this.label = el("input", {
      type: "checkbox", id, "aria-describedby": `${id}-help`, dataset: { testid: "label" },
      on: {
        change: () => {
          this.of.isLabelled = this.label.checked;
          this.of.changed();
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
