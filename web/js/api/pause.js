// @ts-check
/** How long to wait before something is tried again. */

const BACKOFF_MS = [1000, 2000, 4000, 8000, 15000];

/** @returns {number} how long to wait before attempt `failures + 1`: grows to 15 s, with a little jitter. */
export function backoff(failures) {
  return BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)] * (0.8 + 0.4 * Math.random());
}

/** Waits, but no longer than until the browser says it is online again or `signal` aborts. */
export function pause(/** @type {number} */ milliseconds, /** @type {AbortSignal|undefined} */ signal = undefined) {
  return new Promise((/** @type {(nothing?: undefined) => void} */ resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, milliseconds));
    addEventListener("online", done);
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
  });
}
