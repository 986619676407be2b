// @ts-check
/** The large view of a job's pictures: one at a time, or beside what it was made of, so that a label can be read and compared. */

import { el, icon } from "../page/dom.js";
import { t } from "../words/words.js";
import { inLanguage } from "../form/models.js";
import * as address from "../page/address.js";
import { downloadButton, favouriteButton } from "./picture-actions.js";
import { Zoom } from "./zoom.js";

/** One of the pictures that lie side by side; `find`: its link in a newer version of the job. @typedef {{name: string, url: string, find: (job: import("../api/jobs.js").KnownJob) => string|undefined}} Shown */

/** Where there is neither wheel nor key. */
const FINGERS = matchMedia("(pointer: coarse)");

export class Viewer {
  index = 0;
  isBeside = false;
  /** Whether the way back leads out of it. */
  hasStep = false;
  /** @type {((index: number) => void)|undefined} */
  onClose;
  /** @type {Zoom} */
  zoom;

  /** @param {import("./picture-actions.js").Desk} desk */
  constructor(desk) {
    this.desk = desk;
    this.dialog = null;
  }

  get isOpen() {
    return this.dialog?.open === true;
  }

  /** Opens at a picture; `onClose(index)` hears which one was shown last. @param {number} index @param {(index: number) => void} onClose */
  open(index, onClose) {
    this.index = index;
    this.onClose = onClose;
    this.isBeside = false;
    this.#build();
    document.body.append(this.dialog);
    this.dialog.showModal();
    address.lay(() => {
      this.hasStep = false;
      this.dialog?.close();
    });
    this.hasStep = true;
    this.#draw();
    this.stage.focus();
  }

  /** Away with it, because something else comes on show. */
  close() {
    if (!this.dialog) return;
    this.hasStep = false;
    address.leave();
    this.dialog.close();
  }

  #build() {
    const tool = (/** @type {string} */ key, /** @type {string} */ name, /** @type {string} */ testid, /** @type {() => void} */ action) => el("button", { type: "button", class: "round tool", "aria-label": t(key), title: t(key), dataset: { testid }, on: { click: action } }, icon(name));
    this.name = el("h2", { class: "viewer-name" });
    this.beside = el("button", { type: "button", class: "button tool-wide", "aria-pressed": "false", text: t("viewer.beside"), dataset: { testid: "viewer-beside" }, on: { click: () => this.#setBeside(!this.isBeside) } });
    this.level = el("output", { class: "viewer-level", dataset: { testid: "viewer-level" } });
    this.character = el("button", { type: "button", class: "button tool-wide", text: t("picture.useAsCharacter"), hidden: !this.desk.actions.useAsCharacter, dataset: { testid: "viewer-use-as-character" }, on: { click: () => this.#useAsCharacter() } });
    this.download = el("span", { class: "viewer-own" });
    this.panes = el("div", { class: "viewer-panes" });
    this.stage = el("div", { class: "viewer-stage", tabindex: "0", role: "group", "aria-label": t("viewer.stage"), dataset: { testid: "viewer-stage" } }, this.panes);
    this.hint = el("p", { class: "viewer-hint" });
    this.previous = tool("viewer.previous", "back", "viewer-previous", () => this.#step(-1));
    this.next = tool("viewer.next", "forward", "viewer-next", () => this.#step(1));
    this.dialog = el("dialog", {
      class: "viewer", "aria-label": t("viewer.title"), dataset: { testid: "viewer" },
      on: { keydown: (event) => this.#key(event), close: () => this.#closed() },
    },
      el("div", { class: "viewer-bar" },
        this.name,
        this.beside,
        this.character,
        this.download,
        tool("viewer.close", "close", "viewer-close", () => this.dialog?.close())),
      this.stage,
      el("div", { class: "viewer-foot" },
        this.previous,
        el("div", { class: "viewer-tools", role: "group", "aria-label": t("viewer.zoom") },
          tool("viewer.farther", "minus", "viewer-farther", () => this.zoom.farther()),
          this.level,
          tool("viewer.nearer", "plus", "viewer-nearer", () => this.zoom.nearer()),
          tool("viewer.fit", "fit", "viewer-fit", () => this.zoom.fit())),
        this.next,
        this.hint));
    this.zoom = new Zoom(this.stage, (scale) => { this.level.textContent = `${Math.round(scale * 100)}%`; });
  }

  #outputs() {
    return this.desk.job().outputs ?? [];
  }

  #output() {
    return this.#outputs().find(({ index }) => index === this.index) ?? this.#outputs()[0];
  }

  #draw() {
    const outputs = this.#outputs();
    const output = this.#output();
    const sources = this.desk.job().input?.images ?? [];
    const at = outputs.indexOf(output);
    const item = inLanguage(this.desk.presets().find(({ id }) => id === output.preset)?.name);
    if (outputs.length > 1) this.name.textContent = t(item ? "viewer.nameOf" : "viewer.name", { item, at: at + 1, count: outputs.length });
    else this.name.textContent = item || t("viewer.nameAlone");
    this.beside.hidden = sources.length === 0;
    this.beside.setAttribute("aria-pressed", String(this.isBeside));
    this.previous.hidden = this.next.hidden = outputs.length < 2;
    this.previous.disabled = at === 0;
    this.next.disabled = at === outputs.length - 1;
    this.hint.textContent = this.isBeside ? t(sources.length > 1 ? "viewer.hintLabel" : "viewer.hintCharacter") : t(FINGERS.matches ? "viewer.hintFingers" : "viewer.hint");
    this.download.replaceChildren(favouriteButton(this.desk, () => this.#output()), downloadButton(this.desk, () => this.#output()));
    /** @type {Shown[]} */
    const before = this.isBeside ? sources.map(({ field, url }) => ({ name: t(`image.${field}`), url, find: (job) => job.input?.images?.find((each) => each.field === field)?.url })) : [];
    /** @type {Shown} */
    const result = { name: t("viewer.result"), url: output.url, find: (job) => job.outputs?.find(({ index }) => index === output.index)?.url };
    const shown = [...before, result].map((each) => this.#pane(each));
    this.panes.dataset.count = String(shown.length);
    this.panes.replaceChildren(...shown.map(({ figure }) => figure));
    this.zoom.show(shown.map(({ view }) => view));
  }

  /** @param {Shown} shown */
  #pane({ name, url, find }) {
    let hasFailed = false;
    const image = el("img", {
      class: "viewer-image", alt: name, draggable: "false", dataset: { testid: "viewer-image" },
      on: {
        error: async () => {
          if (hasFailed) return;
          hasFailed = true;
          // Its link has ended: each read of the job signs new ones.
          const job = await this.desk.actions.refresh(this.desk.job().id);
          const fresh = job && find(job);
          if (fresh) image.src = fresh;
        },
      },
    });
    image.src = url;
    const view = el("div", { class: "pane-view" }, image);
    return { view, figure: el("figure", { class: "pane" }, view, this.isBeside ? el("figcaption", { text: name }) : null) };
  }

  /** @param {boolean} isOn */
  #setBeside(isOn) {
    this.isBeside = isOn;
    this.#draw();
  }

  /** @param {number} by */
  #step(by) {
    const outputs = this.#outputs();
    const next = outputs[outputs.indexOf(this.#output()) + by];
    if (!next) return;
    this.index = next.index;
    this.#draw();
    // A button that has become the last one would lose the focus.
    if (document.activeElement === document.body || document.activeElement?.hasAttribute("disabled")) this.stage.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    /** @type {[number, number]|undefined} */
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const keys = { "+": () => this.zoom.nearer(), "=": () => this.zoom.nearer(), "-": () => this.zoom.farther(), 0: () => this.zoom.fit() };
    if (arrows) {
      if (!this.zoom.pan(...arrows) && arrows[0]) this.#step(arrows[0]);
    } else if (Object.hasOwn(keys, event.key)) keys[event.key]();
    else if (event.key.toLowerCase() === "c" && !this.beside.hidden) this.#setBeside(!this.isBeside);
    else return;
    event.preventDefault();
  }

  /** The page shows something else then: only when the step is taken back. */
  async #useAsCharacter() {
    const [job, output] = [this.desk.job(), this.#output()];
    this.hasStep = false;
    this.dialog.close();
    await address.lift();
    this.desk.actions.useAsCharacter?.(job, output);
  }

  #closed() {
    if (this.hasStep) address.lift();
    this.hasStep = false;
    this.dialog.remove();
    this.dialog = null;
    this.onClose?.(this.index);
  }
}
