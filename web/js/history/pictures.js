// @ts-check
/** A job's small picture. Each is kept, so that drawing a list anew loads nothing again. */

import { el, icon } from "../page/dom.js";
import { percentOf } from "../page/following.js";
import { drawRing } from "../page/ring.js";

/** @type {Map<string, HTMLImageElement>} place and id → the image there */
const kept = new Map();

/** @param {string} place @param {import("./list.js").Item} item @returns {Element} */
export function pictureOf(place, { id, job, status }) {
  if (["queued", "processing"].includes(status)) {
    const ring = el("span", { class: "ring", dataset: { ring: id }, "aria-hidden": "true" });
    drawRing(ring, percentOf(id));
    return ring;
  }
  const output = job?.outputs?.[0];
  const key = `${place} ${id}`;
  if (output && !kept.has(key)) {
    const image = el("img", { src: output.thumbnail_url ?? output.url, alt: "", width: 160, height: 160, loading: "lazy", decoding: "async" });
    // Its link has ended: the next version of the job brings another.
    image.addEventListener("error", () => kept.delete(key), { once: true });
    kept.set(key, image);
  }
  return kept.get(key) ?? icon(status === "failed" ? "alert" : status === "gone" ? "clock" : "image");
}

/** Moves the rings of what runs. @param {HTMLElement} root */
export function turnRings(root) {
  for (const ring of /** @type {Iterable<HTMLElement>} */ (root.querySelectorAll("[data-ring]"))) drawRing(ring, percentOf(ring.dataset.ring));
}
