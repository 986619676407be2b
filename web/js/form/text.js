// @ts-check
/** What of a prompt counts: the same text, length and blankness as the server finds (shared/domain/text.py). */

/** What Unicode reads as the end of a line (UTS #18, RL1.6). */
const LINE_END = /\r\n|[\r\v\f\x85\u2028\u2029]/g;
/** Controls besides tab and line feed, and the byte-order mark. */
const CONTROL = /[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]/g;
/** Marks, separators, formats, and what shows nothing although it counts as a letter or a symbol, as U+3164 does. */
const UNSEEN = /[\p{M}\p{Z}\p{Cc}\p{Cf}\p{Cs}\u115f\u1160\u2065\u2800\u3164\uffa0\ufff0-\ufff8\u{1d159}\u{e0000}-\u{e0fff}]/gu;
/** Half a character, and what is put for one that could not be read. */
const DAMAGE = /[\p{Cs}\ufffd]/u;

/** A prompt as it is sent and counted: composed (NFC), each line break one character, nothing invisible around it. */
export function cleanPrompt(text) {
  return text.replace(LINE_END, "\n").replace(CONTROL, "").normalize("NFC").trim();
}

/** @returns {number} how many characters a prompt has: code points, of which an emoji may take several. */
export function countCharacters(text) {
  let count = 0;
  for (const _ of cleanPrompt(text)) count += 1;
  return count;
}

/** @returns {boolean} whether nothing of a prompt can be seen. */
export function isBlank(text) {
  return cleanPrompt(text).replace(UNSEEN, "") === "";
}

/** @returns {boolean} whether characters were lost before the text came here: the server would refuse it. */
export function isDamaged(text) {
  return DAMAGE.test(cleanPrompt(text));
}
