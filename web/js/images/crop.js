// @ts-check
/** A dialogue in which a part of a picture is chosen, with mouse, finger or keys: a scene of a strip, a face. */

import { el } from "../page/dom.js";
import { t } from "../words/words.js";

const SHAPES = ["1:1", "3:4", "4:3", "9:16", "16:9"];
/** How far an arrow key moves the window, as a share of its length; with Shift it moves by a pixel. */
const NUDGE = 1 / 16;
/** A picture that is so much longer than broad is a strip: its part is as broad as it is. */
const STRIP = 2;
/** Of another picture: where a face is likely. */
const FACE = { share: 0.6, down: 0.15 };
/** The smallest window, as a share of the largest one of its shape, and in pixels. */
const LEAST = { share: 0.1, side: 64 };

/** A picture: its size, and what shows it, maybe smaller. @typedef {{bitmap: ImageBitmap, overview: ImageBitmap, width: number, height: number}} Opened */
/** @typedef {{x: number, y: number, width: number, height: number}} Part */
/** @typedef {"x"|"y"} Axis */

/**
 * Lets a creator choose a part of a picture, of a shape they choose.
 * @param {Opened} picture
 * @returns {Promise<Part|null>} null when they changed their mind.
 */
export function choosePart(picture) {
  return new Promise((resolve) => new CropDialog(picture, resolve).open());
}

class CropDialog {
  /** @param {Opened} picture @param {(part: Part|null) => void} onClose */
  constructor({ bitmap, overview, width, height }, onClose) {
    this.bitmap = bitmap;
    this.overview = overview;
    this.width = width;
    this.height = height;
    this.isTall = height >= width;
    this.isStrip = Math.max(width, height) / Math.min(width, height) >= STRIP;
    /** @type {Axis} on which there is most room */
    this.along = this.isTall ? "y" : "x";
    /** @type {Axis} the other one */
    this.across = this.isTall ? "x" : "y";
    this.shape = SHAPES[0];
    this.share = this.isStrip ? 1 : FACE.share;
    this.at = { x: 0, y: 0 };
    this.resized = new ResizeObserver(() => this.#draw());
    this.sliders = { along: this.#slider("crop-at", this.along), across: this.#slider("crop-across", this.across) };
    this.#build();
    this.dialog.addEventListener("close", () => {
      this.resized.disconnect();
      const part = this.dialog.returnValue === "use" ? this.part() : null;
      this.dialog.remove();
      onClose(part);
    });
  }

  open() {
    document.body.append(this.dialog);
    this.dialog.showModal();
    const room = this.#room();
    this.resized.observe(this.view);
    this.resized.observe(this.map);
    this.#move({ x: room.x / 2, y: this.isStrip ? room.y / 2 : this.height * FACE.down });
    this.sliders.along.focus();
  }

  /** The part as it stands, in the picture's own pixels. */
  part() {
    return { x: Math.round(this.at.x), y: Math.round(this.at.y), ...this.#window() };
  }

  #window() {
    const [across, down] = this.shape.split(":").map(Number);
    const [width, height] =
      this.width * down <= this.height * across ? [this.width, (this.width * down) / across] : [(this.height * across) / down, this.height];
    const share = Math.max(this.share, Math.min(1, LEAST.side / Math.min(width, height)));
    return { width: Math.max(1, Math.round(width * share)), height: Math.max(1, Math.round(height * share)) };
  }

  /** How far the window can go. */
  #room() {
    const { width, height } = this.#window();
    return { x: this.width - width, y: this.height - height };
  }

  /** @param {{x?: number, y?: number}} at */
  #move(at) {
    const room = this.#room();
    const within = (value, most) => Math.max(0, Math.min(most, value));
    this.at = { x: within(at.x ?? this.at.x, room.x), y: within(at.y ?? this.at.y, room.y) };
    this.#draw();
  }

  /** Another shape or size around the same middle. @param {{shape?: string, share?: number}} change */
  #change(change) {
    const before = this.#window();
    Object.assign(this, change);
    const now = this.#window();
    this.#move({ x: this.at.x + (before.width - now.width) / 2, y: this.at.y + (before.height - now.height) / 2 });
  }

  #draw() {
    const room = this.#room();
    for (const [slider, axis] of /** @type {[HTMLInputElement, Axis][]} */ ([[this.sliders.along, this.along], [this.sliders.across, this.across]])) {
      slider.max = String(room[axis]);
      slider.value = String(Math.round(this.at[axis]));
      const percent = room[axis] > 0 ? Math.round((100 * this.at[axis]) / room[axis]) : 0;
      slider.setAttribute("aria-valuetext", t(axis === "y" ? "crop.atDown" : "crop.atAcross", { percent }));
    }
    this.acrossBox.hidden = room[this.across] === 0;
    this.zoom.value = Math.round(this.share * 100);
    this.zoom.setAttribute("aria-valuetext", `${this.zoom.value}%`);
    const { width, height } = this.part();
    this.size.textContent = t("crop.size", { width, height });
    this.frame.style.left = `${(100 * this.at.x) / this.width}%`;
    this.frame.style.top = `${(100 * this.at.y) / this.height}%`;
    this.frame.style.width = `${(100 * width) / this.width}%`;
    this.frame.style.height = `${(100 * height) / this.height}%`;
    this.#paintMap();
    this.#paintView();
  }

  /** The whole picture, once for each size of its place. */
  #paintMap() {
    const { width, height } = sized(this.mapCanvas, this.mapCanvas.clientWidth, this.mapCanvas.clientHeight);
    const drawn = `${width}×${height}`;
    if (this.drawnMap === drawn || !width || !height) return;
    this.drawnMap = drawn;
    brush(this.mapCanvas).drawImage(this.overview, 0, 0, width, height);
  }

  #paintView() {
    const { x, y, width, height } = this.part();
    const scale = Math.min(this.view.clientWidth / width, this.view.clientHeight / height);
    if (!(scale > 0)) return;
    const canvas = this.viewCanvas;
    const [shownWidth, shownHeight] = [Math.max(1, Math.floor(width * scale)), Math.max(1, Math.floor(height * scale))];
    canvas.style.width = `${shownWidth}px`;
    canvas.style.height = `${shownHeight}px`;
    const size = sized(canvas, shownWidth, shownHeight);
    const seen = this.bitmap.width / this.width;
    // At every step, so as fast as it can be: better smoothing would go over the whole picture each time.
    brush(canvas, "low").drawImage(this.bitmap, x * seen, y * seen, width * seen, height * seen, 0, 0, size.width, size.height);
  }

  #build() {
    this.mapCanvas = el("canvas", { class: "crop-whole" });
    this.frame = el("div", { class: "crop-window" });
    this.map = el("div", { class: "crop-map", "aria-hidden": "true", dataset: { testid: "crop-map" } }, this.mapCanvas, this.frame);
    this.viewCanvas = el("canvas", { class: "crop-part", dataset: { testid: "crop-part" } });
    this.view = el("div", { class: "crop-view", role: "img", "aria-label": t("crop.view"), dataset: { testid: "crop-view" } }, this.viewCanvas);
    const labelled = (key, slider) => el("div", {}, el("label", { class: "field-label", for: slider.id, text: t(key) }), slider);
    this.acrossBox = labelled(this.isTall ? "crop.across" : "crop.down", this.sliders.across);
    this.zoom = el("input", {
      type: "range", id: "crop-zoom", min: LEAST.share * 100, max: 100, step: 1, dataset: { testid: "crop-zoom" },
      on: { input: () => this.#change({ share: Number(this.zoom.value) / 100 }) },
    });
    this.size = el("p", { class: "hint crop-size", "aria-live": "polite", dataset: { testid: "crop-size" } });
    const button = (key, look, value) =>
      el("button", { type: "button", class: `button ${look}`, text: t(key), dataset: { testid: `crop-${value}` }, on: { click: () => this.dialog.close(value) } });
    const along = this.isStrip ? (this.isTall ? "down" : "across") : "both";
    this.dialog = el("dialog", { class: "crop", "aria-labelledby": "crop-title", "aria-describedby": "crop-help", dataset: { testid: "crop", along } },
      el("h2", { id: "crop-title", text: t("crop.title") }),
      el("p", { class: "hint", id: "crop-help", text: t(this.isStrip ? "crop.help" : "crop.helpFace") }),
      el("div", { class: "crop-stage" }, this.map, this.view),
      el("div", { class: "crop-controls" },
        labelled("crop.zoom", this.zoom), labelled(this.isStrip ? "crop.at" : this.isTall ? "crop.down" : "crop.across", this.sliders.along), this.acrossBox,
        this.#buildShapes(), this.size),
      el("div", { class: "crop-foot" }, button("crop.cancel", "quiet", "cancel"), button("crop.use", "primary", "use")));
    if (!this.isStrip) this.map.style.setProperty("--ratio", String(this.width / this.height));
    // On the map the window follows the pointer; beside it the picture itself is pulled.
    this.#draggable(this.map, this.map, 1, () => ({ width: this.width, height: this.height }), (place) => {
      const { x, y, width, height } = this.part();
      const isInside = place.x >= x && place.x <= x + width && place.y >= y && place.y <= y + height;
      // The map of a strip is no picture of it: only where it is pressed along it counts.
      const middle = { x: place.x - width / 2, y: place.y - height / 2 };
      if (this.isStrip ? place[this.along] < this.at[this.along] || place[this.along] > this.at[this.along] + this.#length(this.along) : !isInside) {
        this.#move(this.isStrip ? { [this.along]: middle[this.along] } : middle);
      }
    });
    this.#draggable(this.view, this.viewCanvas, -1, () => this.#window());
    this.map.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.view.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  /** @param {Axis} axis */
  #length(axis) {
    return this.#window()[axis === "y" ? "height" : "width"];
  }

  /** @param {string} id @param {Axis} axis */
  #slider(id, axis) {
    const slider = el("input", { type: "range", id, min: 0, step: 1, dataset: { testid: id } });
    slider.addEventListener("input", () => this.#move({ [axis]: Number(slider.value) }));
    slider.addEventListener("keydown", (event) => this.#key(event, axis));
    return slider;
  }

  #buildShapes() {
    const face = (shape) => el("span", { class: "choice-face", text: shape });
    return el("fieldset", {}, el("legend", { class: "field-label", text: t("crop.shape") }),
      el("div", { class: "segments" }, ...SHAPES.map((shape) =>
        el("label", { class: "choice" },
          el("input", {
            type: "radio", name: "crop-shape", value: shape, checked: shape === this.shape, class: "visually-hidden",
            on: { change: () => this.#change({ shape }) },
          }),
          face(shape)))));
  }

  /**
   * Arrows go where they point: a slider's own arrow down would move the window up. Where there is room on one axis only, all of them go along it.
   * @param {KeyboardEvent} event @param {Axis} axis
   */
  #key(event, axis) {
    const arrow = { ArrowUp: ["y", -1], ArrowLeft: ["x", -1], ArrowDown: ["y", 1], ArrowRight: ["x", 1] }[event.key];
    const page = { PageUp: -1, PageDown: 1 }[event.key];
    const end = { Home: 0, End: Infinity }[event.key];
    if (!arrow && page === undefined && end === undefined) return;
    event.preventDefault();
    if (end !== undefined) this.#move({ [axis]: end });
    else if (page) this.#move({ [axis]: this.at[axis] + page * this.#length(axis) });
    else {
      const room = this.#room();
      const way = room.x > 0 && room.y > 0 ? arrow[0] : axis;
      const step = event.shiftKey ? 1 : Math.max(1, this.#length(way) * NUDGE);
      this.#move({ [way]: Math.round(this.at[way] + arrow[1] * step) });
    }
  }

  #wheel(event) {
    event.preventDefault();
    this.#change({ share: Math.max(LEAST.share, Math.min(1, this.share * (event.deltaY > 0 ? 1.06 : 0.94))) });
  }

  /**
   * `direction` 1 takes the window along, -1 the picture; `shown` is the size of what `measured` shows.
   * @param {HTMLElement} element @param {HTMLElement} measured @param {1|-1} direction @param {() => {width: number, height: number}} shown
   * @param {(place: {x: number, y: number}) => void} [onPress]
   */
  #draggable(element, measured, direction, shown, onPress = () => {}) {
    const scale = () => ({ x: shown().width / (measured.clientWidth || 1), y: shown().height / (measured.clientHeight || 1) });
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      const box = measured.getBoundingClientRect();
      onPress({ x: (event.clientX - box.left) * scale().x, y: (event.clientY - box.top) * scale().y });
      const start = { ...this.at };
      element.setPointerCapture(event.pointerId);
      const follow = (next) =>
        this.#move({
          x: start.x + direction * (next.clientX - event.clientX) * scale().x,
          y: start.y + direction * (next.clientY - event.clientY) * scale().y,
        });
      element.addEventListener("pointermove", follow);
      const end = () => element.removeEventListener("pointermove", follow);
      element.addEventListener("pointerup", end, { once: true });
      element.addEventListener("pointercancel", end, { once: true });
    });
  }
}

/** Gives a canvas the pixels of its place on the screen. */
function sized(canvas, width, height) {
  const density = Math.min(2, globalThis.devicePixelRatio || 1);
  const size = { width: Math.round(width * density), height: Math.round(height * density) };
  if (canvas.width !== size.width || canvas.height !== size.height) Object.assign(canvas, size);
  return size;
}

function brush(canvas, smoothing = "high") {
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = smoothing;
  context.clearRect(0, 0, canvas.width, canvas.height);
  return context;
}
