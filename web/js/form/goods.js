// @ts-check
/** Which goods: one of the presets, or several at once as a sheet. Each card shows an example, how large it is printed, and how well. */

import { el, icon } from "../page/dom.js";
import { nameOf, t } from "../words/words.js";
import { inLanguage } from "./models.js";

/** Those with a picture in samples/goods/; another one gets an icon. */
const DRAWN = new Set(["tshirt", "mug", "keyring", "acrylicstand", "sticker", "phonecase", "totebag", "cushion", "poster"]);

/** The field in `root`. `onChange()` is called after every choice. */
export class GoodsField {
  constructor({ id, errorFor, onChange }) {
    this.id = id;
    this.onChange = onChange;
    /** @type {import("./models.js").Preset[]|null} */
    this.presets = null;
    this.most = 9;
    /** The preset that is chosen, empty where the prompt says it all. */
    this.preset = "";
    this.isSheet = false;
    /** Those of the sheet, in the order of the catalogue. */
    this.chosen = new Set();
    this.list = el("div", { class: "presets" });
    this.count = el("p", { class: "hint", role: "status", dataset: { testid: "sheet-count" } });
    this.all = el("button", { type: "button", class: "button link", dataset: { testid: "sheet-all" }, on: { click: () => this.#chooseAll() } });
    this.modes = [false, true].map((isSheet) =>
      el("label", { class: "choice" },
        el("input", {
          type: "radio", name: `${id}-mode`, value: isSheet ? "sheet" : "one", checked: !isSheet, class: "visually-hidden",
          dataset: { testid: isSheet ? "goods-sheet" : "goods-one" }, on: { change: () => this.useSheet(isSheet) },
        }),
        el("span", { class: "choice-face", i18n: isSheet ? "preset.sheet" : "preset.one" })));
    this.root = el("fieldset", { class: "field", dataset: { testid: "preset" }, tabindex: "-1" }, el("legend", { class: "field-label", i18n: "preset.label" }));
    this.modeBox = el("div", { class: "segments modes", role: "group", dataset: { i18nAttr: "aria-label:preset.mode" } }, ...this.modes);
    this.root.append(
      this.modeBox, el("div", { class: "label-row sheet-row" }, this.count, this.all), this.list, el("p", { class: "hint", i18n: "preset.example" }),
      errorFor("preset", this.root, this.root), errorFor("presets", this.root, this.root));
  }

  /** Takes the catalogue; what was chosen and is no longer in it is not chosen any more. */
  offer(presets, most) {
    this.presets = presets;
    this.most = most;
    if (presets) {
      const ids = new Set(presets.map(({ id }) => id));
      if (!ids.has(this.preset)) this.preset = "";
      this.chosen = new Set([...this.chosen].filter((id) => ids.has(id)));
    }
    this.draw();
  }

  /** @returns {import("./models.js").Preset|undefined} the catalogue's entry of the preset that is chosen. */
  get entry() {
    return this.isSheet ? undefined : this.presets?.find(({ id }) => id === this.preset);
  }

  /** How many pictures a sheet has; null where it is no sheet. */
  get pictures() {
    return this.isSheet ? this.chosen.size : null;
  }

  /** The sheet's presets in the catalogue's order. */
  get sheet() {
    return (this.presets ?? []).map(({ id }) => id).filter((id) => this.chosen.has(id));
  }

  use(id) {
    this.preset = id;
    this.isSheet = false;
    this.draw();
    this.onChange();
  }

  /** Turns the sheet on or off; at first it has all goods. */
  useSheet(isSheet, chosen = null) {
    this.isSheet = isSheet && this.presets !== null;
    if (chosen) this.chosen = new Set(chosen);
    else if (this.isSheet && this.chosen.size === 0) this.chosen = new Set((this.presets ?? []).slice(0, this.most).map(({ id }) => id));
    this.draw();
    this.onChange();
  }

  kept() {
    return { preset: this.preset, isSheet: this.isSheet, chosen: [...this.chosen] };
  }

  /** @param {{preset?: string, isSheet?: boolean, chosen?: string[]}} [kept] */
  restore({ preset = "", isSheet = false, chosen = [] } = {}) {
    Object.assign(this, { preset, isSheet, chosen: new Set(chosen) });
    this.draw();
    this.onChange();
  }

  nameOf(id) {
    return inLanguage(this.presets?.find((preset) => preset.id === id)?.name) ?? id;
  }

  /** Writes every word again in the language that is on. */
  draw() {
    this.modeBox.hidden = !this.presets || this.presets.length < 2;
    for (const mode of this.modes) mode.firstChild.checked = (mode.firstChild.value === "sheet") === this.isSheet;
    this.count.parentElement.hidden = !this.isSheet;
    if (!this.presets) {
      this.list.replaceChildren(el("p", { class: "hint", text: t("preset.loading") }));
      return;
    }
    this.list.replaceChildren(...(this.isSheet ? [] : [this.#ownCard()]), ...this.presets.map((preset) => this.#card(preset)));
    this.#tally();
  }

  #tally() {
    const most = Math.min(this.most, this.presets?.length ?? 0);
    this.count.textContent = t("preset.count", { n: this.chosen.size });
    this.all.textContent = t(this.chosen.size >= most ? "preset.noneOfAll" : "preset.all");
    for (const input of this.list.querySelectorAll("input")) {
      input.disabled = this.isSheet && !input.checked && this.chosen.size >= this.most;
    }
  }

  #chooseAll() {
    const presets = this.presets ?? [];
    const most = Math.min(this.most, presets.length);
    this.chosen = new Set(this.chosen.size >= most ? [] : presets.slice(0, most).map(({ id }) => id));
    this.draw();
    this.onChange();
  }

  #ownCard() {
    return this.#face("", icon("pen"), [el("span", { class: "preset-name", text: t("preset.none") })]);
  }

  /** @param {import("./models.js").Preset} preset */
  #card({ id, name, print, print_size: printSize }) {
    const picture = DRAWN.has(id)
      ? el("img", { src: `samples/goods/${id}.webp`, alt: "", width: 176, height: 176, loading: "lazy", decoding: "async" })
      : icon("gift");
    const verdict = print?.picture?.verdict;
    const size = print ? t("preset.size", { width: print.width_cm, height: print.height_cm }) : printSize;
    return this.#face(id, picture, [
      el("span", { class: "preset-name", text: inLanguage(name) ?? id }),
      size ? el("span", { class: "preset-size", text: size }) : null,
      verdict ? el("span", { class: `verdict ${verdict}`, text: nameOf("verdict", verdict) }) : null,
    ]);
  }

  #face(id, picture, words) {
    const isChosen = this.isSheet ? this.chosen.has(id) : this.preset === id;
    return el("label", { class: id === "" ? "preset own" : "preset" },
      el("input", {
        type: this.isSheet ? "checkbox" : "radio", name: `${this.id}-preset`, value: id, checked: isChosen, class: "visually-hidden",
        dataset: { testid: `preset-${id || "none"}` },
        on: { change: ({ target }) => this.#choose(id, target.checked) },
      }),
      el("span", { class: "preset-face" }, picture, el("span", { class: "preset-words" }, ...words)));
  }

  #choose(id, isOn) {
    if (!this.isSheet) this.preset = id;
    else if (isOn) this.chosen.add(id);
    else this.chosen.delete(id);
    this.#tally();
    this.onChange();
  }
}
