// @ts-check
/** What a file is by its first bytes: the pictures that may be taken, and the names of what people choose by mistake. */

/** How many bytes of a file tell its kind. */
const HEAD_BYTES = 4096;
/** Where a HEIC file lists what is in it: at its beginning. */
const BOXES_BYTES = 65536;
/** A ZIP archive lists what is in it at its end. */
const ZIP = "PK\x03\x04";
const ZIP_LIST_BYTES = 65536;
const ISPE = 0x69737065;

const TYPES = {
  png: "image/png", jpeg: "image/jpeg", webp: "image/webp", avif: "image/avif", heic: "image/heic", heif: "image/heif", gif: "image/gif",
};

// The same names as the server's (shared/domain/image_kind.py), which a test compares.
const SIGNATURES = [
  ["png", "\x89PNG\r\n\x1a\n"], ["jpeg", "\xff\xd8\xff"], ["gif", "GIF87a"], ["gif", "GIF89a"],
  ["pdf", "%PDF"], ["postscript", "%!PS"], ["postscript", "\xc5\xd0\xd3\xc6"], ["photoshop", "8BPS"], ["clip_studio", "CSFCHUNK"],
  ["gimp", "gimp xcf"], ["raw", "FUJIFILMCCD-RAW"], ["raw", "IIRO"], ["raw", "IIU\0"], ["tiff", "II*\0"], ["tiff", "MM\0*"],
  ["tiff", "II+\0"], ["tiff", "MM\0+"], ["bmp", "BM"], ["icon", "\0\0\x01\0"], ["jpeg_xl", "\xff\x0a"],
  ["jpeg_xl", "\0\0\0\x0cJXL \r\n\x87\n"], ["jpeg_2000", "\0\0\0\x0cjP  \r\n\x87\n"], ["jpeg_2000", "\xff\x4f\xff\x51"],
  ["video", "\x1aE\xdf\xa3"], ["video", "\0\0\x01\xba"], ["video", "\0\0\x01\xb3"], ["video", "OggS"], ["video", "FLV\x01"],
  ["video", "\x30\x26\xb2\x75\x8e\x66\xcf\x11"], ["audio", "ID3"], ["audio", "\xff\xfb"], ["audio", "fLaC"],
  ["office", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"], ["office", "{\\rtf"], ["hangul", "HWP Document File"],
  ["archive", "Rar!"], ["archive", "7z\xbc\xaf\x27\x1c"], ["archive", "\x1f\x8b"],
  ["archive", "\xfd7zXZ\0"], ["sai", "SAI-CANVAS"], ["medibang", "mdipack"],
];
// What begins with letters that a text may begin with too.
/** @type {[string, RegExp][]} */
const BEGINNINGS = [
  ["netpbm", /^(?:P[1-6][ \t-\r](?:[ \t-\r]|#[^\n]*\n)*[0-9]+[ \t-\r](?:[ \t-\r]|#[^\n]*\n)*[0-9]|P7\n)/],
  ["blender", /^BLENDER(?:[-_][vV][0-9]|[0-9]{2}-[0-9]{2}v[0-9])/],
  ["archive", /^BZh[1-9](?:1AY&SY|\x17rE8P\x90)/],
];
/** Where a TAR archive says what it is. */
const TAR = [257, 262];
const RIFF = { WEBP: "webp", "AVI ": "video", WAVE: "audio" };
const AVIF = new Set(["avif", "avis"]);
const HEIC = new Set(["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"]);
const SOUND = new Set(["M4A ", "M4B "]);
const HEIF = new Set(["mif1", "mif2", "msf1"]);
const FIRST_BOXES = new Set(["ftyp", "moov", "mdat", "wide", "free", "skip"]);
const TIFF_OF_CAMERAS = /CR\x02\0|NIKON CORPORATION|SONY\0|OLYMPUS|PENTAX/;
// Piece by piece: as one pattern what stands before a page or a drawing would be tried in every way.
const PROLOGUE = /\ufeff|\s+|<\?xml[^>]*\?>|<!--[^]*?-->/iy;
const ELEMENT = /<(?:!doctype\s+)?(svg)\b|<(?:!doctype\s+html|html|head|body)\b/iy;

/** @returns {Promise<Uint8Array>} the part of a file that tells its kind. */
export async function headOf(file) {
  const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  if (!latin1(head).startsWith(ZIP)) return head;
  return new Uint8Array(await new Blob([head, file.slice(Math.max(HEAD_BYTES, file.size - ZIP_LIST_BYTES))]).arrayBuffer());
}

/** @returns {string} `png`, `pdf`, ...: the id of a kind by a file's first bytes; `unknown` where nothing else fits. */
export function kindByContent(head) {
  if (head.length === 0) return "empty";
  const text = latin1(head);
  if (text.startsWith(ZIP)) return kindOfPacked(text);
  if (text.startsWith("RIFF")) return RIFF[text.slice(8, 12)] ?? "unknown";
  if (FIRST_BOXES.has(text.slice(4, 8))) return kindByBrands(head, text);
  const known = SIGNATURES.find(([, signature]) => text.startsWith(signature))?.[0];
  if ((known === undefined || !(known in TYPES)) && text.slice(...TAR) === "ustar") return "archive";
  if (known === "tiff" && TIFF_OF_CAMERAS.test(text)) return "raw";
  return known ?? BEGINNINGS.find(([, beginning]) => beginning.test(text))?.[0] ?? kindOfText(head);
}

/** @returns {string|undefined} the content type of a kind that is a picture browsers and servers may take. */
export function typeOf(kind) {
  return TYPES[kind];
}

/** @returns {boolean} whether a picture's head says that there may be more than one frame. */
export function mayBeAnimated(kind, head) {
  const text = latin1(head);
  // A GIF's frames are counted nowhere, so each may have several.
  if (kind === "gif") return true;
  if (kind === "webp") return text.slice(12, 16) === "VP8X" && (head[20] & 0x02) !== 0;
  if (kind === "png") return text.includes("acTL");
  return kind === "avif" && text.slice(8, 64).includes("avis");
}

/**
 * The size that HEIC and AVIF files tell of their largest image (`ispe`: ISO/IEC 23008-12, 6.5.3), before it is turned.
 * @returns {Promise<{width: number, height: number}|null>}
 */
export async function sizeByBoxes(file) {
  const bytes = new DataView(await file.slice(0, BOXES_BYTES).arrayBuffer());
  /** @type {{width: number, height: number}|null} */
  let largest = null;
  for (let at = 0; at + 16 <= bytes.byteLength; at += 1) {
    if (bytes.getUint32(at) !== ISPE) continue;
    const [width, height] = [bytes.getUint32(at + 8), bytes.getUint32(at + 12)];
    if (width > 0 && height > 0 && width * height > (largest ? largest.width * largest.height : 0)) largest = { width, height };
  }
  return largest;
}

function latin1(bytes) {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** ISO base media files (HEIF, AVIF, MP4, ...) say in their first box what they are and what they are compatible with. */
function kindByBrands(head, text) {
  if (text.slice(4, 8) !== "ftyp") return "video";
  const size = Math.min(new DataView(head.buffer, head.byteOffset).getUint32(0) || head.length, head.length);
  const brands = [text.slice(8, 12)];
  for (let at = 16; at + 4 <= size; at += 4) brands.push(text.slice(at, at + 4));
  if (brands.some((brand) => AVIF.has(brand))) return "avif";
  if (HEIC.has(brands[0])) return "heic";
  if (HEIF.has(brands[0])) return "heif";
  if (brands.some((brand) => HEIC.has(brand))) return "heic";
  if (brands[0] === "crx ") return "raw";
  if (SOUND.has(brands[0])) return "audio";
  return brands.some((brand) => HEIF.has(brand)) ? "heif_other" : "video";
}

/** What a ZIP archive holds, by the names of its first files. */
function kindOfPacked(text) {
  if (text.includes("application/x-krita")) return "krita";
  if (text.includes("mimetypeapplication/hwp+zip")) return "hangul";
  if (text.includes("[Content_Types].xml") || text.includes("mimetypeapplication/vnd.oasis")) return "office";
  return text.includes("Document.archive") ? "procreate" : "archive";
}

function kindOfText(head) {
  const isWide = (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff);
  let text;
  try {
    // `stream`: the head may end in the middle of a character.
    text = new TextDecoder(isWide ? (head[0] === 0xff ? "utf-16le" : "utf-16be") : "utf-8", { fatal: true }).decode(head, { stream: head.length === HEAD_BYTES });
  } catch {
    return "unknown";
  }
  ELEMENT.lastIndex = 0;
  for (PROLOGUE.lastIndex = 0; PROLOGUE.test(text);) ELEMENT.lastIndex = PROLOGUE.lastIndex;
  const markup = ELEMENT.exec(text);
  if (markup) return markup[1] ? "svg" : "html";
  return /[\0-\x08\x0b\x0e-\x1f\x7f]/.test(text) ? "unknown" : "text";
}
