// @ts-check
/** Messages as they are kept: a key and what fills it. They become words when they are shown, in the language that is on then. */

import { adviceFor, labelsOf } from "../images/file-types.js";
import { currentLanguage, formatDollars, formatLimit, t } from "./words.js";

/**
 * @typedef {object} Message
 * @property {string} [key]
 * @property {object} [values]  figures as they are: bytes, dollars, times; each is written as the language does
 * @property {string} [text]    in place of a key: what the server wrote
 * @property {"ko"|"en"} [language]  of the text; in the other one the key is said
 */

/** @param {Message|null} message @returns {string} */
export function wordsOf(message) {
  if (!message) return "";
  if (message.text !== undefined && (message.language ?? currentLanguage()) === currentLanguage()) return message.text;
  /** @type {any} */
  const { kind, types, maxBytes, ground, price, left, until } = message.values ?? {};
  const made = {
    kind: kind && t(`file.${kind}`),
    advice: kind && t(`file.do.${adviceFor(kind)}`, { types: labelsOf(types ?? []).join(", ") }),
    max: maxBytes && formatLimit(maxBytes),
    ground: ground && t(`ground.${ground}`),
    price: price !== undefined && formatDollars(price),
    left: left !== undefined && formatDollars(left),
    until: until && new Intl.DateTimeFormat(currentLanguage(), { month: "long", day: "numeric", hour: "numeric", minute: "2-digit" }).format(new Date(until)),
  };
  const filled = Object.entries(made).filter(([, value]) => value !== undefined && value !== false);
  return t(message.key ?? "", { ...message.values, ...Object.fromEntries(filled) });
}
