// @ts-check
/** A chosen file ready for upload: what it is, what it shows, whether it can be used, and as large as what is sent. */

import { blobOf, canvasOf } from "./canvas.js";
import { headOf, kindByContent, mayBeAnimated, sizeByBoxes, typeOf } from "./file-kinds.js";
import { SENT_SIDE_PX, adviceOnSize, isBlankFrame, isBusy, isNarrow, lookAt, sentSide, sizeToSend } from "./picture-check.js";

/** Where it does not fit otherwise, it is made smaller than what is sent, down to this. */
const LEAST_SIDE_PX = 512;
/** Of a picture that a part is chosen of: more cannot be seen, and takes long to draw; and of what shows the whole of it. */
const OPEN_PIXELS = 12_000_000;
const OVERVIEW_PIXELS = 500_000;
const SMALL_SIDE_PX = 120;
/** How far an animation is searched for a frame with something in it: frames, and pixels of them together. */
const FRAMES_LOOKED_AT = 50;
const FRAME_PIXELS_LOOKED_AT = 100_000_000;
/** Kinds that not every browser can show. */
const NOT_EVERYWHERE = new Set(["heic", "heif", "avif"]);
/** What stands at the end of a file: an IEND chunk, a marker; and bits that are no code twice the same. */
const PNG_END = [0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82];
const JPEG_END = [0xff, 0xd9];
const OTHER_TAIL = Array.from({ length: 120 }, (_, at) => [0xaa, 0x55, 0x2a][at % 3]);
/** Those that lose nothing stay so where they fit. */
const LOSSLESS = new Set(["image/png", "image/gif"]);

/** A file that cannot be used; `key` names the words to show, `values` fill them, `canCrop` says that a part of it can be, and `preview` shows it. */
export class ImageProblem extends Error {
  /** @param {string} key @param {object} [values] @param {{canCrop?: boolean, preview?: Blob|null}} [options] */
  constructor(key, values = {}, { canCrop = false, preview = null } = {}) {
    super(key);
    this.key = key;
    this.values = values;
    this.canCrop = canCrop;
    this.preview = preview;
  }
}

/**
 * @typedef {object} Decoded
 * @property {ImageBitmap} bitmap  as browsers show it: upright, its colours those of the screen's sRGB
 * @property {number} width
 * @property {number} height
 * @property {string} type         content type of the file
 * @property {number|null} frame   which frame of several the bitmap is, from 1; null of a picture that does not move
 * @property {boolean} isGuess     whether there may be other frames that this browser does not tell of
 */

/** What the server takes; see `prepare`. @typedef {{maxBytes: number, maxPixels?: Record<string, number>, types: string[], minSide: number}} Limits */

/**
 * @typedef {object} Prepared
 * @property {File} file          what to upload, never above the limit
 * @property {Blob|null} preview  what shows it; null where this browser cannot
 * @property {number|null} width
 * @property {number|null} height
 * @property {string} kind        id of its kind, `png`, `heic`, ...
 * @property {boolean} seeThrough whether a ground shines through
 * @property {string} ground       on what it is put: white, grey, darkGrey or paleBlue
 * @property {{before: number, after: number}|null} compressed  bytes, when the file was made smaller
 * @property {boolean} canCrop    whether a part of it would serve better
 * @property {{key: string, values?: object}[]} advice  words, for example that the picture is small
 */

/**
 * Reads a file and brings it to the size that the server sends to those who draw, where that makes the upload smaller. `types`
 * are the content types the server takes, `maxPixels` what it decodes of each, `minSide` is what the shorter side of the sent
 * picture must have. Throws ImageProblem when it cannot be used.
 * @param {File} file @param {Limits} limits
 * @returns {Promise<Prepared>}
 */
export async function prepare(file, { maxBytes, maxPixels = {}, types, minSide }) {
  const head = await headOf(file);
  const kind = kindByContent(head);
  const type = typeOf(kind) ?? "";
  if (!types.includes(type)) {
    throw new ImageProblem("image.refused", { kind, types });
  }
  const decoded = await decode(file, kind, head);
  if (!decoded) return asItIs(file, kind, { maxBytes, maxPixels: maxPixels[type], minSide });
  const { bitmap, width, height, frame, isGuess } = decoded;
  try {
    if (sentSide(width, height) < minSide) throw await tooNarrow(bitmap, minSide);
    const { blank, seeThrough, ground } = lookAt(bitmap, width, height);
    const fits = file.size <= maxBytes && width * height <= (maxPixels[type] ?? Infinity);
    // Of an animation that goes as it is the server may find another frame.
    if (blank && !(isGuess && fits)) throw new ImageProblem(`image.${blank}`);
    const canCrop = isNarrow(width, height);
    const advice = [];
    if (frame) advice.push({ key: frame === 1 ? "image.animated" : "image.animatedAt", values: { frame } });
    if (ground !== "white") advice.push({ key: "image.ground", values: { ground } });
    else if (seeThrough) advice.push({ key: "image.seeThrough" });
    advice.push(...adviceOnSize(width, height));
    if (isBusy(bitmap)) advice.push({ key: "image.busy" });
    const facts = { kind, seeThrough, ground, canCrop, advice };
    // One that is narrow goes whole where it can: the server then says so of the job.
    if (!fits || (Math.max(width, height) > SENT_SIDE_PX && !blank && !canCrop)) {
      const smaller = await shrink(bitmap, { type, seeThrough, maxBytes, maxPixels });
      if (!fits || smaller.blob.size < file.size) {
        const made = fileOf(smaller.blob, file.name);
        return { ...facts, file: made, preview: made, width: smaller.width, height: smaller.height, compressed: { before: file.size, after: made.size } };
      }
    }
    const preview = frame ? await encode(bitmap, whole(bitmap), whole(bitmap), "image/png") : file;
    return { ...facts, file, preview, width, height, compressed: null };
  } finally {
    bitmap.close();
  }
}

/**
 * Opens a file that `prepare` could read, for choosing a part of it.
 * @returns {Promise<{bitmap: ImageBitmap, overview: ImageBitmap, width: number, height: number}>} the bitmap may be smaller than the
 * picture, whose size is `width` and `height`; the overview is small.
 */
export async function open(file) {
  const { bitmap, width, height } = await decodeFile(file);
  const overview = await atMost(bitmap, OVERVIEW_PIXELS);
  if (width * height <= OPEN_PIXELS) return { bitmap, overview, width, height };
  const seen = await atMost(bitmap, OPEN_PIXELS);
  bitmap.close();
  return { bitmap: seen, overview, width, height };
}

function atMost(bitmap, pixels) {
  const size = scaled(bitmap, Math.min(1, Math.sqrt(pixels / (bitmap.width * bitmap.height))));
  return createImageBitmap(bitmap, { resizeWidth: size.width, resizeHeight: size.height, resizeQuality: "medium" });
}

/**
 * Cuts a part out of a picture, pixel by pixel.
 * @param {{x: number, y: number, width: number, height: number}} part
 * @returns {Promise<File>}
 */
export async function cutOut(file, part) {
  const { bitmap, type } = await decodeFile(file);
  try {
    const format = LOSSLESS.has(type) || type === "image/webp" ? "image/png" : "image/jpeg";
    return fileOf(await encode(bitmap, part, part, format, 0.95), file.name);
  } finally {
    bitmap.close();
  }
}

/** @returns {Promise<Blob|null>} a few KB that show what a file is; null where this browser cannot. */
export async function small(file) {
  try {
    const { bitmap } = await decodeFile(file);
    const blob = await encode(bitmap, whole(bitmap), scaled(bitmap, Math.min(1, SMALL_SIDE_PX / Math.min(bitmap.width, bitmap.height))), "image/webp", 0.8);
    bitmap.close();
    return blob;
  } catch {
    return null;
  }
}

/** @returns {Promise<Decoded>} */
async function decodeFile(file) {
  const head = await headOf(file);
  const decoded = await decode(file, kindByContent(head), head);
  if (!decoded) throw new ImageProblem("image.unreadable");
  return decoded;
}

async function tooNarrow(bitmap, minSide) {
  const { width, height } = bitmap;
  const preview = await encode(bitmap, whole(bitmap), sizeToSend(width, height), "image/webp", 0.8);
  return new ImageProblem("image.strip", { width, height, side: sentSide(width, height), min: minSide }, { canCrop: true, preview });
}

/** A picture that other programs show, but not this browser, goes to the server as it is. */
async function asItIs(file, kind, { maxBytes, maxPixels = Infinity, minSide }) {
  const size = await sizeByBoxes(file);
  if (file.size > maxBytes) throw new ImageProblem("image.tooLargeToSee", { kind, maxBytes });
  if (size && size.width * size.height > maxPixels) {
    throw new ImageProblem("image.tooManyPixelsToSee", { kind, megapixels: Math.floor(maxPixels / 1e5) / 10 });
  }
  const side = size ? sentSide(size.width, size.height) : minSide;
  if (side < minSide) throw new ImageProblem("image.strip", { ...size, side, min: minSide });
  const advice = [{ key: "image.noPreview", values: { kind } }, ...(size ? adviceOnSize(size.width, size.height) : [])];
  return { file, preview: null, width: size?.width ?? null, height: size?.height ?? null, kind, seeThrough: false, ground: "white", canCrop: false, compressed: null, advice };
}

/** @returns {Promise<Decoded|null>} the picture as the browser shows it; null of what may be one that this browser knows nothing of. */
async function decode(file, kind, head) {
  const type = typeOf(kind) ?? "";
  const found = mayBeAnimated(kind, head) ? await firstFrameToSee(file, type) : null;
  if (found) return { ...found, type, isGuess: false };
  try {
    const bitmap = await createImageBitmap(file);
    return { bitmap, width: bitmap.width, height: bitmap.height, type, frame: null, isGuess: found === undefined };
  } catch {
    if (NOT_EVERYWHERE.has(kind)) return null;
    const bitmap = await withEnd(file, kind);
    if (!bitmap) throw new ImageProblem("image.unreadable");
    return { bitmap, width: bitmap.width, height: bitmap.height, type, frame: null, isGuess: false };
  }
}

/**
 * A picture whose file breaks off behind its last pixel, which the server takes as pages show it; null where pixels are missing.
 * A JPEG is looked at as the server does: with two different tails it is the same picture only if it needs neither.
 */
async function withEnd(file, kind) {
  const tails = { png: [PNG_END], jpeg: [JPEG_END, [...OTHER_TAIL, ...JPEG_END]] }[kind] ?? [];
  try {
    const [bitmap, other = bitmap] = await Promise.all(tails.map((tail) => createImageBitmap(new Blob([file, Uint8Array.from(tail)]))));
    return bitmap && (other === bitmap || isSame(bitmap, other)) ? bitmap : null;
  } catch {
    return null;
  }
}

function isSame(one, other) {
  const [a, b] = [one, other].map((bitmap) => {
    const context = canvasOf(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    return new Uint32Array(context.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer);
  });
  return a.length === b.length && a.every((pixel, at) => pixel === b[at]);
}

/** Of an animation the first frame that is not blank, else its first, as the server takes it; null of what does not move, undefined where the browser does not tell. */
async function firstFrameToSee(file, type) {
  if (!("ImageDecoder" in globalThis) || !(await ImageDecoder.isTypeSupported(type))) return undefined;
  const decoder = new ImageDecoder({ data: await file.arrayBuffer(), type });
  try {
    await decoder.tracks.ready;
    await decoder.completed;
    const frameCount = decoder.tracks.selectedTrack?.frameCount ?? 1;
    if (frameCount < 2) return null;
    let most = Math.min(frameCount, FRAMES_LOOKED_AT);
    for (let frameIndex = 0; frameIndex < most; frameIndex += 1) {
      const found = await frameAt(decoder, frameIndex);
      most = Math.min(most, Math.max(1, Math.floor(FRAME_PIXELS_LOOKED_AT / (found.width * found.height))));
      if (!isBlankFrame(found.bitmap, found.width, found.height)) return found;
      found.bitmap.close();
    }
    return await frameAt(decoder, 0);
  } catch {
    return undefined;
  } finally {
    decoder.close();
  }
}

async function frameAt(decoder, frameIndex) {
  const { image } = await decoder.decode({ frameIndex });
  const bitmap = await createImageBitmap(image);
  image.close();
  return { bitmap, width: bitmap.width, height: bitmap.height, frame: frameIndex + 1 };
}

/** As large as what is sent, or smaller until it fits. */
async function shrink(bitmap, { type, seeThrough, maxBytes, maxPixels }) {
  const sent = sizeToSend(bitmap.width, bitmap.height);
  const longer = Math.max(sent.width, sent.height);
  for (let side = Math.min(longer, Math.max(bitmap.width, bitmap.height)); side >= Math.min(LEAST_SIDE_PX, longer); side = Math.round(side * 0.75)) {
    // In the shape of what is sent: rounded twice a side could come out a pixel too narrow.
    const size = side < longer ? scaled(sent, side / longer) : sent;
    for (const [format, quality] of formatsFor(type, seeThrough)) {
      if (size.width * size.height > (maxPixels[format] ?? Infinity)) continue;
      const blob = await encode(bitmap, whole(bitmap), size, format, quality);
      if (blob && blob.size <= maxBytes) return { blob, ...size };
    }
  }
  throw new ImageProblem("image.tooLarge", { maxBytes });
}

/** In the order of what they lose. A browser that cannot write WebP answers PNG; JPEG would put a ground under what is transparent. */
function formatsFor(type, seeThrough) {
  const webp = [["image/webp", 0.92], ["image/webp", 0.82]];
  const jpeg = [["image/jpeg", 0.92], ["image/jpeg", 0.82]];
  const png = LOSSLESS.has(type) || seeThrough ? [["image/png"]] : [];
  if (seeThrough) return [...png, ...webp];
  return type === "image/png" || type === "image/gif" || type === "image/webp" ? [...png, ...webp, ...jpeg] : jpeg;
}

function scaled({ width, height }, scale) {
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

function encode(bitmap, from, to, format, quality) {
  const canvas = canvasOf(to.width, to.height);
  // The bitmap's colours become sRGB here: what is written carries no profile and needs none.
  const context = canvas.getContext("2d", { colorSpace: "srgb" });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, from.x ?? 0, from.y ?? 0, from.width, from.height, 0, 0, to.width, to.height);
  return blobOf(canvas, format, quality);
}

function whole({ width, height }) {
  return { x: 0, y: 0, width, height };
}

function fileOf(blob, name) {
  if (!blob) throw new ImageProblem("image.unreadable");
  const extension = { "image/png": "png", "image/webp": "webp", "image/jpeg": "jpg" }[blob.type];
  return new File([blob], `${name.replace(/\.[^.]*$/, "") || "image"}.${extension}`, { type: blob.type });
}
