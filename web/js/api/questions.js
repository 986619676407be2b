// @ts-check
/**
 * What is asked before anybody has touched the page: what the server offers, and whether it can be made. Everybody may ask, and gets
 * the same answers: nobody is named, and no client is needed.
 */

import { apiBase } from "../../config.js";

const WITHIN_MS = 30_000;

/** There was no answer to make use of. */
export class NoWord extends Error {}

/** @returns {Promise<import("../form/options.js").Options>} enums, limits, presets and generators. */
export function getOptions() {
  return ask("options");
}

/** @returns {Promise<{status?: string, checks?: Record<string, any>}>} whether a job could be made, with a check for each part. */
export function getReadiness() {
  return ask("health/ready");
}

/** @param {string} path @returns {Promise<any>} */
async function ask(path) {
  try {
    const answer = await fetch(`${apiBase}/${path}`, { cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(WITHIN_MS) });
    const told = await answer.json();
    // Who is not ready says why.
    if (answer.ok || told.checks) return told;
  } catch {
    // As good as none.
  }
  throw new NoWord(path);
}
