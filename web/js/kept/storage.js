// @ts-check
/** What this browser keeps of the page, in words. It may be blocked, full or damaged: then nothing is kept, and the page works on. */

/** Shared by all tabs, and there after the browser was closed. */
export const BROWSER = () => localStorage;
/** Of this tab alone, as long as it is open. */
export const TAB = () => sessionStorage;

/** @returns {string|null} what is kept under `key`. */
export function read(area, key) {
  try {
    return area().getItem(key);
  } catch {
    return null;
  }
}

/** @returns {*} the value kept by `writeJson`; null when there is none or it is damaged. */
export function readJson(area, key) {
  try {
    return JSON.parse(read(area, key) ?? "null");
  } catch {
    return null;
  }
}

/** @returns {boolean} whether it is kept. */
export function write(area, key, value) {
  try {
    area().setItem(key, value);
    return true;
  } catch {
    return false;
  }
}

/** @returns {boolean} whether it is kept. */
export function writeJson(area, key, value) {
  return write(area, key, JSON.stringify(value));
}

/** Forgets what is kept under `key`. */
export function remove(area, key) {
  try {
    area().removeItem(key);
  } catch {
    // Where nothing can be kept, nothing is.
  }
}

/** Calls `listener` with the key that another tab has changed, or null when it has cleared all of them. */
export function onChangeElsewhere(listener) {
  addEventListener("storage", (event) => listener(event.key));
}

/** @returns {boolean} whether this browser keeps something of the page: it was here before. */
export function isKnown() {
  try {
    return Object.keys(BROWSER()).some((key) => key.startsWith("toonconnect."));
  } catch {
    return false;
  }
}
