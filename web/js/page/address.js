// @ts-check
/** The page's address and the job on show: `?job=<id>`, one step back or forward for each that was opened. */

const NAME = "job";

/** @returns {string|null} the job that the address names. */
export function jobInAddress() {
  const id = new URL(location.href).searchParams.get(NAME);
  return id && /^[\w-]{1,80}$/.test(id) ? id : null;
}

/**
 * Makes the address that of a job, or with null of the page itself. `isStep`: the way back leads to what was there before.
 * @param {string|null} id @param {{isStep?: boolean}} [how]
 */
export function goTo(id, { isStep = true } = {}) {
  const url = new URL(location.href);
  url.hash = "";
  if (id === null) url.searchParams.delete(NAME);
  else url.searchParams.set(NAME, id);
  if (url.href === location.href && !isStep) return;
  // What lies before the page's own steps is not the page's.
  const depth = (history.state?.depth ?? 0) + (isStep ? 1 : 0);
  history[isStep ? "pushState" : "replaceState"]({ depth }, "", url);
}

/** Leaves what is on show for what was there before; where nothing of the page was, for the page itself. @returns {boolean} whether a step back is under way. */
export function goBack() {
  if (!history.state?.depth) return false;
  history.back();
  return true;
}

/** Calls `listener` whenever the visitor has gone back or forward. @param {() => void} listener */
export function onStep(listener) {
  addEventListener("popstate", listener);
}
