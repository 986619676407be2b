// @ts-check
/** Jobs that are followed and wait because their provider takes nothing: after a while that is told before the form too (backend.js). */

import { waitsForProvider } from "../result/waiting.js";
import * as backend from "./backend.js";
import { runningJobs } from "./following.js";
import { subscribe } from "./store.js";

/** A provider that is busy for a moment is no trouble. */
const AFTER_MS = 5000;
const LOOK_MS = 1000;

/** @type {Map<string, number>} id → since when a job waits */
const since = new Map();
let told = "";

/** Keeps watch from now on. */
export function build() {
  subscribe(look);
  setInterval(look, LOOK_MS);
}

function look() {
  const jobs = runningJobs().filter(isHeldUp);
  for (const id of [...since.keys()]) if (!jobs.some((job) => job.id === id)) since.delete(id);
  for (const { id } of jobs) if (!since.has(id)) since.set(id, performance.now());
  const long = jobs.filter(({ id }) => performance.now() - (since.get(id) ?? 0) >= AFTER_MS);
  const kinds = [...new Set(long.map(({ kind }) => kind))].sort();
  if (kinds.join() === told) return;
  told = kinds.join();
  backend.noteHeldUp(kinds);
}

/** @param {import("../api/jobs.js").Job} job */
function isHeldUp(job) {
  // Of one that named its model nothing follows for the others, and one with a picture was served meanwhile.
  if (job.input?.model || (job.outputs?.length ?? 0) > 0) return false;
  // It is tried now and then: that alone is not going on.
  return waitsForProvider(job) || (job.stage === "submitting" && since.has(job.id));
}
