// @ts-check
/**
 * Getting a chosen file ready for upload, in a worker: a picture of 20,000 px takes seconds, in which the page goes on. Where there
 * is no worker, or it cannot draw, the same is done here.
 */

import * as direct from "./prepare.js";

export const { ImageProblem } = direct;

/** @type {Worker|null} */
let worker = null;
let isBroken = false;
let turns = 0;
const waiting = new Map(); // turn → what ends it

/** As `prepare` of prepare.js. @param {File} file @param {import("./prepare.js").Limits} limits @returns {Promise<import("./prepare.js").Prepared>} */
export function prepareImage(file, limits) {
  return ask("prepare", file, limits);
}

/**
 * As `open` of prepare.js: the picture to choose a part of. Its bitmap is the caller's to close.
 * @param {File} file @returns {Promise<import("./crop.js").Opened>}
 */
export function openImage(file) {
  return ask("open", file);
}

/** As `cutOut` of prepare.js. @param {File} file @param {import("./crop.js").Part} part @returns {Promise<File>} */
export function cutOut(file, part) {
  return ask("cutOut", file, part);
}

/** As `small` of prepare.js. @param {File} file @returns {Promise<Blob|null>} */
export function small(file) {
  return ask("small", file);
}

function ask(call, ...given) {
  if (isBroken || !globalThis.Worker || !globalThis.OffscreenCanvas) return direct[call](...given);
  const running = (worker ??= started());
  const turn = (turns += 1);
  return new Promise((resolve, reject) => {
    waiting.set(turn, { resolve, reject, again: () => direct[call](...given) });
    running.postMessage({ turn, call, given });
  });
}

function started() {
  const made = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  made.addEventListener("message", ({ data: { turn, answer, problem, failed } }) => {
    const { resolve, reject } = waiting.get(turn);
    waiting.delete(turn);
    if (problem) reject(new ImageProblem(problem.key, problem.values, problem));
    else if (failed) reject(new Error(failed));
    else resolve(answer);
  });
  // It could not be loaded, or its browser knows no modules there.
  made.addEventListener("error", () => {
    isBroken = true;
    for (const { resolve, reject, again } of waiting.values()) again().then(resolve, reject);
    waiting.clear();
  });
  return made;
}
