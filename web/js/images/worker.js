/** What images.js asks of prepare.js, beside the page. */

import * as prepare from "./prepare.js";

addEventListener("message", async ({ data: { turn, call, given } }) => {
  try {
    const answer = await prepare[call](...given);
    postMessage({ turn, answer }, answer?.bitmap ? [answer.bitmap] : []);
  } catch (error) {
    const { key, values, canCrop, preview } = error;
    postMessage(key ? { turn, problem: { key, values, canCrop, preview } } : { turn, failed: String(error) });
  }
});
