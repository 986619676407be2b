// @ts-check
/**
 * Whether new pictures can be made, told before the form is filled: what the server offers, whether it answers, and whether
 * something stands in the way of what it makes pictures with. A request is taken all the same, and sent on when it is over.
 */

import { backoff, pause } from "../api/pause.js";
import { getOptions, getReadiness, NoWord } from "../api/questions.js";
import { nameOf, onLanguageChange, t } from "../words/words.js";
import { kindsOf, modelsOf } from "../form/models.js";
import { change, state, subscribe } from "./store.js";

const SLOW_OPTIONS_MS = 4000;
const LOOK_MS = 300_000;
const LOOK_IN_TROUBLE_MS = 15_000;
/** Which trouble a refusal's code stands for; all others are one of the service that draws. */
const TROUBLES = { intake_paused: "paused", missing_api_key: "setup", provider_auth_failed: "setup", provider_quota_exhausted: "setup" };
/** Without these no picture of any kind can be made. */
const GROUND = ["settings", "storage", "task_hub"];

const ids = ["banner", "banner-title", "banner-detail", "banner-retry", "service-banner", "service-title", "service-detail", "sandbox-banner"];
const [banner, title, detail, retry, service, serviceTitle, serviceDetail, sandbox] = ids.map((id) => /** @type {HTMLElement} */ (document.getElementById(id)));

/** @type {number|undefined} */
let nextLook;
let isLooking = false;
/** @type {Record<string, any>} what was told of each part */
let checks = {};
/** @type {string[]} kinds whose jobs wait for those who draw */
let heldUp = [];
/** @type {Set<(options: import("../form/options.js").Options) => void>} */
const listeners = new Set();

/** Calls `listener` with what the server offers: now, if that is known, and whenever it was read. @param {(options: import("../form/options.js").Options) => void} listener */
export function onOptions(listener) {
  listeners.add(listener);
  if (state.options) listener(state.options);
}

/** Draws the banners from now on. */
export function build() {
  subscribe(draw);
  onLanguageChange(draw);
  for (const event of ["online", "offline"]) addEventListener(event, draw);
  document.addEventListener("visibilitychange", () => !document.hidden && state.options && lookForTrouble());
}

/** Reads what the server offers, again and again until it answers. */
export async function loadOptions() {
  for (let failures = 0; ; failures += 1) {
    const slow = setTimeout(() => state.backend === null && change({ backend: "slow" }), SLOW_OPTIONS_MS);
    try {
      const options = await getOptions();
      change({ backend: null });
      take(options);
      lookForTrouble({ knowsOptions: true });
      return;
    } catch (error) {
      requireNoAnswer(error);
      change({ backend: "down" });
    } finally {
      clearTimeout(slow);
    }
    const again = new AbortController();
    retry.onclick = () => again.abort();
    await pause(backoff(failures), again.signal);
  }
}

/** Looks whether something stands in the way of new pictures: now, and from then on as often as is worth while. */
export async function lookForTrouble({ knowsOptions = false } = {}) {
  if (isLooking) return;
  isLooking = true;
  clearTimeout(nextLook);
  try {
    if (!knowsOptions) take(await getOptions());
    checks = (await getReadiness()).checks ?? {};
    change({ trouble: troubleOf(checks, state.options ?? {}, heldUp) });
  } catch (error) {
    // It did not say: what is known stays.
    requireNoAnswer(error);
  } finally {
    isLooking = false;
  }
  nextLook = setTimeout(() => !document.hidden && lookForTrouble(), state.trouble ? LOOK_IN_TROUBLE_MS : LOOK_MS);
}

/** Throws what is no matter of the server's. @param {unknown} error */
function requireNoAnswer(error) {
  if (!(error instanceof NoWord)) throw error;
}

/** @param {import("../form/options.js").Options} options */
function take(options) {
  change({ options, trouble: troubleOf(checks, options, heldUp) });
  for (const listener of listeners) listener(options);
}

/** What is seen of jobs that wait. @param {string[]} kinds */
export function noteHeldUp(kinds) {
  heldUp = kinds;
  change({ trouble: troubleOf(checks, state.options ?? {}, heldUp) });
}

/**
 * @param {Record<string, any>} checks of GET /api/health/ready
 * @param {import("../form/models.js").Told} options of GET /api/options
 * @param {string[]} [waiting] kinds whose jobs wait for those who draw
 * @returns {{reason: string, kinds: string[]}|null} `kinds` are those that cannot be made: all of whose models are away.
 */
export function troubleOf(checks, options, waiting = []) {
  const kinds = kindsOf(options).map(({ kind }) => kind);
  if (GROUND.some((part) => checks[part]?.status === "failed")) return { reason: "service", kinds };
  /** @param {import("../form/models.js").Generator} model */
  const codeOf = ({ provider, stopped }) => stopped ?? checks[`provider_${provider}`]?.code ?? null;
  const away = kinds.filter((kind) => waiting.includes(kind) || (modelsOf(options, kind).every(codeOf) && modelsOf(options, kind).length > 0));
  if (away.length === 0) return null;
  const code = modelsOf(options, away[0]).map(codeOf)[0] ?? "";
  return { reason: TROUBLES[code] ?? "provider", kinds: away };
}

function draw() {
  const { backend, options, trouble: away } = state;
  sandbox.hidden = options?.sandbox !== true;
  const isOffline = !navigator.onLine;
  banner.hidden = backend === null && !isOffline;
  retry.hidden = backend !== "down";
  if (!banner.hidden) {
    const words = isOffline ? "backend.offline" : backend === "down" ? "backend.down" : "backend.slow";
    banner.dataset.state = backend === "down" || isOffline ? "down" : "slow";
    write(title, t(`${words}Title`));
    write(detail, t(`${words}Detail`));
  }
  service.hidden = away === null || !banner.hidden;
  if (away !== null && !service.hidden) {
    const names = away.kinds.map((kind) => nameOf("tab", kind));
    const isAll = names.length >= state.kinds.length;
    write(serviceTitle, isAll ? t(`trouble.${away.reason}`) : t(`trouble.${away.reason}Of`, { kinds: names.join(", ") }));
    write(serviceDetail, t("trouble.kept"));
  }
}

/** Who listens hears it once. @param {HTMLElement} element @param {string} words */
function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}
