// @ts-check
/** Building elements without inline markup or styles, so that the strict content security policy holds. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element. `props`: `class`, `dataset`, `text`, `i18n` (key for its text), `on` (event → handler); anything
 * else is an attribute, left out when null or false.
 */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "text") element.textContent = value;
    else if (name === "i18n") element.dataset.i18n = value;
    else if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * Makes an icon of `icons.svg`; it is decoration and hidden from screen readers. The drawings are put into the page once: one that
 * points into the file has it loaded anew by each part of the page that comes later.
 */
export function icon(name) {
  drawings ??= loadDrawings();
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** @type {Promise<void>|undefined} */
let drawings;

async function loadDrawings() {
  try {
    const answer = await fetch("icons.svg");
    if (!answer.ok) throw new Error(`icons.svg answered ${answer.status}`);
    const all = new DOMParser().parseFromString(await answer.text(), "image/svg+xml").documentElement;
    for (const symbol of all.querySelectorAll("symbol")) symbol.id = `icon-${symbol.id}`;
    all.setAttribute("class", "drawings");
    all.setAttribute("aria-hidden", "true");
    document.body.append(document.importNode(all, true));
  } catch (error) {
    // The page works without them; the next icon tries again.
    drawings = undefined;
    console.info("icons:", error);
  }
}
