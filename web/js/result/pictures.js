// @ts-check
/** The pictures of a job in a grid, each in its place from the beginning: drawn, on its way, or missing and why. */

import { inLanguage } from "../form/models.js";
import { isTerminal } from "../api/jobs.js";
import { writtenFor } from "../kept/history.js";
import { el, icon } from "../page/dom.js";
import { formatBytes, hasWords, t } from "../words/words.js";
import { downloadButton, favouriteButton, furtherButtons } from "./picture-actions.js";
import { printOf } from "./prints.js";
import { waitsForProvider } from "./waiting.js";

const IMAGE_RETRIES = 3;

/** @typedef {import("../api/jobs.js").KnownJob} KnownJob */
/** @typedef {import("../api/jobs.js").Output} Output */
/** @typedef {import("../api/jobs.js").Picture} Picture */
/** One for each picture that was asked for; `picture`: what the server tells of it. @typedef {{index: number, output: Output|null, picture: Picture|null}} Place */
/** What is drawn of it. @typedef {{drawing: string, element: HTMLElement, update?: (newer: Output) => void}} Tile */

/** @param {KnownJob} job @returns {Place[]} */
export function placesOf(job) {
  const outputs = new Map((job.outputs ?? []).map((output) => [output.index, output]));
  const told = new Map((job.pictures ?? []).map((picture) => [picture.index, picture]));
  const count = Math.max(1, told.size, job.input?.n ?? 0, ...[...outputs.keys()].map((index) => index + 1));
  return Array.from({ length: count }, (_, index) => ({ index, output: outputs.get(index) ?? null, picture: told.get(index) ?? null }));
}

/** @param {KnownJob} job @returns {Place[]} those of an ended job that there are not. */
export function missingOf(job) {
  return isTerminal(job) ? placesOf(job).filter(({ output }) => output === null) : [];
}

/** Why a picture is missing, in a few words. @param {KnownJob} job @param {Picture|null} picture */
export function reasonOf(job, picture) {
  if (job.status === "canceled" || picture?.status === "canceled") return "picture.canceled";
  const key = `picture.missing.${(picture?.error ?? job.error)?.code}`;
  return hasWords(key) ? key : "picture.missing";
}

export class Pictures {
  /** @param {import("./picture-actions.js").Desk} desk */
  constructor(desk) {
    this.desk = desk;
    /** @type {Map<number, Tile>} */
    this.tiles = new Map();
    this.root = el("div", { class: "pictures", dataset: { testid: "pictures" } });
  }

  /** Draws what is new; pictures that are there stay as they are, so that nothing flickers. @param {KnownJob} job */
  draw(job, { anew = false } = {}) {
    if (anew) this.tiles.clear();
    const places = placesOf(job);
    const isNothing = isTerminal(job) && (job.outputs ?? []).length === 0;
    this.root.hidden = isNothing;
    this.root.dataset.count = String(Math.min(places.length, 9));
    this.root.style.setProperty("--tile", tileOf(job, places));
    if (isNothing) {
      this.tiles.clear();
      this.root.replaceChildren();
      return;
    }
    for (const place of places) this.#place(job, place, places.length);
    const elements = places.map(({ index }) => /** @type {Tile} */ (this.tiles.get(index)).element);
    if (elements.some((element, at) => this.root.children[at] !== element) || this.root.children.length !== elements.length) {
      this.root.replaceChildren(...elements);
    }
  }

  /** @param {KnownJob} job @param {Place} place @param {number} count */
  #place(job, place, count) {
    const state = place.output ? "there" : missingState(job, place.picture);
    const drawing = `${state}:${count}:${place.picture?.error?.code ?? ""}:${place.output && this.desk.presets().length}`;
    const known = this.tiles.get(place.index);
    if (known?.drawing === drawing) {
      if (place.output) known.update?.(place.output);
      return;
    }
    this.tiles.set(place.index, { drawing, ...(place.output ? this.#picture(job, place.output, count) : { element: this.#empty(job, place, state) }) });
  }

  /** @param {KnownJob} job @param {Place} place @param {string} state */
  #empty(job, { index, picture }, state) {
    const isMissing = state === "missing";
    const words = isMissing ? t(reasonOf(job, picture)) : t(`picture.${state}`);
    const shape = el("div", { class: isMissing ? "placeholder still" : "placeholder" },
      icon(isMissing ? "alert" : "image"),
      el("p", { class: "placeholder-words", text: words }));
    // As large as the picture will be.
    shape.style.setProperty("--ratio", ratioOf(job, picture));
    return el("figure", { class: `output ${isMissing ? "missing" : "coming"}`, dataset: { index: String(index), testid: isMissing ? "picture-missing" : "picture-coming" } },
      shape,
      this.#presetName(picture?.preset));
  }

  /** @param {string|null} [id] */
  #presetName(id) {
    const name = inLanguage(this.desk.presets().find((preset) => preset.id === id)?.name);
    return name ? el("figcaption", {}, el("p", { class: "preset-name", text: name })) : null;
  }

  /** @param {KnownJob} job @param {Output} first @param {number} count */
  #picture(job, first, count) {
    let output = first;
    const now = () => output;
    const image = el("img", {
      class: "result-image", width: output.width, height: output.height, dataset: { testid: "result-image" },
      alt: t("job.alt", { index: output.index + 1, prompt: writtenFor(job).prompt }),
    });
    const download = downloadButton(this.desk, now);
    let failures = 0;
    image.addEventListener("error", async () => {
      failures += 1;
      if (failures > IMAGE_RETRIES) {
        this.desk.say("job.imageBroken");
        return;
      }
      // Links end after a while; each read of the job signs new ones.
      const fresh = await this.desk.actions.refresh(job.id);
      const renewed = fresh?.outputs?.find((candidate) => candidate.index === output.index);
      if (renewed) update(renewed, true);
    });
    image.addEventListener("load", () => { failures = 0; });
    const update = (/** @type {Output} */ newer, isBroken = false) => {
      output = newer;
      download.href = output.url;
      // A picture that is there is not loaded again for a newer link.
      if (isBroken) image.src = output.url;
    };
    image.src = output.url;
    const further = furtherButtons(this.desk, now);
    const element = el("figure", { class: "output", dataset: { index: String(output.index) } },
      el("div", { class: "frame" },
        el("button", { type: "button", class: "open", "aria-label": t("viewer.open", { index: output.index + 1 }), dataset: { testid: "open-viewer" }, on: { click: () => this.desk.open(output.index) } },
          image,
          el("span", { class: "open-words" }, icon("fit"), el("span", { text: t("viewer.look") }))),
        favouriteButton(this.desk, now)),
      el("figcaption", {},
        this.#facts(output),
        el("div", { class: "output-actions" },
          download,
          ...(count === 1 ? further : [menuOf(further, t("picture.more", { index: output.index + 1 }))]))));
    return { element, update };
  }

  /** @param {Output} output */
  #facts(output) {
    const extension = { "image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WebP" }[output.content_type] ?? "";
    const name = inLanguage(this.desk.presets().find((preset) => preset.id === output.preset)?.name);
    const print = printOf(output, this.desk.presets());
    return el("div", { class: "facts-box" },
      name ? el("p", { class: "preset-name", text: name }) : null,
      el("p", { class: "facts", dataset: { testid: "facts" } },
        [`${output.width}×${output.height}`, extension, formatBytes(output.bytes ?? 0).replace(" ", "\u00a0")].filter(Boolean).join(" · ")),
      print ? el("p", { class: `print ${print.isGood ? "good" : "draft"}`, text: t(print.key, print.values), dataset: { testid: "print" } }) : null);
  }
}

/** Buttons behind one that opens them; closes when one was pressed, by Escape, and when the focus goes elsewhere. @param {HTMLElement[]} buttons @param {string} name */
function menuOf(buttons, name) {
  const head = el("summary", { class: "round more-button", "aria-label": name, title: name, dataset: { testid: "more" } }, icon("more"));
  const close = () => { menu.open = false; };
  const menu = el("details", {
    class: "more-actions",
    on: {
      click: (event) => event.target.closest("button") && close(),
      focusout: (event) => menu.contains(event.relatedTarget) || !event.relatedTarget || close(),
      keydown: (event) => {
        if (event.key !== "Escape" || !menu.open) return;
        close();
        head.focus();
        event.stopPropagation();
      },
    },
  }, head, el("div", { class: "more-list" }, ...buttons));
  return menu;
}

/** The shape that was asked for; that of an image is known by the first picture. @param {KnownJob} job @param {Picture|null} picture */
function ratioOf(job, picture) {
  const [, width, height] = /^(\d+):(\d+)$/.exec(picture?.aspect_ratio ?? job.input?.aspect_ratio ?? "") ?? ["", job.outputs?.[0]?.width ?? 4, job.outputs?.[0]?.height ?? 5];
  return `${width} / ${height}`;
}

/** The shape of all tiles: that of the pictures, where they have one. @param {KnownJob} job @param {Place[]} places */
function tileOf(job, places) {
  const shapes = new Set(places.map(({ picture }) => ratioOf(job, picture)));
  return shapes.size === 1 ? [...shapes][0] : "1 / 1";
}

/** How a picture that there is not stands. @param {KnownJob} job @param {Picture|null} picture */
function missingState(job, picture) {
  if (isTerminal(job) || picture?.status === "failed" || picture?.status === "canceled") return "missing";
  if (picture?.status === "succeeded" || job.stage === "storing") return "arriving";
  if (waitsForProvider(job)) return "heldUp";
  if (job.stage === "generating") return "drawing";
  const isQueued = job.stage === "waiting" || job.stage === "submitting";
  // Of several the slowest one speaks: others may be drawn already.
  if (isQueued && (job.pictures?.length ?? 1) > 1) return "inTurn";
  return job.stage === "waiting" ? "waiting" : "preparing";
}
