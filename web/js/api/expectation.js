// @ts-check
/** What is expected of a running job between two of the server's words: it tells news only, and progress is none. */

/** How the server's own bar moves while a picture is made (shared/domain/polling.py). */
const MOST_BEFORE_THE_END = 90;
const CURVE = 0.35;
/** So long after the expected end nobody says "any moment" any more. */
const LATE_SECONDS = 3;

/**
 * @param {import("./jobs.js").KnownJob} job as it was told `seconds` ago. @param {number} seconds
 * @returns {{progress: number, secondsLeft: number|null, isOverdue: boolean}} `secondsLeft` is null where nobody knows, and 0 until it is overdue: never one second for ever.
 */
export function reckoned(job, seconds) {
  const told = job.eta_seconds && job.eta_seconds > 0 ? job.eta_seconds : null;
  let progress = job.progress ?? 0;
  if (job.stage === "generating" && told !== null && progress < MOST_BEFORE_THE_END) {
    progress += ((MOST_BEFORE_THE_END - progress) * seconds) / (seconds + told * CURVE);
  }
  const isOverdue = job.overdue === true || (told !== null && seconds > told + LATE_SECONDS);
  return { progress, secondsLeft: told === null ? null : Math.max(0, Math.round(told - seconds)), isOverdue };
}
