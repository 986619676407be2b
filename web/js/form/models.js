// @ts-check
/** What GET /api/options tells of the kinds of picture, and of the models that make them. */

import { currentLanguage } from "../words/words.js";

/** @typedef {{ko?: string, en?: string}} Texts  the server's, in its languages */

/**
 * A kind of picture and where its jobs start; once the server has told, one of the models that make it.
 * @typedef {object} Generator
 * @property {string} kind
 * @property {string} path
 * @property {string[]} images  the names of its images
 * @property {string} [model]
 * @property {string} [provider]
 * @property {boolean} [is_default]
 * @property {Texts} [name]
 * @property {Texts} [good_for]
 * @property {number} [expected_seconds]
 * @property {number} [price_usd]
 * @property {number} [min_side_px]
 * @property {string|null} [stopped]  why it takes nothing in now: the code of an error
 */

/** @typedef {Generator & {model: string}} Model */

/**
 * @typedef {object} Preset
 * @property {string} id
 * @property {Texts} name
 * @property {string} aspect_ratio
 * @property {string} [print_size]
 * @property {{width_cm: number, height_cm: number, least_dpi: number, picture?: {verdict: string}}} [print]
 */

/** Options of the server; all of them are there once it has told. @typedef {Partial<import("./options.js").Options>} Told */

/** @param {Told} options @returns {Generator[]} each kind's first entry, in the server's order. */
export function kindsOf(options) {
  /** @type {Map<string, Generator>} */
  const first = new Map();
  for (const entry of options.generators ?? []) if (!first.has(entry.kind)) first.set(entry.kind, entry);
  return [...first.values()];
}

/** @param {Told} options @param {string} kind @returns {Model[]} the models that make a kind's pictures; none until the server has told of them. */
export function modelsOf(options, kind) {
  return /** @type {Model[]} */ ((options.generators ?? []).filter((entry) => entry.kind === kind && entry.model));
}

/** @param {Model[]} models @returns {Model|undefined} the one that a job gets, with the next ones as its fallback, when it names none. */
export function defaultModel(models) {
  return models.find((entry) => entry.is_default) ?? models[0];
}

/** @param {Model[]} models @param {string} id @returns {Model|undefined} the model with this id, or the default where that one is not offered (any more). */
export function chosenModel(models, id) {
  return models.find((entry) => entry.model === id) ?? defaultModel(models);
}

/** @param {Told} options @param {string} id @returns {string} a model's name in the language that is on; its id when the server does not tell of it (any more). */
export function modelName(options, id) {
  const entry = (options.generators ?? []).find((candidate) => candidate.model === id);
  return inLanguage(entry?.name) ?? id;
}

/** @param {Texts} [texts] @returns {string|undefined} one of the server's texts in the language that is on. */
export function inLanguage(texts) {
  return texts?.[currentLanguage()] ?? texts?.ko;
}
