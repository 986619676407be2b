// @ts-check
/** The result panel and the page's address: one job is on show in both, or a request on its way, or nothing. */

import { isTerminal } from "../api/jobs.js";
import * as kept from "../kept/history.js";
import { itemFor } from "../history/list.js";
import { JobView } from "../result/job-view.js";
import { onLanguageChange } from "../words/words.js";
import * as address from "./address.js";
import { refresh, watch, watchLess } from "./following.js";
import { hideResult, isOpen, isSheet, showResult } from "./sheet.js";
import { change, state } from "./store.js";

const root = /** @type {HTMLElement} */ (document.getElementById("result"));

/** @type {JobView} */
export let view;
/** @type {string|null} key of the request on show */
let request = null;

/** @param {import("../result/job-view.js").Actions} actions what the result can be asked for */
export function build(actions) {
  view = new JobView(root, actions);
  address.onStep(() => showAddress());
  onLanguageChange(() => {
    view.retranslate();
    // The server writes the texts of errors and warnings: ask for them in the new language.
    const job = state.selected && state.jobs.get(state.selected);
    if (job && (job.error || job.warnings?.length > 0)) refresh(job.id);
  });
}

/** Shows a job because somebody asked for it: the way back leads to what was there before. @param {string} id */
export function open(id) {
  if (id !== state.selected) address.goTo(id, { isStep: !isOpen() });
  select(id);
  showResult();
}

/** Shows a job in the place of what is on show, such as the request that has become it. @param {string} id */
export function become(id) {
  address.goTo(id, { isStep: false });
  select(id);
}

/**
 * Shows a request on its way. @param {string} key @param {import("../sending/sending-view.js").SendingView} sendingView what there is to say of it
 * @param {string|null} [from]  id of the job that is made again, which is on show again where there will be no new one
 */
export function showRequest(key, sendingView, from = null) {
  const isOther = request !== key;
  if (isOther) address.goTo(null, { isStep: !isOpen() });
  select(null);
  request = key;
  if (isOther || view.mode !== "sending") view.showSending(sendingView, from);
  showResult();
}

/** Shows the job again that was on show when the request on show was made, and goes on, or is made again. @returns {boolean} whether there is one. */
export function returnToJob() {
  const id = view.goingOn;
  if (!id) return false;
  become(id);
  return true;
}

/** Shows why a request was refused. @param {import("../api/api.js").Refusal} problem @param {import("../result/refusal.js").FieldError[]} rest */
export function showProblem(problem, rest) {
  view.showProblem(problem, { rest });
}

/** @param {string} key @returns {boolean} whether this request is on show. */
export function showsRequest(key) {
  return request === key && state.selected === null;
}

/** Goes back to the form on a phone; elsewhere nothing is in its way. */
export function close() {
  if (!isSheet()) return;
  // At once, for what gets the focus next: a step back is told of later.
  hideResult();
  if (address.goBack()) return;
  address.goTo(null, { isStep: false });
  showAddress();
}

/** Shows nothing, such as after what was on show has been deleted. */
export function empty() {
  address.goTo(null, { isStep: false });
  select(null);
  view.showEmpty();
  hideResult();
}

/** Shows what the address names. */
function showAddress() {
  const id = address.jobInAddress();
  select(id);
  if (id !== null) showResult({ takesFocus: isSheet() });
  else {
    view.showEmpty();
    hideResult();
  }
}

/** Draws a job anew, if it is on show. @param {string} id */
export function redraw(id) {
  if (state.selected === id) draw(id);
}

/** @param {string|null} id */
function select(id) {
  const previous = state.selected;
  request = null;
  kept.rememberSelected(id);
  if (id !== null && !document.hidden) state.fresh.delete(id);
  change({ selected: id });
  if (previous !== null && previous !== id) watchLess(previous);
  if (id === null) return;
  draw(id);
  const job = state.jobs.get(id);
  if (!state.gone.has(id) && !(job && isTerminal(job))) watch(id, true);
}

/** @param {string} id */
function draw(id) {
  const known = itemFor(id);
  // Of one that an address alone names nothing is known, and it may be somebody else's.
  const item = known ?? { id, kind: "", prompt: "", startedAt: Date.now(), status: "queued" };
  if (state.gone.has(id)) view.showGone(item, { isOwn: known !== undefined });
  else view.showJob(state.jobs.get(id) ?? { id, status: "processing", stage: null, progress: 0, outputs: [], error: null }, { kind: item.kind, startedAt: begunAt(id, item) });
}

/** By this browser's clock where it knows: the server's may be another. @param {string} id @param {{startedAt: number}} item */
function begunAt(id, item) {
  return kept.entries().find((entry) => entry.id === id)?.startedAt ?? item.startedAt;
}
