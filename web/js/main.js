/** Puts the page together: forms, the result panel, the jobs being followed and the history. */

import { ApiError, NetworkError, apiAddress, cancelJob, claimJobs, deleteJob, getJob, getOptions } from "./api/api.js";
import { newKey } from "./api/keys.js";
import { el, icon } from "./page/dom.js";
import { BASIC_OPTIONS, GeneratorForm } from "./form/form.js";
import * as history from "./kept/history.js";
import * as owner from "./account/owner.js";
import { currentLanguage, hasWords, nameOf, onLanguageChange, setLanguage, t, translate } from "./words/words.js";
import { JobView } from "./result/job-view.js";
import { backoff, follow, isTerminal, pause, submit } from "./api/jobs.js";
import { kindsOf } from "./form/models.js";
import * as signIn from "./account/sign-in.js";
import * as storage from "./kept/storage.js";

const SLOW_OPTIONS_MS = 4000;
const HISTORY_STEP = 12;
const SENT_WITHIN_MS = 10_000;
/** Says to the page that follows that somebody else had this one. */
const TAKEN_KEY = "toonconnect.taken";

const page = {
  tabs: document.getElementById("tabs"),
  formPanel: document.getElementById("form-panel"),
  result: document.getElementById("result"),
  resultSection: document.getElementById("result-section"),
  banner: document.getElementById("banner"),
  takenNote: document.getElementById("taken-note"),
  sandboxBanner: document.getElementById("sandbox-banner"),
  bannerTitle: document.getElementById("banner-title"),
  bannerDetail: document.getElementById("banner-detail"),
  bannerRetry: document.getElementById("banner-retry"),
  language: document.getElementById("language"),
  account: document.getElementById("account"),
  signIn: document.getElementById("sign-in"),
  signOut: document.getElementById("sign-out"),
  sessionBanner: document.getElementById("session-banner"),
  sessionTitle: document.getElementById("session-title"),
  sessionDetail: document.getElementById("session-detail"),
  sessionSignIn: document.getElementById("session-sign-in"),
  historyList: document.getElementById("history-list"),
  historyEmpty: document.getElementById("history-empty"),
  historyMore: document.getElementById("history-more"),
};

const jobs = new Map(); // id → the newest version seen
const followers = new Map(); // id → {controller, watched}
const requests = new Map(); // id → the request that made the job, while this page stays open
const gone = new Set();
const forms = new Map(); // kind → its form; those of kinds no longer offered stay for their jobs
let kinds = []; // those offered, in the order of their tabs
let openKind = null;
let selected = null;
let lastRequest = null;
let shownEntries = HISTORY_STEP;
let bannerState = null;
let drawnHistory = null;
let signInFailed = false;
let whoWas = null;
let leaving = false;
const sending = new Set(); // requests on their way, each until its job is in the history

const view = new JobView(page.result, { cancel, remove, retry, reuse, useSeed, refresh });

// ── Sending ──

function send(request) {
  const sent = deliver(request).finally(() => sending.delete(sent));
  sending.add(sent);
}

async function deliver(request) {
  // The same key again is safe, and wanted while nobody knows whether the request arrived.
  const known = lastRequest?.keepKey && sameForm(lastRequest.form, request.form) ? { key: lastRequest.key } : {};
  const intent = { key: newKey(), ...known, ...request };
  lastRequest = intent;
  select(null);
  const form = forms.get(intent.kind);
  form.setBusy(true);
  view.showSending(intent);
  showResultOnSmallScreens();
  const current = () => lastRequest === intent && selected === null;
  try {
    const job = await submit({
      ...intent,
      onConnection: (ok) => current() && view.setConnection(ok, "connection.sending"),
    });
    requests.set(job.id, request);
    history.remember({ id: job.id, kind: intent.kind, prompt: intent.prompt, startedAt: Date.now(), status: job.status });
    receive(job);
    if (current()) select(job.id);
    else watch(job.id, false);
  } catch (error) {
    const problem = problemFrom(error);
    intent.keepKey = error.unsettled || problem.retryable;
    const rest = form.showErrors(problem.errors ?? []);
    // The choice of models has changed since this page was opened.
    if (problem.errors?.some((each) => each.field === "model")) loadOptions();
    if (current()) view.showProblem(error.unsettled ? { ...problem, charged: null } : problem, { rest });
  } finally {
    form.setBusy(false);
  }
}

/** Whether two forms say the same: values equal, files the same by name, size and time. */
function sameForm(one, other) {
  const facts = (form) => JSON.stringify([...form].map(([name, value]) => [name, value.size ?? value, value.name, value.lastModified]));
  return one === other || facts(one) === facts(other);
}

function problemFrom(error) {
  if (error instanceof ApiError) return error.problem;
  if (!(error instanceof NetworkError)) throw error;
  return { code: "network_error", title: t("error.network.title"), detail: t("error.network.detail"), retryable: true, charged: null };
}

function retry(jobId) {
  const request = jobId ? requests.get(jobId) : lastRequest;
  if (!request) return;
  const { kind, path, form, prompt } = request;
  send({ kind, path, form, prompt });
}

// ── Following ──

function watch(id, watched) {
  const running = followers.get(id);
  if (running?.watched === watched) return;
  running?.controller.abort();
  const controller = new AbortController();
  followers.set(id, { controller, watched });
  follow(id, {
    watched,
    signal: controller.signal,
    onJob: receive,
    onConnection: (ok) => view.shows(id) && view.setConnection(ok),
  })
    .catch((error) => {
      if (!controller.signal.aborted) lose(id, error);
      return error;
    })
    .then((error) => {
      if (followers.get(id)?.controller !== controller) return;
      followers.delete(id);
      // It was turned away, and somebody has signed in before that was known here.
      if (error.problem?.status === 401 && signIn.account() !== null) watch(id, watched);
    });
}

function receive(job) {
  const before = jobs.get(job.id);
  if (before && isTerminal(before) && !isTerminal(job)) return;
  jobs.set(job.id, job);
  if (before?.status !== job.status) history.noteStatus(job.id, job.status);
  if (selected === job.id) {
    show(job);
    setTitle(job);
    if (before && !isTerminal(before) && job.error?.errors) forms.get(job.kind)?.showErrors(job.error.errors);
    else forms.get(job.kind)?.rewordErrors(before?.error?.errors ?? [], job.error?.errors ?? []);
  }
  drawHistory();
}

function lose(id, error) {
  if (!(error instanceof ApiError)) return;
  if (error.problem.status === 404 || error.problem.status === 410) {
    gone.add(id);
    history.noteStatus(id, "gone");
    if (selected === id) view.showGone(entryOf(id));
    drawHistory();
  } else if (error.problem.status === 401) {
    // The banner says so; the job goes on, and is followed again once somebody has signed in.
  } else if (selected === id) {
    view.showProblem({ ...error.problem, retryable: false });
  }
}

async function refresh(id) {
  try {
    const { job } = await getJob(id);
    receive(job);
    return job;
  } catch (error) {
    lose(id, error);
    return null;
  }
}

// ── The panel ──

function entryOf(id) {
  return history.entries().find((entry) => entry.id === id) ?? { id, kind: jobs.get(id)?.kind ?? kinds[0], prompt: "", startedAt: Date.now(), status: "queued" };
}

function select(id) {
  const previous = selected;
  selected = id;
  history.rememberSelected(id);
  if (previous && previous !== id && followers.has(previous)) watch(previous, false);
  if (!id) {
    setTitle(null);
    drawHistory();
    return;
  }
  const job = jobs.get(id);
  if (gone.has(id)) view.showGone(entryOf(id));
  else show(job ?? placeholderJob(id));
  setTitle(job);
  if (!gone.has(id) && !(job && isTerminal(job))) watch(id, true);
  drawHistory();
}

function placeholderJob(id) {
  return { id, status: "processing", stage: null, progress: 0, outputs: [], error: null };
}

function show(job) {
  const entry = entryOf(job.id);
  view.showJob(job, { kind: entry.kind, startedAt: entry.startedAt, canRetry: requests.has(job.id) });
}

function setTitle(job) {
  const state = job && (isTerminal(job) ? t(`stage.${job.status}`) : t("status.processing"));
  document.title = state ? `${state} · ToonConnect` : t("app.title");
}

function showResultOnSmallScreens() {
  if (matchMedia("(max-width: 899px)").matches) page.resultSection.scrollIntoView({ block: "start" });
}

async function cancel(id) {
  try {
    receive(await cancelJob(id));
    return true;
  } catch (error) {
    // Already finished: the follower brings the news.
    return error instanceof ApiError && error.problem.status === 409;
  }
}

async function remove(id) {
  try {
    if (!gone.has(id)) await deleteJob(id);
  } catch (error) {
    if (!(error instanceof ApiError && [404, 410].includes(error.problem.status))) {
      view.say(t("job.deleteFailed"));
      return;
    }
  }
  history.forget(id);
  jobs.delete(id);
  select(null);
  view.showEmpty();
}

function reuse(job, kind) {
  if (!kinds.includes(kind)) {
    view.say(t("job.kindGone"));
    return;
  }
  openTab(kind);
  forms.get(kind).useInput(job.input ?? {});
  view.say(t("job.reused"));
}

function useSeed(kind, seed) {
  if (!kinds.includes(kind)) return;
  openTab(kind);
  forms.get(kind).useSeed(seed);
}

// ── History ──

function drawHistory() {
  const all = history.entries();
  const shown = all.slice(0, shownEntries);
  const drawing = JSON.stringify([currentLanguage(), selected, all.length, shown.map((entry) => [entry, jobs.get(entry.id)?.outputs?.length])]);
  // A list rebuilt under the pointer would swallow the click.
  if (drawing === drawnHistory) return;
  drawnHistory = drawing;
  page.historyEmpty.hidden = all.length > 0;
  page.historyMore.hidden = all.length <= shownEntries;
  const focused = document.activeElement?.dataset?.job;
  page.historyList.replaceChildren(...shown.map(historyItem));
  if (focused) page.historyList.querySelector(`[data-job="${CSS.escape(focused)}"]`)?.focus();
}

const thumbnails = new Map(); // id → img, kept so that redrawing the list loads nothing again

function historyItem(entry) {
  const job = jobs.get(entry.id);
  const known = ["queued", "processing", "succeeded", "failed", "canceled", "gone"];
  const raw = job?.status ?? entry.status;
  const status = known.includes(raw) ? raw : "processing";
  const output = job?.outputs?.[0];
  if (output && !thumbnails.has(entry.id)) {
    thumbnails.set(entry.id, el("img", { src: output.thumbnail_url ?? output.url, alt: "", width: 160, height: 160, loading: "lazy" }));
  }
  const prompt = entry.prompt || t("history.noPrompt");
  const time = new Intl.DateTimeFormat(currentLanguage(), { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" }).format(entry.startedAt);
  const names = { kind: nameOf("kind", entry.kind), status: t(`status.${status}`), prompt };
  return el("li", {},
    el("button", {
      type: "button", class: "history-item", "aria-label": t("history.open", names), "aria-current": selected === entry.id ? "true" : null,
      dataset: { testid: "history-item", job: entry.id, status },
      on: {
        click: () => {
          select(entry.id);
          showResultOnSmallScreens();
        },
      },
    },
      el("span", { class: "thumb" }, thumbnails.get(entry.id) ?? icon(status === "failed" ? "alert" : "image"), el("span", { class: `badge ${status}`, text: names.status })),
      el("span", { class: "history-words" }, el("span", { class: "history-prompt", text: prompt }), el("span", { class: "history-time", text: `${names.kind} · ${time}` }))));
}

/** Reads the jobs on show in the history again: running ones go on being followed, ended ones get fresh links. */
async function restore(list) {
  for (const entry of list) {
    if (entry.status === "gone") gone.add(entry.id);
    else if (!["succeeded", "failed", "canceled"].includes(entry.status)) watch(entry.id, entry.id === selected);
  }
  for (const entry of list) {
    if (gone.has(entry.id) || followers.has(entry.id) || jobs.has(entry.id)) continue;
    await refresh(entry.id);
  }
}

// ── Options and the state of the backend ──

function setBanner(state) {
  bannerState = state;
  page.banner.hidden = state === null;
  if (state === null) return;
  page.banner.dataset.state = state;
  page.bannerTitle.textContent = state === "down" ? t("backend.title") : "";
  page.bannerDetail.textContent = state === "down" ? t("backend.detail", { address: apiAddress() }) : t("backend.slow");
  page.bannerRetry.hidden = state !== "down";
}

async function loadOptions() {
  for (let failures = 0; ; failures += 1) {
    const slow = setTimeout(() => bannerState === null && setBanner("slow"), SLOW_OPTIONS_MS);
    try {
      const options = await getOptions();
      showKinds(kindsOf(options));
      for (const form of forms.values()) form.setOptions(options);
      view.setOptions(options);
      page.sandboxBanner.hidden = options.sandbox !== true;
      setBanner(null);
      return;
    } catch {
      setBanner("down");
    } finally {
      clearTimeout(slow);
    }
    const again = new AbortController();
    page.bannerRetry.onclick = () => again.abort();
    await pause(backoff(failures), again.signal);
  }
}

// ── Who uses the page ──

function drawAccount() {
  const who = signIn.account();
  page.account.hidden = !who?.name;
  page.account.textContent = who?.name ?? "";
  page.signIn.hidden = !signIn.isNeeded || who !== null;
  page.signOut.hidden = who === null;
  const words = signIn.isBlocked() ? "signIn.blocked" : signInFailed ? "signIn.failed" : signIn.hasEnded() ? "signIn.ended" : "signIn.needed";
  page.sessionBanner.hidden = !signIn.isNeeded || who !== null;
  page.sessionTitle.textContent = t(`${words}Title`);
  page.sessionDetail.textContent = t(`${words}Detail`);
}

for (const link of [page.signIn, page.sessionSignIn]) {
  // A page full of work stays as it is: another tab signs in for this one too.
  link.addEventListener("click", () => (link.target = hasWork() ? "_blank" : ""));
}

function hasWork() {
  return signIn.hasEnded() || [...forms.values()].some((form) => form.hasEntries());
}

signIn.onChange(() => {
  if (signIn.isOver()) {
    leave();
    return;
  }
  if (signIn.account()) signInFailed = false;
  const who = signIn.account()?.name ?? null;
  drawAccount();
  if (who !== null && whoWas === null) {
    openHistory();
    goOn();
  }
  whoWas = who;
});
page.signOut.addEventListener("click", () => leave(signIn.signOut));
// The way back leads to a page as it was left.
addEventListener("pageshow", (event) => event.persisted && leaving && location.replace("./"));

/**
 * Leaves the page for one without anything of its owner: no form, no picture, no key of a request. What is on its way is
 * waited for a moment, so that its job is in the history of who sent it.
 */
async function leave(signOut = async () => "./") {
  if (leaving) return;
  leaving = true;
  document.body.hidden = true;
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  document.title = t("app.title");
  for (const { controller } of followers.values()) controller.abort();
  const [address] = await Promise.all([signOut(), Promise.race([Promise.allSettled(sending), pause(SENT_WITHIN_MS)])]);
  if (signIn.isTaken()) storage.write(storage.TAB, TAKEN_KEY, "yes");
  location.replace(address);
}

/** Once: the jobs that this browser started before it had a token become its own. Until they are, their ids open them. */
async function claimHistory() {
  if (signIn.isNeeded || owner.hasClaimed()) return;
  const ids = history.entries().map((entry) => entry.id);
  try {
    if (ids.length > 0) await claimJobs(ids);
    owner.noteClaimed();
  } catch (error) {
    // The server does not know of this, or is away: the next time.
    if (!(error instanceof ApiError || error instanceof NetworkError)) throw error;
  }
}

function openHistory() {
  if (!signIn.isNeeded) history.openFor(null);
  else if (signIn.pageOwner() !== null) history.openFor(signIn.pageOwner());
  else history.close();
}

/** Follows what was being followed when the session ended. */
function goOn() {
  const job = selected && jobs.get(selected);
  if (selected && !gone.has(selected) && !(job && isTerminal(job))) watch(selected, true);
  drawHistory();
  restore(history.entries().slice(0, shownEntries));
}

// ── Tabs and language ──

/** Offers these kinds, each with a tab and a form; what was entered in a form stays. */
function showKinds(offered) {
  const names = offered.map(({ kind }) => kind);
  if (names.length === 0 || names.join() === kinds.join()) return;
  kinds = names;
  for (const entry of offered) {
    if (!forms.has(entry.kind)) forms.set(entry.kind, new GeneratorForm(entry, { onSubmit: (request) => send(request) }));
  }
  page.tabs.replaceChildren(...kinds.map(buildTab));
  translate(page.tabs);
  openTab(kinds.includes(openKind) ? openKind : kinds[0]);
}

function buildTab(kind) {
  const [name, hint] = [`tab.${kind}`, `tab.${kind}Hint`];
  return el("button", {
    type: "button", role: "tab", id: `tab-${kind}`, "aria-controls": "form-panel", dataset: { testid: `tab-${kind}`, kind },
    on: { click: () => openTab(kind), keydown: (event) => openBeside(kind, event) },
  },
    el("span", hasWords(name) ? { i18n: name } : { text: kind }),
    hasWords(hint) ? el("small", { i18n: hint }) : null);
}

function openBeside(kind, event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  const other = kinds.at((kinds.indexOf(kind) + step) % kinds.length);
  openTab(other);
  document.getElementById(`tab-${other}`).focus();
}

function openTab(kind) {
  const isOpen = kind === openKind && page.formPanel.contains(forms.get(kind).root);
  openKind = kind;
  for (const tab of page.tabs.children) {
    tab.setAttribute("aria-selected", String(tab.dataset.kind === kind));
    tab.tabIndex = tab.dataset.kind === kind ? 0 : -1;
  }
  page.formPanel.setAttribute("aria-labelledby", `tab-${kind}`);
  // A form that is put in its place again would lose the focus.
  if (!isOpen) page.formPanel.replaceChildren(forms.get(kind).root);
}

function applyLanguage() {
  document.documentElement.lang = currentLanguage();
  translate(document);
  page.language.lang = currentLanguage() === "ko" ? "en" : "ko";
  for (const form of forms.values()) form.retranslate();
  view.retranslate();
  setBanner(bannerState);
  drawAccount();
  setTitle(selected && jobs.get(selected));
  drawHistory();
}

page.language.addEventListener("click", () => setLanguage(currentLanguage() === "ko" ? "en" : "ko"));
onLanguageChange(() => {
  applyLanguage();
  // The server writes the texts of errors and warnings: ask for them in the new language.
  const job = selected && jobs.get(selected);
  if (job?.error || job?.warnings?.length > 0) refresh(selected);
});
page.historyMore.addEventListener("click", () => {
  const more = history.entries().slice(shownEntries, shownEntries + HISTORY_STEP);
  shownEntries += HISTORY_STEP;
  drawHistory();
  restore(more);
});
// A file dropped beside a frame must not replace the page.
for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());

signInFailed = !(await signIn.arrive());
whoWas = signIn.account()?.name ?? null;
openHistory();
page.takenNote.hidden = storage.read(storage.TAB, TAKEN_KEY) === null;
storage.remove(storage.TAB, TAKEN_KEY);
showKinds(kindsOf(BASIC_OPTIONS));
applyLanguage();
loadOptions();
if (!signIn.isNeeded || signIn.account()) {
  const all = history.entries();
  const running = all.find((entry) => !["succeeded", "failed", "canceled", "gone"].includes(entry.status));
  const last = all.find((entry) => entry.id === history.selectedId());
  const first = running ?? last;
  if (first) {
    if (first.status === "gone") gone.add(first.id);
    select(first.id);
  }
  restore(all.slice(0, shownEntries));
  claimHistory();
}
