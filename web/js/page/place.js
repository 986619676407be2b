// @ts-check
/** Before anything is drawn, so no module: who has made pictures here has the filmstrip's place kept for it. */

try {
  if (Object.keys(localStorage).some((key) => key.startsWith("toonconnect.history"))) document.documentElement.classList.add("has-films");
} catch {
  // Nothing can be kept.
}
