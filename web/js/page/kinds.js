// @ts-check
/** The kinds that are offered: a tab and a form each. */

import { GeneratorForm } from "../form/form.js";
import { BROWSER, read, write } from "../kept/storage.js";
import { hasWords, translate } from "../words/words.js";
import { el } from "./dom.js";
import { change, state } from "./store.js";

const tabs = /** @type {HTMLElement} */ (document.getElementById("tabs"));
const panel = /** @type {HTMLElement} */ (document.getElementById("form-panel"));

/** @type {Map<string, GeneratorForm>} kind → its form; those of kinds no longer offered stay for their jobs */
export const forms = new Map();
const KIND_KEY = "toonconnect.kind";

/** @type {string|null} */
let open = null;
/** What somebody has opened last in this browser. */
let wished = read(BROWSER, KIND_KEY);

/**
 * Offers these kinds, each with a tab and a form; what was entered in a form stays.
 * @param {import("../form/models.js").Generator[]} offered @param {(request: import("../sending/sending.js").Intent) => void} onSubmit
 */
export function offer(offered, onSubmit) {
  const names = offered.map(({ kind }) => kind);
  if (names.length === 0 || names.join() === state.kinds.join()) return;
  change({ kinds: names });
  for (const entry of offered) if (!forms.has(entry.kind)) forms.set(entry.kind, new GeneratorForm(entry, { onSubmit }));
  tabs.replaceChildren(...names.map(buildTab));
  translate(tabs);
  show(wished !== null && names.includes(wished) ? wished : names[0]);
}

/** @returns {GeneratorForm|undefined} the form of the tab that is open. */
export function openForm() {
  return forms.get(/** @type {string} */ (open));
}

/** @returns {string|null} */
export function openKind() {
  return open;
}

/** Opens a kind's tab, because somebody wants it. @param {string} kind */
export function openTab(kind) {
  wished = kind;
  write(BROWSER, KIND_KEY, kind);
  show(kind);
}

/** @param {string} kind */
function show(kind) {
  const form = /** @type {GeneratorForm} */ (forms.get(kind));
  const isOpen = kind === open && panel.contains(form.root);
  open = kind;
  for (const tab of /** @type {Iterable<HTMLElement>} */ (tabs.children)) {
    tab.setAttribute("aria-selected", String(tab.dataset.kind === kind));
    tab.tabIndex = tab.dataset.kind === kind ? 0 : -1;
  }
  panel.setAttribute("aria-labelledby", `tab-${kind}`);
  // A form that is put in its place again would lose the focus.
  if (!isOpen) panel.replaceChildren(form.root);
  // The pill lies in the form that is open.
  change();
}

/** @param {string} kind */
function buildTab(kind) {
  const [name, hint] = [`tab.${kind}`, `tab.${kind}Hint`];
  return el("button", {
    type: "button", role: "tab", id: `tab-${kind}`, "aria-controls": "form-panel", dataset: { testid: `tab-${kind}`, kind },
    on: { click: () => openTab(kind), keydown: (event) => openBeside(kind, event) },
  },
    el("span", hasWords(name) ? { i18n: name } : { text: kind }),
    hasWords(hint) ? el("small", { i18n: hint }) : null);
}

/** @param {string} kind @param {KeyboardEvent} event */
function openBeside(kind, event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  const other = /** @type {string} */ (state.kinds.at((state.kinds.indexOf(kind) + step) % state.kinds.length));
  openTab(other);
  document.getElementById(`tab-${other}`)?.focus();
}
