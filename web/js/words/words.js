// @ts-check
/** The page's words in Korean and English, and the one place that knows which language is on. */

import { BROWSER, read, write } from "../kept/storage.js";

const STORAGE_KEY = "toonconnect.language";

/** Of the one that is on, the words of the first view come first; all of both come with the page's second stage (all.js). */
const LANGUAGES = { ko: () => import("./ko.js"), en: () => import("./en.js") };
/** @type {Record<string, Record<string, string>>} */
let loaded = {};
/** @type {Record<string, string>|null} null until all words are there */
let prompts = null;

/** @type {"ko"|"en"} */
let language = initialLanguage();
await load(language);
const listeners = new Set();

function initialLanguage() {
  const saved = read(BROWSER, STORAGE_KEY);
  if (saved === "ko" || saved === "en") return saved;
  return navigator.language?.toLowerCase().startsWith("en") ? "en" : "ko";
}

/** @param {"ko"|"en"} wanted */
async function load(wanted) {
  loaded[wanted] ??= (await LANGUAGES[wanted]()).default;
}

/** Takes all the words there are, and has everything written with them. @param {Record<"ko"|"en", Record<string, string>>} all @param {Record<string, string>} english  see inEnglish */
export function learn(all, english) {
  [loaded, prompts] = [all, english];
  tell();
}

function tell() {
  for (const listener of listeners) listener(language);
}

/** @returns {"ko"|"en"} the language that is on. */
export function currentLanguage() {
  return language;
}

/** Turns a language on, remembers it and tells every listener. Where its words cannot be loaded now, all stays as it is. */
export async function setLanguage(next) {
  const wanted = next === "en" ? "en" : "ko";
  try {
    await load(wanted);
  } catch (error) {
    console.info("words:", error);
    return;
  }
  language = wanted;
  write(BROWSER, STORAGE_KEY, language);
  tell();
}

/** Calls `listener` after every change of language. */
export function onLanguageChange(listener) {
  listeners.add(listener);
}

/** @returns {string} the words for `key`, `{name}` places filled from `values`; an unknown key comes back as it is, and one that is not there yet as nothing. */
export function t(key, values = {}) {
  const words = loaded[language][key] ?? (prompts ? key : "");
  return words.replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}

/**
 * @param {string} key
 * @returns {string|null} the English of a prompt that is ready to be taken, whichever language is on: what those who draw understand best.
 */
export function inEnglish(key) {
  return prompts?.[key] ?? null;
}

/** @returns {boolean} whether there are words for `key`. */
export function hasWords(key) {
  return key in loaded[language];
}

/** Until all words are there, what has some keeps them. @param {string} key */
function isKnown(key) {
  return prompts !== null || hasWords(key);
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
    if (element.dataset.i18n && isKnown(element.dataset.i18n)) element.textContent = t(element.dataset.i18n);
    for (const pair of (element.dataset.i18nAttr ?? "").split(";").filter(Boolean)) {
      const [attribute, key] = pair.split(":");
      if (isKnown(key)) element.setAttribute(attribute, t(key));
    }
  }
}

/** @returns {string} a length of time in words, whole seconds. */
export function formatDuration(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return t("time.seconds", { s: seconds });
  return t("time.minutes", { m: Math.floor(seconds / 60), s: seconds % 60 });
}

/** @returns {string} a day and time, in words; the time of this place. */
export function formatTime(at) {
  return new Intl.DateTimeFormat(language, { month: "long", day: "numeric", hour: "numeric", minute: "2-digit" }).format(new Date(at));
}

/** @returns {string} a day in words. */
export function formatDate(at) {
  return new Intl.DateTimeFormat(language, { dateStyle: "long" }).format(new Date(at));
}

/** @returns {string} a file size in KB or MB, which stay on one line. */
export function formatBytes(bytes) {
  if (bytes >= 1024 * 1024) return `${(bytes / 1024 / 1024).toFixed(1)}\u00a0MB`;
  return `${Math.max(1, Math.round(bytes / 1024))}\u00a0KB`;
}

/** @returns {string} a limit of file size, without decimals that say nothing. */
export function formatLimit(bytes) {
  return formatBytes(bytes).replace(/\.0(?=\u00a0)/, "");
}

/** @returns {string} a price in US dollars, to a tenth of a cent where it has one. */
export function formatDollars(amount) {
  const style = /** @type {const} */ ({ style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", minimumFractionDigits: 2, maximumFractionDigits: 3 });
  return new Intl.NumberFormat(language, style).format(amount);
}
