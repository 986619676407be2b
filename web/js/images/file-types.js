// @ts-check
/** What is said of the types of files before there is a file: their names, and what to do about one that is not taken. */

/** The shorter side that a model needs, where the server does not tell. To this smaller pictures are enlarged. */
export const MIN_SIDE_PX = 256;

const LABELS = {
  "image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WebP", "image/avif": "AVIF", "image/heic": "HEIC", "image/heif": "HEIC", "image/gif": "GIF",
};
// Not every system knows the newer types by name.
const EXTENSIONS = { "image/avif": [".avif"], "image/heic": [".heic"], "image/heif": [".heif"] };

/** What to do about a kind that is not taken; the others are to be exported. */
const ADVICE = {
  tiff: "save", bmp: "save", netpbm: "save", icon: "save", jpeg_xl: "save", jpeg_2000: "save", heif_other: "save", heic: "save", heif: "save", avif: "save", gif: "save", webp: "save",
  pdf: "page", office: "page", hangul: "page", video: "frame", archive: "unpack", html: "image", empty: "again",
  audio: "other", text: "other", unknown: "other",
};

/** @returns {string} what to do about a file of a kind that is not taken: `export`, `unpack`, ... */
export function adviceFor(kind) {
  return ADVICE[kind] ?? "export";
}

/** @returns {string[]} the names of content types, each once. */
export function labelsOf(types) {
  return [...new Set(types.map((type) => LABELS[type] ?? type.replace(/^image\//, "").toUpperCase()))];
}

/** @returns {string} content types as a file field's `accept`. */
export function acceptOf(types) {
  return [...new Set([...types, ...types.flatMap((type) => EXTENSIONS[type] ?? [])])].join(",");
}
