// @ts-check
/** What a result can be asked for: the link from its panel to the forms, the server and the history. */

import { ApiError, cancelJob } from "../api/api.js";
import * as deletions from "../history/deletions.js";
import { forget, itemFor, readFavourites } from "../history/list.js";
import * as kept from "../kept/history.js";
import { pathOfAgain } from "../sending/sending.js";
import { receive, refresh } from "./following.js";
import { forms, openKind, openTab } from "./kinds.js";
import { say } from "./notices.js";
import * as panel from "./panel.js";
import { isSheet } from "./sheet.js";
import { state } from "./store.js";

/** @typedef {import("../api/jobs.js").KnownJob} KnownJob */
/** @typedef {import("../api/jobs.js").Output} Output */
/** @typedef {import("../form/form.js").GeneratorForm} GeneratorForm */

/**
 * @param {(jobId: string|null) => boolean} sendAgain  sends what made a job, or the last request, if that is still at hand
 * @param {(request: import("../sending/sending.js").Intent) => void} send
 * @returns {import("../result/job-view.js").Actions}
 */
export function actionsFor(sendAgain, send) {
  /** Only the pictures that are missing, as a new job. @param {KnownJob} job */
  const retryMissing = (job) => send(makingAgain(job, "same"));
  /** All of it, with the same seeds or other ones. @param {KnownJob} job @param {"same"|"new"} [seeds] */
  const again = (job, seeds = "new") => send(makingAgain(job, seeds));
  const retry = (/** @type {string|null} */ jobId) => {
    // After a reload the server alone has the images.
    const job = sendAgain(jobId) || jobId === null ? undefined : state.jobs.get(jobId);
    if (job) retryMissing(job);
  };
  return { retry, cancel, remove, reuse, useSeed, refresh, useAsCharacter, sameSeedElsewhere, retryMissing, again, editPrompt, editField, open: panel.become, favourite: readFavourites };
}

/** @param {string} id */
async function cancel(id) {
  try {
    receive(await cancelJob(id));
    return true;
  } catch (error) {
    // Already finished: the follower brings the news.
    return error instanceof ApiError && error.problem.status === 409;
  }
}

/** Deletes a job, with a way back for some seconds. @param {string} id */
export function remove(id) {
  const wasOnShow = state.selected === id;
  if (wasOnShow) panel.empty();
  if (state.gone.has(id)) {
    // There is nothing to be deleted but this browser's memory of it.
    forget(id);
    document.getElementById("history-title")?.focus();
    return;
  }
  deletions.begin(id, {
    onUndone: () => {
      if (wasOnShow) panel.open(id);
      else focusCard(id);
    },
    onEnd: (hadFocus) => {
      if (hadFocus) document.getElementById(wasOnShow && !isSheet() ? "result-title" : "history-title")?.focus({ preventScroll: true });
    },
  });
}

/** @param {string} id */
function focusCard(id) {
  requestAnimationFrame(() => {
    const card = document.querySelector(`.history-item[data-job="${CSS.escape(id)}"]`) ?? document.getElementById("history-title");
    if (card instanceof HTMLElement) card.focus();
  });
}

/** Opens a kind's form, on a phone in place of the result. @param {string|null|undefined} kind @returns {GeneratorForm|null} null where that kind is not offered any more. */
function formFor(kind) {
  if (!kind || !state.kinds.includes(kind)) {
    say("job.kindGone", {}, { tone: "bad" });
    return null;
  }
  panel.close();
  openTab(kind);
  return forms.get(kind) ?? null;
}

/** @param {KnownJob} job @param {string} [kind] */
function reuse(job, kind = job.kind) {
  const form = formFor(kind);
  if (!form) return;
  form.useInput(job.input ?? {}, kept.writtenFor(job));
  say("job.reused");
}

/** @param {string|undefined} kind @param {number} seed */
function useSeed(kind, seed) {
  const form = formFor(kind);
  if (!form) return;
  form.useSeed(seed);
  say("job.seedUsed", { seed });
}

/** A picture becomes the character of the next one, without being uploaded again. @param {KnownJob} job @param {Output} output */
function useAsCharacter(job, output) {
  const kind = openKind() ?? job.kind;
  const form = formFor(kind);
  if (!form) return;
  form.usePicture(null, pictureOf(job, output));
  say("job.usedAsCharacter");
}

/** The same again upon another item: all of a job's input with the seed of one of its pictures. @param {KnownJob} job @param {Output} output */
function sameSeedElsewhere(job, output) {
  const form = formFor("goods");
  if (!form) return;
  form.useInput(job.input ?? {}, kept.writtenFor(job));
  if (output.seed != null) form.useSeed(output.seed);
  form.focusField("preset");
}

/** @param {KnownJob|null} job  none where the request became no job */
function editPrompt(job) {
  const form = formFor(job?.kind ?? openKind());
  if (!form) return;
  if (job && !form.hasEntries()) form.useInput(job.input ?? {}, kept.writtenFor(job));
  form.focusField("prompt");
}

/** Leads to the field that a refusal is about. @param {string} name @param {KnownJob|null} job  none where the request became no job */
function editField(name, job) {
  formFor(job?.kind ?? openKind())?.focusField(name);
}

/** A request like those of the forms: it has a key of its own, which is kept until there is an answer. @param {KnownJob} job @param {"same"|"new"} seeds */
function makingAgain(job, seeds) {
  const form = new FormData();
  form.append("seed", seeds);
  return { kind: /** @type {string} */ (job.kind), path: pathOfAgain(job.id), form, prompt: itemFor(job.id)?.prompt ?? "" };
}

/** @param {KnownJob} job @param {Output} output */
function pictureOf(job, output) {
  return { jobId: job.id, index: output.index, url: output.url, thumbnailUrl: output.thumbnail_url };
}
