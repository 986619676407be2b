// @ts-check
/**
 * The page's second stage (stages.js): all that lies behind the form, put together. What is kept of it and how it is prepared, what
 * is sent, the result panel, the jobs that are followed and their history. Whatever works without a line is among it.
 */

import { getUsage } from "./api/api.js";
import { isTerminal } from "./api/jobs.js";
import { pause } from "./api/pause.js";
import * as deletions from "./history/deletions.js";
import * as filmstrip from "./history/filmstrip.js";
import * as historyView from "./history/history-view.js";
import * as list from "./history/list.js";
import "./images/prepare.js";
import * as kept from "./kept/history.js";
import * as shelf from "./kept/shelf.js";
import { actionsFor, remove } from "./page/actions.js";
import * as address from "./page/address.js";
import * as backend from "./page/backend.js";
import * as bell from "./page/bell.js";
import { guardFocus } from "./page/focus.js";
import * as following from "./page/following.js";
import * as heldUp from "./page/held-up.js";
import { forms } from "./page/kinds.js";
import { say } from "./page/notices.js";
import * as panel from "./page/panel.js";
import * as session from "./page/session.js";
import * as sheet from "./page/sheet.js";
import { change, state, subscribe } from "./page/store.js";
import * as favourites from "./result/favourites.js";
import { readFavourites } from "./result/picture-actions.js";
import { Sending } from "./sending/sending.js";
import { SendingView } from "./sending/sending-view.js";
import { learnAll } from "./words/all.js";

// What forms need of it.
export { getJob, translatePrompt } from "./api/api.js";
export { ChoicesDialog } from "./form/choices-dialog.js";
export { GoodsField } from "./form/goods.js";
export { ShelfRow } from "./form/shelf-row.js";
export { choosePart } from "./images/crop.js";
export { cutOut, openImage, prepareImage } from "./images/images.js";
export * as drafts from "./kept/drafts.js";
export { shelf };

const SENT_WITHIN_MS = 10_000;
const SIGNED_IN_MS = 1000;
const NEWS_WITHIN_MS = 500;
const LOOK_FOR_ARRIVED_MS = [0, 2000, 5000, 15_000];

/** @typedef {import("./api/jobs.js").Job} Job */
/** @typedef {import("./api/api.js").Refusal} Refusal */
/** @typedef {import("./sending/sending.js").Intent} Intent */
/** @typedef {import("./sending/sending.js").Outgoing} Outgoing */

/** @type {Map<string, Intent>} id → the request that made the job, while this page stays open */
const requests = new Map();
/** @type {Outgoing|null} */
let lastRefused = null;
/** @type {Set<string>} */
const stoodBack = new Set(); // keys of the requests that gave way to a running job, once

// ── Sending ──

const sending = new Sending({ onChange: drawSending, onAccepted: accepted, onRefused: refused, onElsewhere: foundElsewhere });
const sendingView = new SendingView({
  sendNow: (key) => showRequest(sending.sendNow(key)),
  discard: ({ key }) => {
    if (sending.discard(key)?.isUnsettled) lookForArrived();
  },
});

/** @param {Intent} request */
export function send(request) {
  showRequest(sending.deliver(request));
}

/** @param {Outgoing|null|undefined} outgoing */
function showRequest(outgoing) {
  if (!outgoing) return;
  sendingView.show(outgoing);
  panel.showRequest(outgoing.key, sendingView, outgoing.again);
  drawSending(outgoing);
}

/** @param {string|null} key */
function openRequest(key) {
  showRequest(sending.pending().find((outgoing) => outgoing.key === key));
}

/** @param {Outgoing} outgoing */
function drawSending(outgoing) {
  const pending = sending.pending();
  const isBusy = pending.some(({ kind, again, isWaiting }) => kind === outgoing.kind && again === null && !isWaiting);
  if (outgoing.again === null) forms.get(outgoing.kind)?.setBusy(isBusy);
  if (panel.showsRequest(outgoing.key)) sendingView.show(outgoing);
  // It is kept and sent by itself: no reason to take the job from view that is made meanwhile.
  if (outgoing.reason === "limit" && !stoodBack.has(outgoing.key) && panel.showsRequest(outgoing.key)) {
    stoodBack.add(outgoing.key);
    if (panel.returnToJob()) say("sending.kept.limit.detail", {}, { action: "sending.show", onAction: () => openRequest(outgoing.key) });
  }
  if (outgoing.reason === "down") backend.lookForTrouble();
  // It was turned away, and somebody has signed in before that was known here.
  if (outgoing.reason === "signIn" && session.isKnown()) setTimeout(() => sending.wake("signIn"), SIGNED_IN_MS);
  /** @type {[string, import("./page/store.js").Sending][]} */
  const told = pending.map(({ key, kind, prompt, startedAt, uploaded, isWaiting }) => [key, { key, kind, prompt, startedAt, uploaded, isWaiting }]);
  change({ sendings: new Map(told.reverse()) });
}

/** @param {Job} job @param {Outgoing} outgoing */
function accepted(job, outgoing) {
  const { key, kind, path, form, prompt, images, startedAt } = outgoing;
  if (outgoing.again === null) requests.set(job.id, { kind, path, form, prompt, images });
  kept.remember({ id: job.id, kind, prompt, startedAt, status: job.status, key });
  following.receive(job);
  if (panel.showsRequest(key)) panel.become(job.id);
  else following.watch(job.id, false);
}

/** @param {Refusal} problem @param {Outgoing} outgoing */
function refused(problem, outgoing) {
  lastRefused = outgoing;
  drawSending(outgoing);
  const errors = problem.errors ?? [];
  const form = outgoing.again === null ? forms.get(outgoing.kind) : undefined;
  // A field that is wrong lies in the form.
  const wasOver = form !== undefined && errors.length > 0 && sheet.isOpen();
  if (wasOver) sheet.hideResult();
  const rest = form?.showErrors(errors, problem.code) ?? errors;
  if (wasOver && rest.length > 0) sheet.showResult();
  // The choice of models has changed since this page was opened.
  if (errors.some((each) => each.field === "model")) backend.loadOptions();
  if (panel.showsRequest(outgoing.key)) panel.showProblem(outgoing.isUnsettled ? but(problem, { charged: null }) : problem, rest);
  if (problem.status === 503) backend.lookForTrouble();
}

/** What was given up may have arrived all the same: then its picture is shown in the list. */
async function lookForArrived() {
  for (const wait of LOOK_FOR_ARRIVED_MS) {
    await pause(wait);
    await list.renew();
  }
}

/** Another tab has had the answer, which made a job of it, or has given it up. @param {Outgoing} outgoing */
async function foundElsewhere(outgoing) {
  const madeOf = () => kept.entries().find(({ key }) => key === outgoing.key);
  // What one tab keeps another one reads a little later.
  if (!madeOf()) await pause(NEWS_WITHIN_MS);
  const made = madeOf();
  if (panel.showsRequest(outgoing.key)) {
    if (made) panel.become(made.id);
    else {
      panel.empty();
      say("sending.endedElsewhere");
    }
  }
  list.takeNews();
}

/** What had no answer when the page was closed is sent, and shown before anything that nobody has asked for. */
async function takeUpSending({ isShown }) {
  await sending.open();
  const [newest] = sending.pending();
  const current = sending.pending().find(({ step }) => step !== "old") ?? (state.selected === null ? newest : null);
  if (isShown && current && panel.view.mode !== "sending") showRequest(current);
  else if (newest) drawSending(newest);
}

/** @param {string|null} jobId */
function retry(jobId) {
  const request = jobId ? requests.get(jobId) : lastRefused;
  if (!request) return false;
  const { kind, path, form, prompt, images } = request;
  send({ kind, path, form, prompt, images });
  return true;
}

// ── What is heard ──

const SERVICE_CODES = ["provider_unavailable", "provider_auth_failed", "provider_quota_exhausted", "missing_api_key"];

/** @param {Job} job @param {Job|undefined} before */
function onJob(job, before) {
  const form = forms.get(job.kind);
  panel.redraw(job.id);
  if (state.selected === job.id) {
    if (before && !isTerminal(before) && job.error?.errors) form?.showErrors(job.error.errors, job.error.code);
    else form?.rewordErrors(before?.error?.errors ?? [], job.error?.errors ?? []);
  }
  if (before && !isTerminal(before) && isTerminal(job)) {
    bell.ring(job);
    sending.wake("limit");
    if (SERVICE_CODES.includes(job.error?.code ?? "")) backend.lookForTrouble();
  }
}

/** @param {string} id @param {Refusal|null} problem */
function onLost(id, problem) {
  if (problem === null) panel.redraw(id);
  else if (state.selected === id) panel.showProblem(but(problem, { retryable: false }), []);
}

/** A problem with other facts; its words go on following the language. @param {Refusal} problem @param {Refusal} facts @returns {Refusal} */
function but(problem, facts) {
  return Object.defineProperties({}, { ...Object.getOwnPropertyDescriptors(problem), ...Object.getOwnPropertyDescriptors(facts) });
}

/** @param {import("./form/options.js").Options} options */
function takeOptions(options) {
  panel.view.setOptions(options);
  sending.wake("network");
  loadUsage();
}

/** What is left of a person's budget, where they have one; without an answer nothing is said of it. */
async function loadUsage() {
  const usage = await getUsage().catch(() => null);
  if (usage) for (const form of forms.values()) form.setUsage(usage.limits);
}

// ── Coming and leaving ──

/** Shows what a page finds that has just been opened, or whose owner has just signed in. */
function start() {
  const named = address.jobInAddress();
  const isEmpty = state.selected === null;
  const all = list.allItems();
  const running = all.find(({ status }) => ["queued", "processing"].includes(status));
  const last = all.find(({ id }) => id === kept.selectedId()) ?? all.find(({ status }) => status === "succeeded");
  // Somebody who comes back on a phone comes to the form; what is not finished they want to see.
  const first = named ?? running?.id ?? (sheet.isSheet() ? null : last?.id) ?? null;
  if (state.selected === null && state.sendings.size === 0 && first !== null) {
    if (all.find(({ id }) => id === first)?.status === "gone") state.gone.add(first);
    panel.become(first);
    sheet.showResult({ takesFocus: false });
  } else if (state.selected !== null) {
    following.watch(state.selected, true);
  }
  deletions.adopt();
  list.start();
  takeUpSending({ isShown: named === null && isEmpty });
}

/** Puts it into the page, once. */
export function open() {
  learnAll();
  following.listen({
    onJob,
    onLost,
    onConnection: (id, ok) => panel.view.shows(id) && panel.view.setConnection(ok),
  });
  panel.build(actionsFor(retry, send));
  sheet.build({
    onClose: panel.close,
    onPill: (id, key) => (id !== null ? panel.open(id) : openRequest(key)),
  });
  bell.build(panel.open);
  filmstrip.build({ onOpen: panel.open, onSending: openRequest });
  historyView.build({ onOpen: panel.open, onDelete: remove });
  list.keepUp();
  heldUp.build();
  kept.onOtherTabs(() => {
    if (state.selected !== null && deletions.isDeleting(state.selected)) panel.empty();
    list.takeNews();
    deletions.adopt();
  });
  favourites.onOtherTabs(() => {
    readFavourites();
    list.readFavourites();
  });
  guardFocus();
  let hadTrouble = false;
  subscribe(() => {
    if (hadTrouble && state.trouble === null) sending.wake("down");
    hadTrouble = state.trouble !== null;
  });
  backend.onOptions(takeOptions);
  change();
  if (session.isKnown()) start();
}

/** Somebody has signed in on a page that was nobody's. */
export function welcome() {
  shelf.tell();
  for (const form of forms.values()) form.restoreDraft();
  start();
}

/** @returns {boolean} whether something is on its way. */
export function hasWork() {
  return sending.pending().length > 0;
}

/** The page is being left; fulfilled when what is on its way has arrived, or will not. */
export function leave() {
  following.stopAll();
  return Promise.race([sending.close(), pause(SENT_WITHIN_MS)]);
}
