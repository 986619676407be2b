// @ts-check
/** The history: all jobs as cards, by kind, by state and by what their prompts say. */

import { el, icon } from "../page/dom.js";
import { state, subscribe } from "../page/store.js";
import { currentLanguage, nameOf, onLanguageChange, t } from "../words/words.js";
import * as list from "./list.js";
import { pictureOf, turnRings } from "./pictures.js";

const STATES = ["processing", "succeeded", "failed", "canceled", list.FAVOURITES];

const tools = /** @type {HTMLElement} */ (document.getElementById("history-tools"));
const note = /** @type {HTMLElement} */ (document.getElementById("history-note"));
const cards = /** @type {HTMLElement} */ (document.getElementById("history-list"));
const more = /** @type {HTMLElement} */ (document.getElementById("history-more"));
const [byKind, byState] = ["kind", "status"].map((name) =>
  /** @type {HTMLSelectElement} */ (el("select", { dataset: { testid: `history-${name}` }, on: { change: ({ target }) => list.ask({ [name]: target.value }) } })));
const byText = /** @type {HTMLInputElement} */ (el("input", { type: "search", autocomplete: "off", dataset: { testid: "history-search" }, on: { input: ({ target }) => list.ask({ text: target.value }) } }));
let drawn = "";
let drawnTools = "";

/** @typedef {{onOpen: (id: string) => void, onDelete: (id: string) => void}} Actions */

/** @param {Actions} actions */
export function build(actions) {
  tools.append(byKind, byState, byText);
  more.addEventListener("click", async () => {
    const before = cards.children.length;
    await list.more();
    requestAnimationFrame(() => /** @type {HTMLElement|null|undefined} */ (cards.children[before]?.querySelector(".history-item"))?.focus());
  });
  subscribe(() => draw(actions));
  onLanguageChange(() => draw(actions));
  setInterval(() => turnRings(cards), 1000);
}

/** @param {Actions} actions */
function draw(actions) {
  drawTools();
  const { items, hasMore, isFiltered, isFailed, isReading, areFavourites } = list.shown();
  const drawing = JSON.stringify([
    currentLanguage(), state.selected, hasMore, isFiltered, isFailed, isReading, areFavourites,
    items.map(({ id, status, title, count, missing, job }) => [id, status, title, count, missing, Boolean(job?.outputs?.length)]),
  ]);
  // A list rebuilt under the pointer would swallow the click.
  if (drawing === drawn) return;
  drawn = drawing;
  more.hidden = !hasMore;
  let words = "";
  if (isFailed) words = t("history.failed");
  else if (items.length === 0 && isReading) words = t("history.reading");
  else if (items.length === 0 && areFavourites) words = t("history.noFavourites");
  else if (items.length === 0 && isFiltered) words = t(hasMore ? "history.nothingFoundYet" : "history.nothingFound");
  else if (items.length === 0) words = t("history.empty");
  else if (isFiltered) words = t("history.found", { count: hasMore ? `${items.length}+` : items.length });
  if (note.textContent !== words) note.textContent = words;
  const focused = document.activeElement instanceof HTMLElement && cards.contains(document.activeElement) ? document.activeElement : null;
  const [job, part] = [focused?.closest("li")?.dataset.job, focused?.dataset.testid];
  cards.replaceChildren(...items.map((item) => card(item, actions)));
  if (job) {
    const item = cards.querySelector(`li[data-job="${CSS.escape(job)}"]`);
    /** @type {HTMLElement|null|undefined} */ (item?.querySelector(`[data-testid="${part}"]`))?.focus({ preventScroll: true });
  }
}

function drawTools() {
  const drawing = JSON.stringify([currentLanguage(), state.kinds]);
  if (drawing === drawnTools) return;
  drawnTools = drawing;
  const fill = (/** @type {HTMLSelectElement} */ select, /** @type {string} */ group, /** @type {string} */ all, /** @type {string[]} */ values) => {
    const chosen = select.value;
    select.setAttribute("aria-label", t(`history.by.${group}`));
    select.replaceChildren(el("option", { value: "", text: t(all) }), ...values.map((value) => el("option", { value, text: nameOf(group, value) })));
    select.value = chosen;
  };
  fill(byKind, "kind", "history.allKinds", state.kinds);
  fill(byState, "status", "history.allStates", STATES);
  byText.setAttribute("aria-label", t("history.search"));
  byText.placeholder = t("history.search");
}

/** Its words are its name: what is read is what is heard. @param {list.Item} item @param {Actions} actions */
function card(item, actions) {
  const { id, kind, status, startedAt, count, missing } = item;
  const prompt = item.title || t("history.noPrompt");
  const isPartial = status === "succeeded" && missing > 0;
  const badge = isPartial ? t("history.partial", { count, made: count - missing }) : t(`status.${status}`);
  const time = new Intl.DateTimeFormat(currentLanguage(), { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" }).format(startedAt);
  const isEnded = !["queued", "processing"].includes(status);
  return el("li", { dataset: { job: id } },
    el("button", {
      type: "button", class: "history-item", "aria-current": state.selected === id ? "true" : null,
      dataset: { testid: "history-item", job: id, status }, on: { click: () => actions.onOpen(id) },
    },
      el("span", { class: "thumb" }, pictureOf("card", item), el("span", { class: `badge ${isPartial ? "partial" : status}`, text: badge }),
        count > 1 && !isPartial ? el("span", { class: "badge count", text: t("history.count", { count }) }) : null),
      el("span", { class: "history-words" }, el("span", { class: "history-prompt", text: prompt }), el("span", { class: "history-time", text: `${nameOf("kind", kind)} · ${time}` }))),
    isEnded
      ? el("button", {
          type: "button", class: "icon-button history-delete", "aria-label": t("history.delete", { prompt }), title: t("job.delete"),
          dataset: { testid: "history-delete" }, on: { click: () => actions.onDelete(id) },
        }, icon("trash"))
      : null);
}
