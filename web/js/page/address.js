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
  const { depth = 0, isOver = false } = history.state ?? {};
  history[isStep && !isOver ? "pushState" : "replaceState"]({ depth: depth + (isStep ? 1 : 0) }, "", url);
}

/** Leaves what is on show for what was there before; where nothing of the page was, for the page itself. @returns {boolean} whether a step back is under way. */
export function goBack() {
  const { depth = 0, isOver = false } = history.state ?? {};
  if (!depth) return false;
  history.go(isOver ? -2 : -1);
  return true;
}

/** What lies over the page, such as the large view: `onBack` closes it. @type {{onBack: () => void, job: string|null}|null} */
let over = null;
/** @type {(() => void)|null} hears that its step has been taken back */
let lifted = null;

/** Lays something over the page: the way back takes it away, and nothing else. @param {() => void} onBack */
export function lay(onBack) {
  history.pushState({ depth: history.state?.depth ?? 0, isOver: true }, "");
  over = { onBack, job: jobInAddress() };
}

/** Takes its step back, once it has been closed by other means. @returns {Promise<void>} fulfilled when that is done. */
export function lift() {
  over = null;
  return new Promise((resolve) => {
    lifted = resolve;
    history.back();
  });
}

/** It is gone because the page goes elsewhere: the next step takes its place. */
export function leave() {
  over = null;
}

/** Calls `listener` whenever the visitor has gone back or forward. @param {() => void} listener */
export function onStep(listener) {
  addEventListener("popstate", () => {
    const [closed, isDone] = [over, lifted];
    over = lifted = null;
    closed?.onBack();
    isDone?.();
    const isSame = isDone !== null || (closed !== null && closed.job === jobInAddress());
    if (!isSame) listener();
  });
}
