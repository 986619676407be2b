// @ts-check
/**
 * What nobody expected: an error that no code has caught, or a script that could not be loaded. The page says so and what to do,
 * whatever else of it works; so this imports nothing. Its words lie in index.html.
 */

const banner = /** @type {HTMLElement} */ (document.getElementById("alarm"));

document.getElementById("alarm-reload")?.addEventListener("click", () => location.reload());

// Errors of what does not load are heard on their way down alone.
addEventListener("error", (event) => {
  const { target } = event;
  const failed = target instanceof HTMLScriptElement || (target instanceof HTMLLinkElement && !("comesLater" in target.dataset));
  if (failed || (event instanceof ErrorEvent && isOwn(event))) raise();
}, true);

addEventListener("unhandledrejection", ({ reason }) => {
  if (reason?.name !== "AbortError") raise();
});

function raise() {
  banner.hidden = false;
  // Who listens may free what has got stuck: a form that waits for an answer.
  dispatchEvent(new Event("toonconnect:alarm"));
}

/** Extensions of the browser fail in the page's name. A size observer that comes late is no error. */
function isOwn(/** @type {ErrorEvent} */ { filename, message }) {
  return (!filename || filename.startsWith(location.origin)) && !message.startsWith("ResizeObserver");
}
