// @ts-check
/**
 * The page comes in two stages: first the form, then what is behind it (studio.js): all that is kept, prepared, sent, followed and
 * shown. That one comes at once where this browser was here before, else at the first touch, so that it is there when it is needed;
 * what needs it waits for it. It is tried until it is there, and nobody who waits for it sees that as an error.
 */

import { backoff, pause } from "../api/pause.js";
import { isKnown } from "../kept/storage.js";

const STYLES = ["choosing", "crop", "sending", "result", "history"];
const TOUCHES = ["pointermove", "pointerdown", "click", "keydown", "focusin", "input", "change", "scroll", "dragenter", "paste", "storage"];
/** How browsers say that a script did not come, and this that a style did not; all else is a mistake in a script. */
const NOT_LOADED = /dynamically imported module|importing a module|no style/i;
/** After so many tries, half a minute, it is looked whether it is the line's fault. */
const PATIENT_TRIES = 5;
const STYLES_WITHIN_MS = 5000; // without them it works

/** @typedef {typeof import("../studio.js")} Studio */

/** @type {Promise<void>|null} */
let coming = null;
/** @type {Studio|null} */
let there = null;
let tries = 0;
/** Where a mouse was when it was first heard of. @type {string|undefined} */
let mouse;
/** @type {Promise<unknown>|undefined} */
let styles;
/** @type {((studio: Studio) => void)[]} */
const waiting = [];

/** @returns {Promise<Studio>} the second stage, when it is there; asked for it begins to come. */
export function studio() {
  tryStudio();
  return new Promise((resolve) => withStudio(resolve));
}

/** Lets it come. @returns {Promise<boolean>} false where something of it is broken. */
export async function tryStudio() {
  if (there) return true;
  await (coming ??= load().catch(reportError).finally(() => (coming = null)));
  return there !== null;
}

/** @returns {boolean} whether it is there. */
export function isStudioThere() {
  return there !== null;
}

/** Does what needs the second stage, once it is there; not a reason for it to come. @param {(studio: Studio) => void} act */
export function withStudio(act) {
  if (there) act(there);
  else waiting.push(act);
}

/** Lets it come when it is time. @param {boolean} isNow  whether somebody waits for more than the form */
export function letStudioCome(isNow) {
  if (isNow || isKnown()) {
    studio();
    return;
  }
  const touched = new AbortController();
  for (const type of TOUCHES) {
    addEventListener(type, (event) => {
      if (isOfMouseAtRest(event)) return;
      touched.abort();
      studio();
    }, { capture: true, passive: true, signal: touched.signal });
  }
}

/**
 * What appears under a mouse that lies still is told to the page as a move. So the first one only says where a mouse is.
 * @param {Event} event
 */
function isOfMouseAtRest(event) {
  if (!(event instanceof PointerEvent) || event.type !== "pointermove" || event.pointerType !== "mouse") return false;
  const place = `${event.screenX} ${event.screenY}`;
  mouse ??= place;
  return place === mouse;
}

async function load() {
  styles ??= Promise.all(STYLES.map((name) => untilThere(() => style(`css/${name}.css`))));
  // Browsers remember of an address what came, older ones that nothing came.
  const made = await untilThere(() => import(tries++ ? `../studio.js?${tries}` : "../studio.js"));
  await Promise.race([styles, pause(STYLES_WITHIN_MS)]);
  there = made;
  try {
    made.open();
  } finally {
    for (const act of waiting.splice(0)) act(made);
  }
}

/** @template T @param {(failures: number) => Promise<T>} get @returns {Promise<T>} */
async function untilThere(get) {
  for (let failures = 0; ; failures += 1) {
    try {
      return await get(failures);
    } catch (error) {
      if (!NOT_LOADED.test(error.message)) throw error;
      console.info("page:", error.message);
      // Something of it is not there, or an older browser remembers a script that another one imports: only a new page helps.
      if (failures === PATIENT_TRIES && (await isReachable())) reportError(error);
      await pause(backoff(failures));
    }
  }
}

/** @param {string} address @returns {Promise<void>} */
function style(address) {
  return new Promise((resolve, reject) => {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: address });
    // It is tried again: no matter for alarm.js.
    link.dataset.comesLater = "";
    link.onload = () => resolve();
    link.onerror = () => {
      link.remove();
      reject(new Error(`no style: ${address}`));
    };
    document.head.append(link);
  });
}

/** @returns {Promise<boolean>} whether the line is there. */
async function isReachable() {
  try {
    return (await fetch(new URL("../studio.js", import.meta.url), { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}
