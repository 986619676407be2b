// @ts-check
/** What a form offers until GET /api/options has answered; the same values the contract fixes. */

/** @typedef {import("./models.js").Generator} Generator */
/** @typedef {import("./models.js").Preset} Preset */

/**
 * What GET /api/options tells.
 * @typedef {object} Options
 * @property {string[]} aspect_ratios
 * @property {string[]} output_formats
 * @property {{min: number, max: number, default: number}} safety_tolerance
 * @property {{min: number, max: number}} seed
 * @property {{min: number, max: number, default: number}} n
 * @property {{min_length: number, max_length: number}} prompt
 * @property {{max_presets: number}} sheet
 * @property {boolean} translator
 * @property {boolean} [sandbox]
 * @property {{max_bytes: number, max_pixels_by_type?: Record<string, number>, content_types: string[]}} image
 * @property {Preset[]|null} presets  null until the server has told
 * @property {Generator[]} generators
 */

/** @type {Options} */
export const BASIC_OPTIONS = {
  aspect_ratios: [
    "match_input_image", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "21:9", "9:21", "2:1", "1:2",
  ],
  output_formats: ["png", "jpeg"],
  safety_tolerance: { min: 0, max: 2, default: 2 },
  seed: { min: 0, max: 4294967295 },
  n: { min: 1, max: 4, default: 1 },
  prompt: { min_length: 1, max_length: 2000 },
  sheet: { max_presets: 9 },
  // Whether Korean is translated is not known yet, so it is not promised.
  translator: false,
  image: {
    max_bytes: 5 * 1024 * 1024,
    content_types: ["image/png", "image/jpeg", "image/webp", "image/avif", "image/heic", "image/heif", "image/gif"],
  },
  presets: null,
  generators: [
    { kind: "ppl", path: "/api/ppl-gen/generate", images: ["input_image_1", "input_image_2"] },
    { kind: "goods", path: "/api/goods-gen/generate", images: ["input_image"] },
  ],
};
