/** What a picture is fit for: what the server would refuse or warn of, found before the upload. */

/** The longer side of what a provider gets (shared/domain/generation.py). */
const SENT_SIDE_PX = 1024;
/** To what smaller pictures are enlarged; and the shorter side that a model needs, where the server does not tell. */
export const MIN_SIDE_PX = 256;
/** Of a long picture that is made smaller: below this its shorter side has lost its detail. */
const NARROW_PX = 384;
const SMALL_SIDE_PX = 512;
const BUSY_EDGE = 20;
/** Steps of 255 within which two pixels are one colour: a JPEG of one colour is not quite one. */
const ONE_COLOUR_STEPS = 4;
/** Alpha of what an eye sees through, and of what it does not see. */
const SEE_THROUGH_ALPHA = 250;
const UNSEEN_ALPHA = 5;

/** @returns {number} the shorter side of what is sent: the longer one at most 1024 px, small pictures enlarged. */
export function sentSide(width, height) {
  const [shorter, longer] = width < height ? [width, height] : [height, width];
  const side = shorter * Math.min(SENT_SIDE_PX / longer, Math.max(1, MIN_SIDE_PX / shorter));
  // As Python rounds: halves to the even one.
  return Math.max(1, side % 1 === 0.5 ? 2 * Math.round(side / 2) : Math.round(side));
}

/** @returns {boolean} whether a part of it would serve better than all of it. */
export function isNarrow(width, height) {
  return sentSide(width, height) < NARROW_PX && Math.max(width, height) > SENT_SIDE_PX;
}

/**
 * Looks at the pixels of anything a canvas draws.
 * @returns {{blank: null|"transparent"|"oneColour", seeThrough: boolean}} `blank` where there is nothing to see in it.
 */
export function lookAt(source, width, height) {
  // As large as what is sent: thin lines would fade in a smaller one.
  const scale = Math.min(1, SENT_SIDE_PX / Math.max(width, height));
  const data = pixels(source, Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
  const low = [255, 255, 255, 255];
  const high = [0, 0, 0, 0];
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] < low[3]) low[3] = data[at + 3];
    if (data[at + 3] > high[3]) high[3] = data[at + 3];
    // The colour of what cannot be seen says nothing.
    if (data[at + 3] < UNSEEN_ALPHA) continue;
    for (let part = 0; part < 3; part += 1) {
      const value = data[at + part];
      if (value < low[part]) low[part] = value;
      if (value > high[part]) high[part] = value;
    }
  }
  let blank = null;
  if (high[3] < UNSEEN_ALPHA) blank = "transparent";
  else if (high.every((most, part) => most - low[part] <= ONE_COLOUR_STEPS)) blank = "oneColour";
  return { blank, seeThrough: low[3] < SEE_THROUGH_ALPHA };
}

/** @returns {string[]} keys of advice about a picture that works all the same. */
export function adviceOn(source, width, height) {
  const advice = [];
  if (Math.min(width, height) < SMALL_SIDE_PX) advice.push("image.small");
  if (borderEdges(source) > BUSY_EDGE) advice.push("image.busy");
  return advice;
}

/** Mean step in brightness along the picture's border: plain backgrounds stay low, photographs of rooms do not. */
function borderEdges(source) {
  const side = 64;
  const ring = 8;
  // Not averaged: a texture as fine as noise is busy too, and a mean of it would be plain.
  const data = pixels(source, side, side, "low");
  const light = (x, y) => {
    const at = (y * side + x) * 4;
    return 0.3 * data[at] + 0.59 * data[at + 1] + 0.11 * data[at + 2];
  };
  let sum = 0;
  let count = 0;
  for (let y = 0; y < side - 1; y += 1) {
    for (let x = 0; x < side - 1; x += 1) {
      if (x >= ring && x < side - ring && y >= ring && y < side - ring) continue;
      sum += Math.abs(light(x, y) - light(x + 1, y)) + Math.abs(light(x, y) - light(x, y + 1));
      count += 1;
    }
  }
  return sum / count;
}

function pixels(source, width, height, smoothing = "high") {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  // "low" skips pixels, and thin lines with them.
  context.imageSmoothingQuality = smoothing;
  context.drawImage(source, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}
