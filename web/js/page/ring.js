// @ts-check
/** A ring that fills as a job goes on. */

/** @param {HTMLElement} ring @param {number|null} percent  null where nobody knows */
export function drawRing(ring, percent) {
  ring.classList.toggle("unknown", percent === null);
  ring.style.setProperty("--part", String(percent ?? 25));
}
