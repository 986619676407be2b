// @ts-check
/** On a phone the result is a sheet over the form, and a pill on the form tells what runs. On a wide screen both are no matter. */

import { isTerminal } from "../api/jobs.js";
import { t } from "../words/words.js";
import { percentOf, runningJobs } from "./following.js";
import { drawRing } from "./ring.js";
import { state, subscribe } from "./store.js";

const NARROW = matchMedia("(max-width: 899px)");

const section = /** @type {HTMLElement} */ (document.getElementById("result-section"));
const strip = /** @type {HTMLElement} */ (document.getElementById("filmstrip"));
const title = /** @type {HTMLElement} */ (document.getElementById("result-title"));
const pill = /** @type {HTMLElement} */ (document.getElementById("pill"));
const pillRing = /** @type {HTMLElement} */ (document.getElementById("pill-ring"));
const pillWords = /** @type {HTMLElement} */ (document.getElementById("pill-words"));
/** @type {Element|null} what had the focus when the sheet was opened */
let openedFrom = null;
/** What lies under the sheet and is out of reach meanwhile. */
const under = () => /** @type {Iterable<HTMLElement>} */ (document.querySelectorAll(".skip, .top, .make, #history-section, footer, main > .banner"));

/** @returns {boolean} whether the result is a sheet on this screen. */
export function isSheet() {
  return NARROW.matches;
}

/** @returns {boolean} whether the sheet is over the form. */
export function isOpen() {
  return isSheet() && section.classList.contains("sheet-open");
}

/** Shows the result: the sheet on a phone, else its column from its top. `takesFocus`: its heading gets it. */
export function showResult({ takesFocus = true } = {}) {
  const wasOpen = isOpen();
  if (!wasOpen) openedFrom = document.activeElement;
  section.classList.add("sheet-open");
  draw();
  if (isSheet()) {
    if (!wasOpen) section.scrollTop = 0;
  } else if (!isInView()) {
    (strip.checkVisibility() ? strip : section).scrollIntoView({ block: "start" });
  }
  if (takesFocus) title.focus({ preventScroll: true });
}

/** Takes the sheet away; the focus that was in it goes back to where it was before. */
export function hideResult() {
  const hadFocus = isOpen() && section.contains(document.activeElement);
  section.classList.remove("sheet-open");
  draw();
  if (hadFocus) opener()?.focus({ preventScroll: true });
}

/** @returns {HTMLElement|null} what the sheet was opened from, or the form's title where that is no more. */
function opener() {
  // The history draws its cards anew.
  const job = openedFrom instanceof HTMLElement && openedFrom.dataset.job;
  const from = job ? document.querySelector(`.history-item[data-job="${CSS.escape(job)}"]`) : openedFrom;
  const isThere = from instanceof HTMLElement && from !== document.body && from.isConnected && from.checkVisibility();
  return isThere ? from : document.getElementById("page-title");
}

/** A step back scrolls the page to where it was, after somebody may have been led elsewhere. */
function keepInSight() {
  const field = document.activeElement;
  if (!isOpen() && field?.matches(".make :is(input, textarea, fieldset)")) field.scrollIntoView({ block: "nearest" });
}

function isInView() {
  const { top } = section.getBoundingClientRect();
  return top >= 0 && top < innerHeight / 3;
}

/** @param {{onClose: () => void, onPill: (id: string|null, key: string|null) => void}} actions */
export function build({ onClose, onPill }) {
  document.getElementById("sheet-close")?.addEventListener("click", onClose);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isOpen() && !event.defaultPrevented && !document.querySelector("dialog[open]")) onClose();
  });
  pill.addEventListener("click", () => {
    const { job, sending } = onPillNow();
    onPill(job?.id ?? null, sending?.key ?? null);
  });
  addEventListener("popstate", () => requestAnimationFrame(() => requestAnimationFrame(keepInSight)));
  NARROW.addEventListener("change", draw);
  subscribe(draw);
  setInterval(() => !pill.hidden && draw(), 1000);
}

/** What the pill tells of: the newest that runs, else the newest that has ended unseen. */
function onPillNow() {
  const sending = [...state.sendings.values()].at(-1);
  const fresh = [...state.fresh].map((id) => state.jobs.get(id)).filter(Boolean);
  return { sending, job: sending ? null : (runningJobs()[0] ?? fresh.at(-1)) };
}

function draw() {
  const isUnder = isOpen();
  document.documentElement.classList.toggle("has-sheet", isUnder);
  for (const element of under()) element.inert = isUnder;
  const { sending, job } = onPillNow();
  pill.hidden = isUnder || (!sending && !job);
  document.documentElement.classList.toggle("has-pill", isSheet() && !pill.hidden);
  // In the bar of the form that is open.
  const bar = document.querySelector(".submit-bar");
  if (!pill.hidden && bar && pill.parentElement !== bar) bar.prepend(pill);
  const count = state.sendings.size + runningJobs().length;
  const percent = job ? percentOf(job.id) : null;
  const ended = job && isTerminal(job);
  pill.dataset.state = !ended ? "running" : job.status === "succeeded" ? "ended" : "failed";
  drawRing(pillRing, ended ? 100 : percent);
  let words;
  if (ended) words = t(`pill.${job.status}`);
  else if (count > 1) words = t("pill.several", { count });
  else if (sending) words = t(sending.isWaiting ? "pill.kept" : "pill.sending");
  else words = percent === null ? t("pill.running") : t("pill.runningAt", { percent });
  if (pillWords.textContent !== words) pillWords.textContent = words;
}
