/** The shelf as a row of pictures below a character's field: one press takes one, another removes it. */

import { el, icon } from "../page/dom.js";
import * as shelf from "../kept/shelf.js";
import { t } from "../words/words.js";

/** The row in `root`. `onTake(file)` gets the character that was chosen. */
export class ShelfRow {
  constructor({ onTake }) {
    this.onTake = onTake;
    this.characters = [];
    this.addresses = new Map(); // id → object URL
    this.list = el("ul", { class: "shelf-list" });
    this.title = el("span", { class: "shelf-title", i18n: "shelf.title" });
    this.root = el("div", { class: "shelf", hidden: true, dataset: { testid: "shelf" } }, this.title, this.list);
    shelf.onChange(() => this.#read());
    this.#read();
  }

  /** Writes every word again in the language that is on. */
  draw() {
    this.title.textContent = t("shelf.title");
    this.root.hidden = this.characters.length === 0;
    this.list.replaceChildren(...this.characters.map((character, index) => this.#item(character, index + 1)));
  }

  async #read() {
    this.characters = await shelf.characters();
    const ids = new Set(this.characters.map(({ id }) => id));
    for (const [id, address] of this.addresses) {
      if (ids.has(id)) continue;
      URL.revokeObjectURL(address);
      this.addresses.delete(id);
    }
    this.draw();
  }

  #item({ id, file, small }, number) {
    if (small && !this.addresses.has(id)) this.addresses.set(id, URL.createObjectURL(small));
    const picture = small ? el("img", { src: this.addresses.get(id), alt: "", width: 44, height: 44 }) : icon("person");
    const names = { n: number, name: file.name };
    return el("li", {},
      el("button", { type: "button", class: "shelf-take", "aria-label": t("shelf.take", names), title: file.name, dataset: { testid: "shelf-take" }, on: { click: () => this.onTake(file) } }, picture),
      el("button", { type: "button", class: "shelf-remove", "aria-label": t("shelf.remove", names), dataset: { testid: "shelf-remove" }, on: { click: () => this.#forget(id, number - 1) } }, icon("close")));
  }

  async #forget(id, at) {
    await shelf.forget(id);
    await this.#read();
    const next = [...this.list.querySelectorAll(".shelf-remove")].at(Math.min(at, this.characters.length - 1));
    if (next) next.focus();
    else this.root.parentElement?.querySelector("input[type=file]")?.focus();
  }
}
