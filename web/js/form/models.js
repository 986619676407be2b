// @ts-check
/** What GET /api/options tells of the kinds of picture, and of the models that make them. */

import { currentLanguage } from "../words/words.js";

/** @returns {object[]} each kind's first entry, in the server's order. */
export function kindsOf(options) {
  const first = new Map();
  for (const entry of options.generators ?? []) if (!first.has(entry.kind)) first.set(entry.kind, entry);
  return [...first.values()];
}

/** @returns {object[]} the models that make a kind's pictures; none until the server has told of them. */
export function modelsOf(options, kind) {
  return (options.generators ?? []).filter((entry) => entry.kind === kind && entry.model);
}

/** @returns {object|undefined} the one that a job gets, with the next ones as its fallback, when it names none. */
export function defaultModel(models) {
  return models.find((entry) => entry.is_default) ?? models[0];
}

/** @returns {object|undefined} the model with this id, or the default where that one is not offered (any more). */
export function chosenModel(models, id) {
  return models.find((entry) => entry.model === id) ?? defaultModel(models);
}

/** @returns {string} a model's name in the language that is on; its id when the server does not tell of it (any more). */
export function modelName(options, id) {
  const entry = (options.generators ?? []).find((candidate) => candidate.model === id);
  return inLanguage(entry?.name) ?? id;
}

/** @returns {string|undefined} one of the server's texts in the language that is on. */
export function inLanguage(texts) {
  return texts?.[currentLanguage()] ?? texts?.ko;
}
