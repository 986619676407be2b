// @ts-check
/** What a picture is fit for: what the server would refuse or warn of, found before the upload (shared/pictures/). */

import { canvasOf } from "./canvas.js";
import { MIN_SIDE_PX } from "./file-types.js";

/** The longer side of what a provider gets (shared/domain/generation.py). */
export const SENT_SIDE_PX = 1024;
/** Of a long picture that is made smaller: below this its shorter side has lost its detail. */
const NARROW_PX = 384;
const SMALL_SIDE_PX = 512;
const BUSY_EDGE = 20;
/** Steps of 255 within which two pixels are one colour: a JPEG of one colour is not quite one. */
const ONE_COLOUR_STEPS = 4;
/** Frames of an animation are looked at in this size. */
const FRAME_SIDE_PX = 512;
/** Alpha of what an eye sees through. */
const SEE_THROUGH_ALPHA = 250;

/** What stands behind a transparent picture (shared/pictures/ground.py): white, or what shows more of it, in this order. */
const WHITE = { id: "white", colour: [255, 255, 255] };
const OTHER_GROUNDS = [
  { id: "grey", colour: [128, 128, 128] },
  { id: "darkGrey", colour: [40, 40, 40] },
  { id: "paleBlue", colour: [200, 215, 235] },
];
/** A ground is judged on so many cells a side; of 255, what can be told from it; alpha of what is seen at all; how much is enough, how much less as good. */
const GROUND_CELLS = 128;
const CONTRAST = 32;
const SEEN_ALPHA = 16;
const ENOUGH = 0.5;
const AS_GOOD = 0.05;

/** @returns {{width: number, height: number}} of what is sent: the longer side at most 1024 px, small pictures enlarged. */
export function sizeToSend(width, height) {
  const [shorter, longer] = width < height ? [width, height] : [height, width];
  const scale = Math.min(SENT_SIDE_PX / longer, Math.max(1, MIN_SIDE_PX / shorter));
  return { width: Math.max(1, roundHalfEven(width * scale)), height: Math.max(1, roundHalfEven(height * scale)) };
}

/** @returns {number} the shorter side of what is sent. */
export function sentSide(width, height) {
  const sent = sizeToSend(width, height);
  return Math.min(sent.width, sent.height);
}

/** @returns {boolean} whether a part of it would serve better than all of it. */
export function isNarrow(width, height) {
  return sentSide(width, height) < NARROW_PX && Math.max(width, height) > SENT_SIDE_PX;
}

/**
 * Looks at the pixels of anything a canvas draws.
 * @returns {{blank: null|"transparent"|"oneColour", seeThrough: boolean, ground: string}} `blank` where there is nothing to
 * see in it; `ground` is what it is put on: white, grey, darkGrey or paleBlue.
 */
export function lookAt(source, width, height) {
  // As large as what is sent: thin lines would fade in a smaller one.
  const sent = sizeToSend(width, height);
  const image = pixels(source, sent.width, sent.height);
  const alpha = rangeOf(image.data, (data, at) => data[at + 3]);
  if (alpha.high === 0) return { blank: "transparent", seeThrough: true, ground: WHITE.id };
  const ground = alpha.low === 255 ? WHITE : groundFor(image);
  const blank = isOneColour(image.data, ground.colour) ? "oneColour" : null;
  return { blank, seeThrough: alpha.low < SEE_THROUGH_ALPHA, ground: ground.id };
}

/** @returns {boolean} whether there is nothing to see in a frame of an animation. */
export function isBlankFrame(source, width, height) {
  const scale = Math.min(1, FRAME_SIDE_PX / Math.max(width, height));
  const { data } = pixels(source, Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
  const alpha = rangeOf(data, (all, at) => all[at + 3]);
  if (alpha.high === 0) return true;
  return alpha.high - alpha.low <= ONE_COLOUR_STEPS && isOneColour(data, WHITE.colour);
}

/** @returns {{key: string, values?: object}[]} what is poor about a picture of this size, which works all the same. */
export function adviceOnSize(width, height) {
  const sent = sizeToSend(width, height);
  if (Math.min(width, height) < MIN_SIDE_PX && Math.max(sent.width, sent.height) > Math.max(width, height)) {
    return [{ key: "image.enlarged", values: { width, height } }];
  }
  const advice = [];
  if (isNarrow(width, height)) advice.push({ key: "image.narrow", values: { side: sentSide(width, height) } });
  if (Math.min(width, height) < SMALL_SIDE_PX) advice.push({ key: "image.small" });
  return advice;
}

/** @returns {boolean} whether its border is so restless that the picture's subject is hard to tell from it. */
export function isBusy(source) {
  return borderEdges(source) > BUSY_EDGE;
}

// ── Colours ──

function rangeOf(data, valueAt) {
  let [low, high] = [255, 0];
  for (let at = 0; at < data.length; at += 4) {
    const value = valueAt(data, at);
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

function isOneColour(data, ground) {
  return ground.every((behind, part) => {
    const { low, high } = rangeOf(data, (all, at) => over(all[at + part], all[at + 3], behind));
    return high - low <= ONE_COLOUR_STEPS;
  });
}

function over(value, alpha, behind) {
  return Math.round((value * alpha + behind * (255 - alpha)) / 255);
}

function groundFor(image) {
  if (shareSeen(image, WHITE) >= ENOUGH) return WHITE;
  const shares = OTHER_GROUNDS.map((ground) => shareSeen(image, ground));
  const least = Math.max(...shares) - AS_GOOD;
  return OTHER_GROUNDS[shares.findIndex((share) => share >= least)];
}

/** How much of what is visible can be told from the ground: what contrasts with it, and what an outline encloses that does. */
function shareSeen({ data, width, height }, { colour }) {
  const step = Math.max(1, Math.ceil(Math.max(width, height) / GROUND_CELLS));
  const [across, down] = [Math.ceil(width / step), Math.ceil(height / step)];
  const isWall = new Uint8Array(across * down);
  const visible = new Float64Array(across * down);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = 4 * (y * width + x);
      const alpha = data[at + 3];
      if (alpha === 0) continue;
      const [column, row] = [Math.floor(x / step), Math.floor(y / step)];
      const cell = row * across + column;
      // The last cells may be smaller than the others, and weigh as much.
      const area = Math.min(step, width - column * step) * Math.min(step, height - row * step);
      if (alpha >= SEEN_ALPHA) visible[cell] += 1 / area;
      isWall[cell] ||= Number(colour.some((behind, part) => Math.abs(over(data[at + part], alpha, behind) - behind) >= CONTRAST));
    }
  }
  const isOutside = outsideOf(isWall, across, down);
  const all = visible.reduce((sum, share) => sum + share, 0);
  return all > 0 ? visible.reduce((sum, share, cell) => sum + (isOutside[cell] ? 0 : share), 0) / all : 0;
}

/** Cells that are reached from the edge without crossing a wall. */
function outsideOf(isWall, across, down) {
  const isOutside = new Uint8Array(across * down);
  const next = [];
  const reach = (x, y) => {
    if (x < 0 || y < 0 || x >= across || y >= down) return;
    const cell = y * across + x;
    if (isWall[cell] || isOutside[cell]) return;
    isOutside[cell] = 1;
    next.push([x, y]);
  };
  for (let x = 0; x < across; x += 1) for (const y of [0, down - 1]) reach(x, y);
  for (let y = 0; y < down; y += 1) for (const x of [0, across - 1]) reach(x, y);
  while (next.length > 0) {
    const [x, y] = next.pop();
    reach(x - 1, y);
    reach(x + 1, y);
    reach(x, y - 1);
    reach(x, y + 1);
  }
  return isOutside;
}

/** As Python rounds: halves to the even one. */
function roundHalfEven(value) {
  return value % 1 === 0.5 ? 2 * Math.round(value / 2) : Math.round(value);
}

/** Mean step in brightness along the picture's border: plain backgrounds stay low, photographs of rooms do not. */
function borderEdges(source) {
  const side = 64;
  const ring = 8;
  // Not averaged: a texture as fine as noise is busy too, and a mean of it would be plain.
  const { data } = pixels(source, side, side, "low");
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
  const context = canvasOf(width, height).getContext("2d", { willReadFrequently: true });
  // "low" skips pixels, and thin lines with them.
  context.imageSmoothingQuality = smoothing;
  context.drawImage(source, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}
