// @ts-check
/** All words of both languages, so that the page can be read in either one when the line is down. */

import english from "./en.js";
import englishStudio from "./en-studio.js";
import prompts from "./en-prompts.js";
import korean from "./ko.js";
import koreanStudio from "./ko-studio.js";
import { learn } from "./words.js";

/** Lets the page know them. */
export function learnAll() {
  learn({ ko: { ...korean, ...koreanStudio }, en: { ...english, ...englishStudio } }, prompts);
}
