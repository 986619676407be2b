// @ts-check
/**
 * What is asked before anybody has touched the page: what the server offers, and whether it can be made. Everybody gets the same
 * answers, so nobody is named. Where people sign in the platform wants to know who asks, and the client (api.js) asks for them.
 */

import { apiBase, signIn } from "../../config.js";

const WITHIN_MS = 30_000;

/** There was no answer to make use of. */
export class NoWord extends Error {}

/** @returns {Promise<import("../form/options.js").Options>} enums, limits, presets and generators. */
export function getOptions() {
  return signIn === null ? ask("options") : byClient("getOptions");
}

/** @returns {Promise<{status?: string, checks?: Record<string, any>}>} whether a job could be made, with a check for each part. */
export function getReadiness() {
  return signIn === null ? ask("health/ready") : byClient("getReadiness");
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

/** @param {"getOptions"|"getReadiness"} call @returns {Promise<any>} */
async function byClient(call) {
  const api = await import("./api.js").catch((cause) => {
    throw new NoWord(call, { cause });
  });
  try {
    return await api[call]();
  } catch (error) {
    throw error instanceof api.ApiError || error instanceof api.NetworkError ? new NoWord(call, { cause: error }) : error;
  }
}
