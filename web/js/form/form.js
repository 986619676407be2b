/** One kind's form: its images, prompt, presets and options; what they say together; errors beside their field. */

import { translatePrompt } from "../api/api.js";
import { el, icon } from "../page/dom.js";
import { formatDollars, hasWords, t, translate } from "../words/words.js";
import { ImageField } from "../images/image-field.js";
import { chosenModel, defaultModel, inLanguage, kindsOf, modelName, modelsOf } from "./models.js";
import { MIN_SIDE_PX } from "../images/picture-check.js";
import { cleanPrompt, countCharacters, isBlank, isDamaged } from "./text.js";

/** What the form offers until GET /api/options has answered; the same values the contract fixes. */
export const BASIC_OPTIONS = {
  aspect_ratios: [
    "match_input_image", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "21:9", "9:21", "2:1", "1:2",
  ],
  output_formats: ["png", "jpeg"],
  safety_tolerance: { min: 0, max: 2, default: 2 },
  seed: { min: 0, max: 4294967295 },
  n: { min: 1, max: 4, default: 1 },
  prompt: { min_length: 1, max_length: 2000 },
  image: {
    max_bytes: 5 * 1024 * 1024,
    content_types: ["image/png", "image/jpeg", "image/webp", "image/avif", "image/heic", "image/heif", "image/gif"],
  },
  presets: null,
  generators: [
    { kind: "ppl", path: "/api/ppl-gen/generate", images: ["input_image_1", "input_image_2"] },
    { kind: "goods", path: "/api/goods-gen/generate", images: ["input_image"] },
  ],
};

/** The kinds whose prompt may be left to a preset. */
const WITH_PRESETS = new Set(["goods"]);
const IMAGE_ICONS = { input_image_1: "person", input_image_2: "bottle", input_image: "person" };
const SAMPLES = {
  ppl: [
    { input_image_1: "character-haneul.jpg", input_image_2: "product-can.jpg" },
    { input_image_1: "character-jun.jpg", input_image_2: "product-serum.jpg" },
  ],
  goods: [{ input_image: "character-haneul.jpg" }, { input_image: "character-jun.jpg" }],
};
const PRESET_ICONS = [
  [/hood|sweat/, "hoodie"], [/shirt|tee/, "tshirt"], [/tumbler|bottle/, "tumbler"], [/mug|cup/, "mug"],
  [/key|strap/, "keyring"], [/stick/, "sticker"], [/badge|button|pin/, "badge"], [/bag|tote/, "bag"],
  [/phone|case/, "phone"], [/poster|card|calendar|note|print/, "poster"], [/cushion|pillow/, "cushion"],
  [/stand|acrylic|figure/, "stand"], [/doll|plush/, "doll"],
];
const HANGUL = /[\u3131-\u318e\uac00-\ud7a3]/;

/** A kind's form. `onSubmit(request)` gets `{kind, path, form, prompt, images}` once everything is filled in. */
export class GeneratorForm {
  constructor({ kind, path, images }, { onSubmit }) {
    this.kind = kind;
    this.path = path;
    this.imageNames = images;
    this.samples = SAMPLES[kind] ?? [];
    this.options = BASIC_OPTIONS;
    this.images = new Map();
    this.fields = new Map();
    this.sampleTurn = 0;
    /** Fulfilled when the sample that was asked for is in the form. */
    this.sampleReady = Promise.resolve();
    this.preset = "";
    this.model = "";
    this.values = { aspect_ratio: "match_input_image", output_format: "png", n: "1" };
    this.onSubmit = onSubmit;
    this.root = this.#build();
    this.setOptions(BASIC_OPTIONS);
  }

  /** Takes limits, presets and models from the server; what was already entered stays. */
  setOptions(options) {
    this.options = { ...BASIC_OPTIONS, ...options };
    this.path = kindsOf(this.options).find((entry) => entry.kind === this.kind)?.path ?? this.path;
    const { min, max } = this.options.safety_tolerance;
    this.safety.min = min;
    this.safety.max = max;
    this.seedValue.min = this.options.seed.min;
    this.seedValue.max = this.options.seed.max;
    this.retranslate();
  }

  /** Writes every word again in the language that is on. */
  retranslate() {
    translate(this.root);
    this.#drawPresets();
    this.#drawChoices();
    this.#drawModels();
    this.#drawSafety();
    this.#drawPromptTools();
    for (const field of this.images.values()) field.refresh();
    for (const { field, message } of this.#check()) if (!this.fields.get(field).error.hidden) this.#setError(field, message);
  }

  /** @returns {boolean} whether something was entered that leaving the page would lose. */
  hasEntries() {
    return this.prompt.value !== "" || [...this.images.values()].some((field) => field.file !== null);
  }

  /** Shows whether a request is on its way; a second one cannot be sent meanwhile. */
  setBusy(busy) {
    this.submitButton.disabled = busy;
    this.submitLabel.textContent = t(busy ? "form.sending" : "form.submit");
    this.submitLabel.dataset.i18n = busy ? "form.sending" : "form.submit";
  }

  /**
   * Puts each error beside its field and moves to the first.
   * @param {{field: string, message: string}[]} errors
   * @returns {{field: string, message: string}[]} those that belong to no field here.
   */
  showErrors(errors) {
    this.clearErrors();
    const rest = [];
    let first = null;
    for (const error of errors) {
      const field = this.fields.get(error.field);
      if (!field || field.box.hidden) {
        rest.push(error);
        continue;
      }
      this.#setError(error.field, error.message);
      first ??= field;
    }
    if (first) {
      first.control.closest("details")?.setAttribute("open", "");
      first.control.focus({ preventScroll: true });
      first.box.scrollIntoView({ block: "center" });
    }
    return rest;
  }

  /** Puts the server's errors in other words, where they still stand. */
  rewordErrors(before, after) {
    for (const { field: name, message } of after) {
      const field = this.fields.get(name);
      const stands = field && !field.error.hidden && before.some((error) => error.field === name && error.message === field.error.textContent);
      if (stands) this.#setError(name, message);
    }
  }

  clearErrors() {
    for (const name of this.fields.keys()) this.#clearError(name);
  }

  /** Fixes the seed. */
  useSeed(seed) {
    this.seedValue.value = String(seed);
    this.#setSeedMode("fixed");
    this.details.open = true;
  }

  /** Fills the form from a job's input; images cannot be brought back. */
  useInput(input) {
    this.prompt.value = input.prompt ?? "";
    this.originalPrompt = null;
    for (const name of ["aspect_ratio", "output_format", "n"]) if (input[name] != null) this.values[name] = String(input[name]);
    if (input.safety_tolerance != null) this.safety.value = String(input.safety_tolerance);
    this.preset = input.preset ?? "";
    this.model = input.model ?? "";
    this.seedValue.value = input.seed ?? "";
    this.#setSeedMode(input.seed == null ? "random" : "fixed");
    this.retranslate();
  }

  async #useSample() {
    const turn = this.sampleTurn % this.samples.length;
    const sample = this.samples[turn];
    this.sampleButton.disabled = true;
    try {
      const files = await Promise.all(
        Object.entries(sample).map(async ([name, fileName]) => {
          const response = await fetch(`samples/${fileName}`);
          if (!response.ok) throw new Error(fileName);
          return [name, new File([await response.blob()], fileName, { type: "image/jpeg" })];
        }),
      );
      this.clearErrors();
      await Promise.all(files.map(([name, file]) => this.images.get(name).take(file)));
      this.prompt.value = t(`sample.${this.kind}.${turn}`);
      this.originalPrompt = null;
      this.sampleTurn += 1;
      this.#drawPromptTools();
    } catch {
      this.showErrors([{ field: this.imageNames[0], message: t("sample.error") }]);
    } finally {
      this.sampleButton.disabled = false;
    }
  }

  async #submit(event) {
    event.preventDefault();
    await this.sampleReady;
    await Promise.all([...this.images.values()].map((field) => field.ready));
    const errors = this.#check();
    if (errors.length > 0) {
      this.showErrors(errors);
      return;
    }
    this.clearErrors();
    const prompt = cleanPrompt(this.prompt.value);
    const form = new FormData();
    if (!isBlank(prompt)) form.append("prompt", prompt);
    if (this.preset) form.append("preset", this.preset);
    for (const [name, { prepared }] of this.images) form.append(name, prepared.file, prepared.file.name);
    for (const [name, value] of Object.entries(this.values)) form.append(name, value);
    form.append("safety_tolerance", this.safety.value);
    if (this.seedMode === "fixed") form.append("seed", this.seedValue.value.trim());
    // The default goes unnamed: a named model is made by that one only, without the fallback.
    const models = modelsOf(this.options, this.kind);
    const model = chosenModel(models, this.model);
    if (model !== defaultModel(models)) form.append("model", model.model);
    this.onSubmit({ kind: this.kind, path: this.path, form, prompt: prompt || this.#presetName(this.preset) });
  }

  #check() {
    const errors = [];
    for (const [name, field] of this.images) {
      if (field.problem) errors.push({ field: name, message: field.problemWords });
      else if (!field.prepared) errors.push({ field: name, message: t("image.required") });
    }
    const wrongWithPrompt = this.#wrongWithPrompt();
    if (wrongWithPrompt) errors.push({ field: "prompt", message: wrongWithPrompt });
    const seed = this.seedValue.value.trim();
    const { min, max } = this.options.seed;
    if (this.seedMode === "fixed" && !(/^\d+$/.test(seed) && Number(seed) >= min && Number(seed) <= max)) {
      errors.push({ field: "seed", message: t("option.seedInvalid") });
    }
    return errors;
  }

  /** What the server would refuse of the prompt; null where it would not. */
  #wrongWithPrompt() {
    const text = this.prompt.value;
    if (isBlank(text)) {
      if (this.preset) return null;
      if (text.trim()) return t("prompt.unseen");
      return t(WITH_PRESETS.has(this.kind) ? "prompt.requiredGoods" : "prompt.required");
    }
    return this.#tooLong() ?? (isDamaged(text) ? t("prompt.damaged") : null);
  }

  #tooLong() {
    const max = this.options.prompt.max_length;
    const over = countCharacters(this.prompt.value) - max;
    return over > 0 ? t("prompt.tooLong", { max, over }) : null;
  }

  async #translatePrompt() {
    if (this.originalPrompt !== null) {
      this.prompt.value = this.originalPrompt;
      this.originalPrompt = null;
      this.promptNote.textContent = "";
      this.#drawPromptTools();
      return;
    }
    const original = this.prompt.value;
    const wrong = this.#wrongWithPrompt();
    if (wrong) {
      this.#setError("prompt", wrong);
      return;
    }
    this.translateButton.disabled = true;
    this.promptNote.textContent = t("prompt.translating");
    try {
      const translated = await translatePrompt(this.path, cleanPrompt(original));
      this.originalPrompt = original;
      this.prompt.value = translated;
      this.promptNote.textContent = t("prompt.translated");
    } catch {
      this.promptNote.textContent = t("prompt.translateFailed");
    } finally {
      this.translateButton.disabled = false;
      this.#drawPromptTools();
    }
  }

  #id(name) {
    return `${this.kind}-${name}`;
  }

  /** Registers where a field's error is shown and returns that element. */
  #errorFor(name, control, box) {
    const error = el("p", { class: "field-error", id: this.#id(`${name}-error`), hidden: true, dataset: { testid: `field-error-${name}` } });
    control.setAttribute("aria-describedby", [control.getAttribute("aria-describedby"), error.id].filter(Boolean).join(" "));
    this.fields.set(name, { control, box, error });
    return error;
  }

  #build() {
    const imageSlots = this.imageNames.map((name) => this.#buildImage(name));
    this.sampleButton = el(
      "button",
      { type: "button", class: "button quiet", dataset: { testid: "use-sample" }, on: { click: () => (this.sampleReady = this.#useSample()) } },
      el("span", { class: "sample-stack", "aria-hidden": "true" },
        ...Object.values(this.samples[0] ?? {}).map((file) => el("img", { src: `samples/${file}`, alt: "", width: 24, height: 30 }))),
      el("span", { i18n: "sample.use" }),
    );
    this.submitLabel = el("span", { i18n: "form.submit" });
    this.submitButton = el("button", { type: "submit", class: "button primary", dataset: { testid: "submit" } }, icon("spark"), this.submitLabel);
    this.expected = el("p", { class: "expected", dataset: { testid: "expected" } });
    return el(
      "form",
      { class: "generator", novalidate: true, on: { submit: (event) => this.#submit(event) } },
      el("div", { class: `images images-${imageSlots.length}` }, ...imageSlots),
      this.samples.length > 0 ? el("div", { class: "sample-row" }, this.sampleButton) : null,
      WITH_PRESETS.has(this.kind) ? this.#buildPresets() : null,
      this.#buildPrompt(),
      this.#buildChoices("aspect_ratio", "option.aspect_ratio", "ratios"),
      this.#buildChoices("n", "option.n", "segments"),
      this.#buildDetails(),
      el("div", { class: "submit-bar" }, this.submitButton, this.expected),
    );
  }

  #buildImage(name) {
    const field = new ImageField(name, {
      id: this.#id(name),
      picture: IMAGE_ICONS[name] ?? "image",
      limits: () => this.#imageLimits(),
      onProblem: (words) => (words ? this.#setError(name, words) : this.#clearError(name)),
    });
    const error = this.#errorFor(name, field.input, field.root);
    // A file is read after it was chosen: what is wrong with it comes unasked.
    error.setAttribute("aria-live", "polite");
    field.root.insertBefore(error, field.cropButton);
    this.images.set(name, field);
    return field.root;
  }

  /** What images may be for the chosen model. */
  #imageLimits() {
    const { max_bytes: maxBytes, max_pixels_by_type: maxPixels, content_types: types } = this.options.image;
    const model = chosenModel(modelsOf(this.options, this.kind), this.model);
    const minSide = model?.min_side_px ?? MIN_SIDE_PX;
    return { maxBytes, maxPixels, types, minSide };
  }

  #setError(name, words) {
    const field = this.fields.get(name);
    if (field.error.textContent !== words) field.error.textContent = words;
    field.error.hidden = false;
    field.control.setAttribute("aria-invalid", "true");
    field.box.classList.add("invalid");
  }

  #clearError(name) {
    const field = this.fields.get(name);
    field.error.hidden = true;
    field.error.textContent = "";
    field.control.removeAttribute("aria-invalid");
    field.box.classList.remove("invalid");
  }

  #buildPresets() {
    this.presetList = el("div", { class: "presets" });
    this.presetBox = el("fieldset", { class: "field", dataset: { testid: "preset" }, tabindex: "-1" }, el("legend", { class: "field-label", i18n: "preset.label" }), this.presetList);
    this.presetBox.append(this.#errorFor("preset", this.presetBox, this.presetBox));
    return this.presetBox;
  }

  #drawPresets() {
    if (!this.presetList) return;
    if (!this.options.presets) {
      this.presetList.replaceChildren(el("p", { class: "hint", text: t("preset.loading") }));
      return;
    }
    const card = (id, name, iconName) =>
      el("label", { class: "preset" },
        el("input", {
          type: "radio", name: this.#id("preset"), value: id, checked: this.preset === id, class: "visually-hidden",
          dataset: { testid: `preset-${id || "none"}` },
          on: { change: () => this.#choosePreset(id) },
        }),
        el("span", { class: "preset-face" }, icon(iconName), el("span", { text: name })));
    this.presetList.replaceChildren(
      card("", t("preset.none"), "pen"),
      ...this.options.presets.map((preset) => card(preset.id, this.#presetName(preset.id), iconFor(preset.id))),
    );
  }

  #choosePreset(id) {
    this.preset = id;
    const preset = this.options.presets.find((candidate) => candidate.id === id);
    if (preset?.aspect_ratio) this.values.aspect_ratio = preset.aspect_ratio;
    this.clearErrors();
    this.#drawChoices();
    this.#drawPromptTools();
  }

  #presetName(id) {
    const preset = this.options.presets?.find((candidate) => candidate.id === id);
    return inLanguage(preset?.name) ?? id;
  }

  #buildPrompt() {
    const id = this.#id("prompt");
    this.originalPrompt = null;
    this.promptNote = el("p", { class: "hint", id: `${id}-note`, "aria-live": "polite" });
    this.promptOver = el("p", { class: "hint over", role: "status", dataset: { testid: "prompt-over" } });
    this.promptCount = el("span", { class: "count", dataset: { testid: "prompt-count" } });
    this.optionalMark = el("span", { class: "optional", i18n: "prompt.optional", hidden: true });
    const example = `prompt.placeholder.${this.kind}`;
    this.prompt = el("textarea", {
      id, rows: 4, dataset: { testid: "prompt", i18nAttr: hasWords(example) ? `placeholder:${example}` : "" }, "aria-describedby": `${id}-note`,
      on: {
        input: () => {
          this.originalPrompt = null;
          this.#clearError("prompt");
          this.promptNote.textContent = "";
          this.#drawPromptTools();
        },
      },
    });
    this.translateButton = el("button", { type: "button", class: "button link", dataset: { testid: "translate" }, on: { click: () => this.#translatePrompt() } });
    const box = el("div", { class: "field" });
    const error = this.#errorFor("prompt", this.prompt, box);
    box.append(
      el("div", { class: "label-row" }, el("label", { class: "field-label", for: id, i18n: "prompt.label" }), this.optionalMark),
      this.prompt, error,
      el("div", { class: "prompt-tools" }, this.translateButton, this.promptCount),
      this.promptOver,
      this.promptNote,
    );
    return box;
  }

  #drawPromptTools() {
    const max = this.options.prompt.max_length;
    const count = countCharacters(this.prompt.value);
    const isOver = count > max;
    this.promptCount.textContent = t(isOver ? "prompt.countOver" : "prompt.count", { count, max, over: count - max });
    this.promptCount.classList.toggle("over", isOver);
    const words = isOver ? t("prompt.over", { max }) : "";
    // Said once, not at every key.
    if (this.promptOver.textContent !== words) this.promptOver.textContent = words;
    this.optionalMark.hidden = !this.preset;
    const changed = this.originalPrompt !== null;
    this.translateButton.hidden = !changed && (!HANGUL.test(cleanPrompt(this.prompt.value)) || isBlank(this.prompt.value));
    this.translateButton.textContent = t(changed ? "prompt.original" : "prompt.translate");
  }

  #buildChoices(name, labelKey, look) {
    const list = el("div", { class: look });
    const box = el("fieldset", { class: "field", tabindex: "-1", dataset: { testid: name } }, el("legend", { class: "field-label", i18n: labelKey }), list);
    box.append(this.#errorFor(name, box, box));
    this.choiceLists ??= new Map();
    this.choiceLists.set(name, list);
    return box;
  }

  #drawChoices() {
    const { aspect_ratios, output_formats, n } = this.options;
    const counts = Array.from({ length: n.max - n.min + 1 }, (_, index) => String(n.min + index));
    this.#drawChoice("aspect_ratio", aspect_ratios, (ratio) => [ratioShape(ratio), ratio === "match_input_image" ? t("option.match_input_image") : ratio]);
    this.#drawChoice("n", counts, (count) => [t("option.count", { n: count })]);
    this.#drawChoice("output_format", output_formats, (format) => [format.toUpperCase()]);
  }

  #drawChoice(name, values, face) {
    const list = this.choiceLists.get(name);
    if (!values.includes(this.values[name])) this.values[name] = values[0];
    list.replaceChildren(
      ...values.map((value) =>
        el("label", { class: "choice" },
          el("input", {
            type: "radio", name: this.#id(name), value, checked: this.values[name] === value, class: "visually-hidden",
            "aria-label": value === "match_input_image" ? t("option.matchLabel") : null,
            on: { change: () => { this.values[name] = value; } },
          }),
          el("span", { class: "choice-face" }, ...face(value)))),
    );
  }

  #buildModels() {
    this.modelList = el("div", { class: "models" });
    this.modelBox = el("fieldset", { class: "field", tabindex: "-1", hidden: true, dataset: { testid: "model" } }, el("legend", { class: "field-label", i18n: "option.model" }), this.modelList);
    this.modelBox.append(this.#errorFor("model", this.modelBox, this.modelBox), el("p", { class: "hint", i18n: "option.modelHelp" }));
    return this.modelBox;
  }

  #drawModels() {
    const models = modelsOf(this.options, this.kind);
    const [usual, chosen] = [defaultModel(models), chosenModel(models, this.model)];
    const offered = models.length > 1 ? models : [];
    this.modelBox.hidden = offered.length === 0;
    this.modelList.replaceChildren(
      ...offered.map((entry, index) => this.#modelCard(entry, index, { isDefault: entry === usual, checked: entry === chosen })),
    );
    this.#drawExpected();
  }

  #modelCard(entry, index, { isDefault, checked }) {
    const id = this.#id(`model-${index}`);
    const facts = [
      entry.expected_seconds > 0 ? t("option.modelSeconds", { seconds: entry.expected_seconds }) : null,
      entry.price_usd > 0 ? t("option.modelPrice", { price: formatDollars(entry.price_usd) }) : null,
    ];
    return el("label", { class: "choice" },
      el("input", {
        type: "radio", name: this.#id("model"), value: entry.model, checked, class: "visually-hidden",
        "aria-labelledby": `${id}-name`, "aria-describedby": `${id}-facts`,
        on: {
          change: () => {
            this.model = entry.model;
            this.#clearError("model");
            this.#drawExpected();
            for (const field of this.images.values()) field.refresh();
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

  /** How long it usually takes, and of which model that is said where there are several. */
  #drawExpected() {
    const model = chosenModel(modelsOf(this.options, this.kind), this.model);
    const seconds = model?.expected_seconds;
    const words = [
      this.modelBox.hidden ? null : modelName(this.options, model.model),
      seconds > 0 ? t("form.expected", { seconds }) : null,
    ];
    this.expected.textContent = words.filter(Boolean).join(" · ");
  }

  #buildDetails() {
    const safetyId = this.#id("safety");
    this.safetyWords = el("output", { class: "safety-words", for: safetyId });
    this.safety = el("input", { type: "range", id: safetyId, step: 1, min: 0, max: 2, value: 2, dataset: { testid: "safety_tolerance" }, on: { input: () => this.#drawSafety() } });
    const safetyBox = el("div", { class: "field" });
    const safetyError = this.#errorFor("safety_tolerance", this.safety, safetyBox);
    safetyBox.append(el("div", { class: "label-row" }, el("label", { class: "field-label", for: safetyId, i18n: "option.safety_tolerance" }), this.safetyWords), this.safety, safetyError);

    this.seedMode = "random";
    this.seedValue = el("input", { type: "text", inputmode: "numeric", autocomplete: "off", maxlength: 10, class: "seed-value", hidden: true, dataset: { testid: "seed", i18nAttr: "aria-label:option.seedValue" }, on: { input: () => this.#clearError("seed") } });
    this.seedRadios = ["random", "fixed"].map((mode) =>
      el("input", { type: "radio", name: this.#id("seed-mode"), value: mode, checked: mode === "random", class: "visually-hidden", dataset: { testid: `seed-${mode}` }, on: { change: () => this.#setSeedMode(mode) } }));
    const seedBox = el("fieldset", { class: "field" }, el("legend", { class: "field-label", i18n: "option.seed" }));
    const seedError = this.#errorFor("seed", this.seedValue, seedBox);
    seedBox.append(
      el("div", { class: "seed-row" },
        el("div", { class: "segments" },
          el("label", { class: "choice" }, this.seedRadios[0], el("span", { class: "choice-face", i18n: "option.seedRandom" })),
          el("label", { class: "choice" }, this.seedRadios[1], el("span", { class: "choice-face", i18n: "option.seedFixed" }))),
        this.seedValue),
      seedError,
      el("p", { class: "hint", i18n: "option.seedHelp" }),
    );
    this.details = el("details", { class: "more", open: matchMedia("(min-width: 900px)").matches },
      el("summary", { i18n: "option.more" }),
      el("div", { class: "more-body" }, this.#buildModels(), this.#buildChoices("output_format", "option.output_format", "segments"), safetyBox, seedBox));
    return this.details;
  }

  #setSeedMode(mode) {
    this.seedMode = mode;
    for (const radio of this.seedRadios) radio.checked = radio.value === mode;
    this.seedValue.hidden = mode !== "fixed";
    if (mode === "fixed" && !this.seedValue.value) {
      this.seedValue.value = String(crypto.getRandomValues(new Uint32Array(1))[0]);
    }
    this.#clearError("seed");
  }

  #drawSafety() {
    const key = `option.safety.${this.safety.value}`;
    this.safetyWords.textContent = t(key);
    this.safety.setAttribute("aria-valuetext", t(key));
  }
}

function iconFor(presetId) {
  return PRESET_ICONS.find(([pattern]) => pattern.test(presetId.toLowerCase()))?.[1] ?? "gift";
}

/** A small outline with the ratio's shape. */
function ratioShape(ratio) {
  const shape = el("span", { class: "ratio-shape", "aria-hidden": "true" });
  if (ratio === "match_input_image") {
    shape.classList.add("ratio-original");
    return shape;
  }
  const [width, height] = ratio.split(":").map(Number);
  const scale = 20 / Math.max(width, height);
  shape.style.width = `${Math.max(7, width * scale)}px`;
  shape.style.height = `${Math.max(7, height * scale)}px`;
  return shape;
}
