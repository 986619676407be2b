// @ts-check
/**
 * Short words about what was just done, for a while, at the foot of the page; with the way back where there is one. They are kept
 * as keys, so that they follow the language.
 */

import { el, icon } from "./dom.js";
import { onLanguageChange, t } from "../words/words.js";

/** How long one stays. */
const STAYS_MS = 6000;
/** How long it may be held up. */
const HELD_MS = 60_000;

const place = /** @type {HTMLElement} */ (document.getElementById("notices"));
const spoken = el("p", { class: "visually-hidden", role: "status" });
place.append(spoken);

let spokenTimer = 0;

/** @type {Set<Notice>} */
const shown = new Set();

/**
 * @typedef {object} How
 * @property {string} [action]
 * @property {() => void} [onAction]
 * @property {(hadFocus: boolean) => void} [onClose]
 * @property {"bad"} [tone]
 * @property {number} [milliseconds]
 */

class Notice {
  /** @param {string} key @param {Record<string, any>} values @param {How & {milliseconds: number}} how */
  constructor(key, values, { action, onAction, onClose, tone, milliseconds }) {
    this.write = () => {
      this.words.textContent = t(key, values);
      if (this.button) this.button.textContent = t(action);
      this.closer.setAttribute("aria-label", t("notice.close"));
    };
    this.onClose = onClose;
    this.words = el("p");
    this.button = action ? el("button", { type: "button", class: "button", dataset: { testid: "notice-action" }, on: { click: () => (onAction?.(), this.close()) } }) : null;
    this.closer = el("button", { type: "button", class: "button close", on: { click: () => this.close() } }, icon("close"));
    this.card = el("div", { class: "notice-card", dataset: { testid: "notice", tone: tone ?? "" } }, this.words, this.button, this.closer);
    this.write();
    this.rest = milliseconds;
    this.since = 0;
    this.isHeld = { pointer: false, focus: false };
    // Who is about to press it is not to be hurried: by a pointer that moves there, by a focus that shows.
    this.card.addEventListener("pointermove", () => this.#hold("pointer", true));
    this.card.addEventListener("pointerleave", () => this.#hold("pointer", false));
    this.card.addEventListener("focusin", ({ target }) => this.#hold("focus", target.matches(":focus-visible")));
    this.card.addEventListener("focusout", () => this.#hold("focus", false));
    this.last = setTimeout(() => this.close(), milliseconds + HELD_MS);
    place.append(this.card);
    this.#run();
  }

  #run() {
    this.since = performance.now();
    this.timer = setTimeout(() => this.close(), this.rest);
  }

  #hold(/** @type {"pointer"|"focus"} */ by, /** @type {boolean} */ isHeld) {
    const before = this.isHeld.pointer || this.isHeld.focus;
    this.isHeld[by] = isHeld;
    const now = this.isHeld.pointer || this.isHeld.focus;
    if (now === before || !shown.has(this)) return;
    clearTimeout(this.timer);
    if (now) this.rest = Math.max(1500, this.rest - (performance.now() - this.since));
    else this.#run();
  }

  close() {
    if (!shown.delete(this)) return;
    clearTimeout(this.timer);
    clearTimeout(this.last);
    const hadFocus = this.card.contains(document.activeElement);
    this.card.remove();
    this.onClose?.(hadFocus);
  }
}

/**
 * Says something. `action` is the key of a button's words, which calls `onAction` and ends the notice; `onClose(hadFocus)` is
 * called when it goes, by whatever way. Time stands still, for a minute at most, while it is pointed at or has the focus of somebody at the keys.
 * @param {string} key
 * @param {Record<string, any>} [values]
 * @param {How} [how]
 * @returns {Notice} `button` is that of the action.
 */
export function say(key, values = {}, how = {}) {
  for (const other of [...shown]) if (!other.button) other.close();
  const notice = new Notice(key, values, { milliseconds: STAYS_MS, ...how });
  shown.add(notice);
  // The region alone is heard by who listens: cards come with buttons.
  clearTimeout(spokenTimer);
  spoken.textContent = t(key, values);
  spokenTimer = setTimeout(hush, STAYS_MS);
  return notice;
}

/** What was heard is not read again later, nor in another language. */
function hush() {
  spoken.textContent = "";
}

onLanguageChange(() => {
  for (const notice of shown) notice.write();
  hush();
});
