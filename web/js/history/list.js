// @ts-check
/**
 * The owner's jobs, newest first: those that the server lists, page by page, and those that this browser remembers, which are
 * there before the server has answered, while it is away, and where a job is listed nowhere.
 */

import { claimJobs, listJobs, ApiError, NetworkError } from "../api/api.js";
import { isTerminal } from "../api/jobs.js";
import * as owner from "../account/owner.js";
import * as signIn from "../account/sign-in.js";
import { inLanguage } from "../form/models.js";
import * as kept from "../kept/history.js";
import { forgetJob, likedJobs } from "../result/favourites.js";
import { missingOf, placesOf } from "../result/pictures.js";
import { isFollowed, receive, refresh, stop, watch } from "../page/following.js";
import { change, state } from "../page/store.js";
import { t } from "../words/words.js";

/** How many more are shown at a time. */
const STEP = 24;
const AGAIN_MS = 20_000;
const ENDED = ["succeeded", "failed", "canceled"];
/** Asked for like a state: this browser knows which they are, so the server is asked for each, and for no list. */
export const FAVOURITES = "favourites";

/**
 * @typedef {object} Item
 * @property {string} id
 * @property {string} kind
 * @property {string} prompt   what was asked for, where there are no words the goods
 * @property {string} title    that in short
 * @property {number} count    how many pictures were asked for
 * @property {number} missing  how many of them there are not, of an ended job
 * @property {number} startedAt
 * @property {string} status  one that the page has words for
 * @property {import("../api/jobs.js").Job|null} job  null until the server has told of it
 */

/** What is asked for: a kind, a state or the favourites, words of the prompt; an empty one is no matter. */
const filter = { kind: "", status: "", text: "" };
/** How far the list of what is asked for was read. */
let pages = fresh();
let most = STEP;
/** @type {Set<string>} ids of the jobs with a picture that is liked; read when they are asked for */
let liked = new Set();

/** @returns {{ids: Set<string>, cursor: string|null, oldest: number, state: "unread"|"reading"|"read"|"failed"}} */
function fresh() {
  return { ids: new Set(), cursor: null, oldest: Infinity, state: "unread" };
}

/** @returns {Item[]} all that is known, newest first, without what is about to be deleted. */
export function allItems() {
  const leaving = new Set(kept.deletions().map(({ id }) => id));
  const entries = new Map(kept.entries().map((entry) => [entry.id, entry]));
  const items = [...state.jobs.values()].map((job) => itemOf(job.id, job, entries.get(job.id)));
  for (const entry of entries.values()) if (!state.jobs.has(entry.id)) items.push(itemOf(entry.id, null, entry));
  return items.filter(({ id }) => !leaving.has(id)).sort((one, other) => other.startedAt - one.startedAt);
}

/** @param {string} id @param {import("../api/jobs.js").Job|null} job @param {import("../kept/history.js").Entry|undefined} entry @returns {Item} */
function itemOf(id, job, entry) {
  const status = state.gone.has(id) ? "gone" : (job?.status ?? entry?.status ?? "processing");
  const written = job ? kept.writtenFor(job, entry).prompt : (entry?.prompt ?? "");
  const goods = job && !written ? presetNames(job) : [];
  return {
    id, job,
    kind: job?.kind ?? entry?.kind ?? "",
    prompt: written || goods.join(" · "),
    title: written || (goods.length > 1 ? t("history.andOthers", { first: goods[0], count: goods.length - 1 }) : (goods[0] ?? "")),
    count: job ? placesOf(job).length : 1,
    missing: job ? missingOf(job).length : 0,
    startedAt: Date.parse(job?.created_at ?? "") || entry?.startedAt || Date.now(),
    status: [...ENDED, "queued", "gone"].includes(status) ? status : "processing",
  };
}

/** What is asked for where there is no prompt: the goods. @param {import("../api/jobs.js").Job} job @returns {string[]} */
function presetNames({ input }) {
  const asked = input?.presets ?? [input?.preset];
  return asked.flatMap((id) => state.options?.presets?.filter((preset) => preset.id === id).map((preset) => inLanguage(preset.name) ?? preset.id) ?? []);
}

/** However it is spelt: a Mac writes Korean in parts. @param {string} text */
function plain(text) {
  return text.normalize("NFKC").toLowerCase();
}

/** @param {string} id @returns {Item|undefined} */
export function itemFor(id) {
  const entry = kept.entries().find((one) => one.id === id);
  const job = state.jobs.get(id);
  return job || entry ? itemOf(id, job ?? null, entry) : undefined;
}

/** @returns {{items: Item[], hasMore: boolean, isFiltered: boolean, isFailed: boolean, isReading: boolean, areFavourites: boolean}} what the history shows. */
export function shown() {
  const wanted = plain(filter.text.trim());
  // Beyond what was read of the list there are gaps.
  const fits = (/** @type {Item} */ { id, kind, status, prompt, startedAt }) =>
    (!filter.kind || kind === filter.kind) &&
    (!filter.status || groupOf(status) === filter.status || isLiked(id)) &&
    (!wanted || plain(prompt).includes(wanted)) &&
    (filter.status === FAVOURITES || pages.cursor === null || startedAt >= pages.oldest);
  const items = allItems().filter(fits);
  return {
    items: items.slice(0, most),
    hasMore: items.length > most || pages.cursor !== null,
    isFiltered: Boolean(filter.kind || filter.status || wanted),
    isFailed: pages.state === "failed",
    isReading: pages.state === "reading",
    areFavourites: filter.status === FAVOURITES && !filter.kind && !wanted,
  };
}

/** @param {string} id */
function isLiked(id) {
  return filter.status === FAVOURITES && liked.has(id) && !state.gone.has(id);
}

/** @param {string} status */
function groupOf(status) {
  return ["queued", "processing"].includes(status) ? "processing" : status;
}

/** Asks for others. @param {Partial<typeof filter>} wish */
export function ask(wish) {
  const before = { ...filter };
  Object.assign(filter, wish);
  most = STEP;
  if (filter.kind !== before.kind || filter.status !== before.status) {
    pages = fresh();
    if (filter.status === FAVOURITES) readFavourites();
    else read();
  }
  change();
}

/** Reads which they are, and those of them that are not known yet; of a job that is no more nothing is shown. */
export async function readFavourites() {
  const mine = pages;
  liked = await likedJobs();
  if (filter.status !== FAVOURITES) return;
  mine.state = "reading";
  change();
  for (const id of liked) {
    if (!state.jobs.has(id)) await refresh(id);
    if (state.gone.has(id)) await forgetJob(id);
  }
  mine.state = "read";
  change();
}

/** Shows more, and reads more where that is needed. */
export async function more() {
  most += STEP;
  if (pages.cursor !== null) await read();
  change();
}

/** Reads the first page again: of what other devices and tabs have done meanwhile. */
export async function renew() {
  const before = pages;
  if (before.state === "reading") return;
  if (filter.status === FAVOURITES) {
    await readFavourites();
    return;
  }
  const first = await readPage(null);
  if (first === null || pages !== before) return;
  const still = new Set(first.data.map(({ id }) => id));
  const oldest = first.has_more ? oldestOf(first.data) : -Infinity;
  for (const id of before.ids) {
    const job = state.jobs.get(id);
    if (job && isTerminal(job) && !still.has(id) && Date.parse(job.created_at) > oldest) forget(id);
  }
  for (const id of still) before.ids.add(id);
  if (before.state !== "read") take(before, first);
  change();
}

/** Keeps the list up to date: when the visitor comes back to the page or the line comes back, and after it could not be read. */
export function keepUp() {
  document.addEventListener("visibilitychange", () => !document.hidden && renewIfKnown());
  addEventListener("online", renewIfKnown);
  setInterval(() => pages.state === "failed" && !document.hidden && renewIfKnown(), AGAIN_MS);
}

function renewIfKnown() {
  if (pages.state !== "unread") renew();
}

/** Drops a job that is no more. @param {string} id */
export function forget(id) {
  stop(id);
  kept.forget(id);
  const isNews = state.jobs.delete(id);
  for (const ids of [state.gone, state.fresh, pages.ids]) ids.delete(id);
  if (isNews) change();
}

/** The list as a page finds it that has just been opened, or whose owner has just signed in. */
export async function start() {
  pages = fresh();
  for (const entry of kept.entries()) {
    if (entry.status === "gone") state.gone.add(entry.id);
    else if (!ENDED.includes(entry.status)) watch(entry.id, entry.id === state.selected);
  }
  await claim();
  await read();
  await readUnlisted();
}

/** Jobs of this browser that the list does not tell of: started before it had a token, or gone. */
async function readUnlisted() {
  for (const { id, job, status } of allItems().slice(0, most)) {
    if (job === null && status !== "gone" && !isFollowed(id)) await refresh(id);
  }
}

/** What another tab has begun is followed here too. */
export function takeNews() {
  for (const entry of kept.entries()) {
    if (!state.jobs.has(entry.id) && !isFollowed(entry.id) && ![...ENDED, "gone"].includes(entry.status)) watch(entry.id, false);
  }
  change();
}

async function read() {
  const mine = pages;
  mine.state = "reading";
  change();
  const page = await readPage(mine.cursor);
  if (page === null) mine.state = "failed";
  else take(mine, page);
  change();
}

/** @param {ReturnType<typeof fresh>} into @param {Awaited<ReturnType<typeof listJobs>>} page */
function take(into, page) {
  into.state = "read";
  into.cursor = page.has_more ? page.next_cursor : null;
  into.oldest = Math.min(into.oldest, oldestOf(page.data));
  for (const { id } of page.data) into.ids.add(id);
}

/** @param {import("../api/jobs.js").Job[]} jobs */
function oldestOf(jobs) {
  return Math.min(Infinity, ...jobs.map((job) => Date.parse(job.created_at)));
}

/** @param {string|null} cursor @returns {Promise<Awaited<ReturnType<typeof listJobs>>|null>} null where the server does not say. */
async function readPage(cursor) {
  try {
    const page = await listJobs({ kind: filter.kind, status: filter.status, cursor, limit: STEP });
    for (const job of page.data) {
      receive(job);
      if (!isTerminal(job) && !isFollowed(job.id)) watch(job.id, job.id === state.selected);
    }
    return page;
  } catch (error) {
    if (!(error instanceof ApiError || error instanceof NetworkError)) throw error;
    return null;
  }
}

/** Once: the jobs that this browser started before it had a token become its own. Until they are, their ids open them. */
async function claim() {
  if (signIn.isNeeded || owner.hasClaimed()) return;
  const ids = kept.entries().map((entry) => entry.id);
  try {
    if (ids.length > 0) await claimJobs(ids);
    owner.noteClaimed();
  } catch (error) {
    // The server does not know of this, or is away: the next time.
    if (!(error instanceof ApiError || error instanceof NetworkError)) throw error;
  }
}
