// @ts-check
/**
 * The focus never falls to the page as a whole because what had it was taken away, hidden or turned off: it goes to the nearest
 * heading, or back once it can. Whoever clicks beside everything has wanted that.
 */

/** @type {HTMLElement|null} what had the focus last */
let last = null;
/** @type {HTMLElement[]} what it lay in */
let around = [];

/** Keeps watch from now on. */
export function guardFocus() {
  note(document.activeElement);
  document.addEventListener("focusin", ({ target }) => note(target));
  document.addEventListener("pointerdown", ({ target }) => {
    if (!(target instanceof Element) || !target.closest("button, a, input, textarea, select, summary, label, [tabindex]")) last = null;
  });
  // Browsers move the focus off a thing when they draw it anew.
  const look = () => requestAnimationFrame(() => setTimeout(restore));
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributeFilter: ["disabled", "hidden", "inert", "class", "open"] });
}

/** @param {EventTarget|null} target what has the focus */
function note(target) {
  last = target instanceof HTMLElement && target !== document.body ? target : null;
  around = [];
  for (let at = last?.parentElement; at; at = at.parentElement) around.push(at);
}

function restore() {
  const active = document.activeElement;
  if (!last || (active !== null && active !== document.body)) return;
  if (last.isConnected && isReachable(last)) {
    last.focus({ preventScroll: true });
    return;
  }
  // What is off for a moment only gets the focus back.
  if (last.isConnected && last.matches(":disabled") && isReachable(last.parentElement)) return;
  const place = around.find((element) => element.isConnected && isReachable(element) && element.querySelector("[tabindex='-1']:is(h1, h2)"));
  const heading = place?.querySelector("[tabindex='-1']:is(h1, h2)") ?? document.getElementById("page-title");
  if (heading instanceof HTMLElement && isReachable(heading)) heading.focus({ preventScroll: true });
}

/** @param {HTMLElement|null} element */
function isReachable(element) {
  return element !== null && !element.matches(":disabled") && !element.closest("[inert]") && element.checkVisibility();
}
