// @ts-check
/** The newest jobs in one row: those on their way first, running ones with a ring. */

import { el, icon } from "../page/dom.js";
import { drawRing } from "../page/ring.js";
import { state, subscribe } from "../page/store.js";
import { currentLanguage, nameOf, t } from "../words/words.js";
import { allItems } from "./list.js";
import { pictureOf, turnRings } from "./pictures.js";

const MOST = 24;

const list = /** @type {HTMLElement} */ (document.getElementById("films"));
/** On a phone the one in the header. */
const links = document.querySelectorAll("[href='#history-section']");
let drawn = "";

/** @typedef {import("../page/store.js").Sending} Sending */
/** @typedef {{onOpen: (id: string) => void, onSending: (key: string) => void}} Actions */

/** @param {Actions} actions */
export function build(actions) {
  subscribe(() => draw(actions));
  setInterval(turn, 1000);
  for (const link of links) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      document.getElementById("history-section")?.scrollIntoView({ block: "start" });
      document.getElementById("history-title")?.focus({ preventScroll: true });
    });
  }
}

/** @param {Actions} actions */
function draw(actions) {
  const items = allItems().slice(0, MOST);
  const sendings = [...state.sendings.values()].reverse();
  const drawing = JSON.stringify([
    currentLanguage(), state.selected, [...state.fresh], sendings.map(({ key, isWaiting }) => [key, isWaiting]),
    items.map(({ id, status, title, missing, job }) => [id, status, title, missing, Boolean(job?.outputs?.length)]),
  ]);
  // A list rebuilt under the pointer would swallow the click.
  if (drawing === drawn) return;
  drawn = drawing;
  const focused = document.activeElement instanceof HTMLElement && list.contains(document.activeElement) ? document.activeElement.dataset.film : null;
  const wasAt = list.scrollLeft;
  // From the first one on it is there (place.js).
  if (items.length + sendings.length > 0) document.documentElement.classList.add("has-films");
  list.replaceChildren(
    ...sendings.map((sending) => film(sending.key, {
      status: "sending", words: t(sending.isWaiting ? "film.kept" : "film.sending", { kind: nameOf("kind", sending.kind) }), prompt: sending.prompt,
      picture: ringOf(sending), isCurrent: false, isFresh: false, onClick: () => actions.onSending(sending.key),
    })),
    ...items.map((item) => film(item.id, {
      status: item.status, words: `${stateOf(item)}, ${nameOf("kind", item.kind)}`, prompt: item.title,
      picture: pictureOf("film", item), isCurrent: item.id === state.selected, isFresh: state.fresh.has(item.id), onClick: () => actions.onOpen(item.id),
    })),
  );
  list.scrollLeft = wasAt;
  if (focused) /** @type {HTMLElement|null} */ (list.querySelector(`[data-film="${CSS.escape(focused)}"]`))?.focus({ preventScroll: true });
}

/** @param {import("./list.js").Item} item */
function stateOf({ status, count, missing }) {
  return status === "succeeded" && missing > 0 ? t("history.partial", { count, made: count - missing }) : t(`status.${status}`);
}

/**
 * @param {string} id
 * @param {{status: string, words: string, prompt: string, picture: Element, isCurrent: boolean, isFresh: boolean, onClick: () => void}} how
 */
function film(id, { status, words, prompt, picture, isCurrent, isFresh, onClick }) {
  const name = prompt ? `${words}: ${prompt}` : words;
  return el("li", {},
    el("button", {
      type: "button", class: `film${isFresh ? " fresh" : ""}`, "aria-label": name, title: name, "aria-current": isCurrent ? "true" : null,
      dataset: { film: id, status, testid: "film" }, on: { click: onClick },
    }, picture));
}

/** An arrow within the ring of what goes out; a clock where it waits for better times. @param {Sending} sending */
function ringOf(sending) {
  if (sending.isWaiting) return icon("clock");
  const ring = el("span", { class: "ring", "aria-hidden": "true", dataset: { sending: sending.key } });
  drawRing(ring, percentOf(sending));
  return el("span", { class: "film-sending" }, ring, icon("upload"));
}

/** @param {Sending} sending */
function percentOf({ uploaded = 0 }) {
  return uploaded > 0 ? Math.round(uploaded * 100) : null;
}

function turn() {
  turnRings(list);
  for (const ring of /** @type {Iterable<HTMLElement>} */ (list.querySelectorAll("[data-sending]"))) {
    const sending = state.sendings.get(/** @type {string} */ (ring.dataset.sending));
    if (sending) drawRing(ring, percentOf(sending));
  }
}
