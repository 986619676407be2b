/** Getting a chosen file ready for upload: type by content, size, compression, and advice about the picture. */

const MAX_SIDE_PX = 2048;
const SMALL_SIDE_PX = 512;
const BUSY_EDGE = 20;

/** A file that cannot be used; `key` names the words to show. */
export class ImageProblem extends Error {
  constructor(key) {
    super(key);
    this.key = key;
  }
}

/**
 * @typedef {object} Prepared
 * @property {File} file          what to upload, never above the limit
 * @property {number} width
 * @property {number} height
 * @property {{before: number, after: number}|null} compressed  bytes, when the file was made smaller
 * @property {string[]} advice    keys of words, for example that the picture is small
 */

/**
 * Reads a file and, above `maxBytes` or 2048 px, makes it smaller. Throws ImageProblem when it cannot be used.
 * @returns {Promise<Prepared>}
 */
export async function prepareImage(file, { maxBytes, types }) {
  const type = await typeByContent(file);
  if (!types.includes(type)) throw new ImageProblem("image.unsupported");
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new ImageProblem("image.unreadable");
  }
  try {
    const { width, height } = bitmap;
    const advice = [];
    if (Math.min(width, height) < SMALL_SIDE_PX) advice.push("image.small");
    if (borderEdges(bitmap) > BUSY_EDGE) advice.push("image.busy");
    if (file.size <= maxBytes && Math.max(width, height) <= MAX_SIDE_PX) {
      return { file, width, height, compressed: null, advice };
    }
    const smaller = await shrink(bitmap, type, maxBytes);
    return {
      file: new File([smaller.blob], nameFor(file.name, smaller.blob.type), { type: smaller.blob.type }),
      width: smaller.width,
      height: smaller.height,
      compressed: { before: file.size, after: smaller.blob.size },
      advice,
    };
  } finally {
    bitmap.close();
  }
}

async function typeByContent(file) {
  const bytes = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  const ascii = String.fromCharCode(...bytes);
  if (ascii.startsWith("\x89PNG")) return "image/png";
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return "image/jpeg";
  if (ascii.startsWith("RIFF") && ascii.slice(8, 12) === "WEBP") return "image/webp";
  return "unknown";
}

async function shrink(bitmap, type, maxBytes) {
  for (let side = MAX_SIDE_PX; side >= 512; side = Math.round(side * 0.75)) {
    const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
    const width = Math.max(1, Math.round(bitmap.width * scale));
    const height = Math.max(1, Math.round(bitmap.height * scale));
    // Transparency survives as PNG or WebP; where a browser cannot write WebP it answers PNG, and JPEG comes last.
    const attempts = type === "image/jpeg" ? [] : [["image/png"], ["image/webp", 0.92]];
    for (const [format, quality] of [...attempts, ["image/jpeg", 0.92], ["image/jpeg", 0.82]]) {
      const blob = await encode(bitmap, width, height, format, quality);
      if (blob && blob.size <= maxBytes) return { blob, width, height };
    }
  }
  throw new ImageProblem("image.tooLarge");
}

function encode(bitmap, width, height, format, quality) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (format === "image/jpeg") {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
  }
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  return new Promise((resolve) => canvas.toBlob(resolve, format, quality));
}

/** Mean step in brightness along the picture's border: plain backgrounds stay low, photographs of rooms do not. */
function borderEdges(bitmap) {
  const side = 64;
  const ring = 8;
  const canvas = document.createElement("canvas");
  canvas.width = side;
  canvas.height = side;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0, side, side);
  const { data } = context.getImageData(0, 0, side, side);
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

function nameFor(name, type) {
  const extension = { "image/png": "png", "image/webp": "webp", "image/jpeg": "jpg" }[type];
  return `${name.replace(/\.[^.]*$/, "") || "image"}.${extension}`;
}
