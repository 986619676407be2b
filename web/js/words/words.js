/** The page's words in Korean and English, and the one place that knows which language is on. */

import en from "./en.js";
import ko from "./ko.js";
import { BROWSER, read, write } from "../kept/storage.js";

const STORAGE_KEY = "toonconnect.language";

const WORDS = { ko, en };

let language = initialLanguage();
const listeners = new Set();

function initialLanguage() {
  const saved = read(BROWSER, STORAGE_KEY);
  if (Object.hasOwn(WORDS, saved)) return saved;
  return navigator.language?.toLowerCase().startsWith("en") ? "en" : "ko";
}

/** @returns {"ko"|"en"} the language that is on. */
export function currentLanguage() {
  return language;
}

/** Turns a language on, remembers it and tells every listener. */
export function setLanguage(next) {
  language = next in WORDS ? next : "ko";
  write(BROWSER, STORAGE_KEY, language);
  for (const listener of listeners) listener(language);
}

/** Calls `listener` after every change of language. */
export function onLanguageChange(listener) {
  listeners.add(listener);
}

/** @returns {string} the words for `key`, `{name}` places filled from `values`; an unknown key comes back as it is. */
export function t(key, values = {}) {
  const words = WORDS[language][key] ?? WORDS.ko[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}

/** @returns {boolean} whether there are words for `key`. */
export function hasWords(key) {
  return key in WORDS.ko;
}

/** @returns {string} the words for one of a group's ids, such as a kind; the id itself when there are none. */
export function nameOf(group, id) {
  const key = `${group}.${id}`;
  return hasWords(key) ? t(key) : id;
}

/**
 * Fills every element under `root` that carries `data-i18n="key"` (its text) or `data-i18n-attr="attribute:key;..."`.
 */
export function translate(root) {
  const own = root instanceof Element && root.matches("[data-i18n], [data-i18n-attr]") ? [root] : [];
  for (const element of [...own, ...root.querySelectorAll("[data-i18n], [data-i18n-attr]")]) {
    if (element.dataset.i18n) element.textContent = t(element.dataset.i18n);
    for (const pair of (element.dataset.i18nAttr ?? "").split(";").filter(Boolean)) {
      const [attribute, key] = pair.split(":");
      element.setAttribute(attribute, t(key));
    }
  }
}

/** @returns {string} a length of time in words, whole seconds. */
export function formatDuration(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return t("time.seconds", { s: seconds });
  return t("time.minutes", { m: Math.floor(seconds / 60), s: seconds % 60 });
}

/** @returns {string} a file size in KB or MB. */
export function formatBytes(bytes) {
  if (bytes >= 1024 * 1024) return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  return `${Math.max(1, Math.round(bytes / 1024))} KB`;
}

/** @returns {string} a limit of file size, without decimals that say nothing. */
export function formatLimit(bytes) {
  return formatBytes(bytes).replace(/\.0(?= )/, "");
}

/** @returns {string} a price in US dollars, to a tenth of a cent where it has one. */
export function formatDollars(amount) {
  const style = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", minimumFractionDigits: 2, maximumFractionDigits: 3 };
  return new Intl.NumberFormat(language, style).format(amount);
}
