/** Surfaces to draw on that nobody sees, in the page and in a worker alike. */

/** @returns {HTMLCanvasElement|OffscreenCanvas} */
export function canvasOf(width, height) {
  if (globalThis.OffscreenCanvas) return new OffscreenCanvas(width, height);
  return Object.assign(document.createElement("canvas"), { width, height });
}

/** @returns {Promise<Blob|null>} what is drawn, as a file of this type; of another one where the browser cannot write it. */
export function blobOf(canvas, type, quality) {
  if (canvas.convertToBlob) return canvas.convertToBlob({ type, quality });
  return new Promise((resolve) => canvas.toBlob(resolve, type, quality));
}
