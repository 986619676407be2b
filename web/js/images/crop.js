/** A dialogue in which a part of a long picture is chosen, with mouse, finger or keys. */

import { el } from "../page/dom.js";
import { t } from "../words/words.js";

const SHAPES = ["1:1", "3:4", "4:3", "9:16", "16:9"];
/** How far an arrow key moves the window, as a share of its length; with Shift it moves by a pixel. */
const NUDGE = 1 / 16;

/**
 * Lets a creator choose a part of a picture that is much longer than broad: as broad as the picture, of a shape they choose.
 * @param {CanvasImageSource & {width: number, height: number}} bitmap
 * @returns {Promise<{x: number, y: number, width: number, height: number}|null>} null when they changed their mind.
 */
export function choosePart(bitmap) {
  return new Promise((resolve) => new CropDialog(bitmap, resolve).open());
}

class CropDialog {
  constructor(bitmap, onClose) {
    this.bitmap = bitmap;
    this.isTall = bitmap.height >= bitmap.width;
    this.length = Math.max(bitmap.width, bitmap.height);
    this.breadth = Math.min(bitmap.width, bitmap.height);
    this.shape = SHAPES[0];
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
    this.at = (this.length - this.#windowLength()) / 2;
    this.resized = new ResizeObserver(() => this.#draw());
    this.resized.observe(this.view);
    this.resized.observe(this.map);
    this.#move(this.at);
    this.slider.focus();
  }

  /** The part as it stands, in the picture's own pixels. */
  part() {
    const length = this.#windowLength();
    const at = Math.round(this.at);
    return this.isTall
      ? { x: 0, y: at, width: this.breadth, height: length }
      : { x: at, y: 0, width: length, height: this.breadth };
  }

  #windowLength() {
    const [width, height] = this.shape.split(":").map(Number);
    const share = this.isTall ? height / width : width / height;
    return Math.min(this.length, Math.max(1, Math.round(this.breadth * share)));
  }

  #move(at) {
    this.at = Math.max(0, Math.min(this.length - this.#windowLength(), at));
    this.#draw();
  }

  #draw() {
    const { length, isTall } = this;
    const window = this.#windowLength();
    const room = length - window;
    this.slider.max = room;
    this.slider.value = Math.round(this.at);
    const percent = room > 0 ? Math.round((100 * this.at) / room) : 0;
    this.slider.setAttribute("aria-valuetext", t(isTall ? "crop.atDown" : "crop.atAcross", { percent }));
    const { width, height } = this.part();
    this.size.textContent = t("crop.size", { width, height });
    this.frame.style[isTall ? "top" : "left"] = `${(100 * this.at) / length}%`;
    this.frame.style[isTall ? "height" : "width"] = `${(100 * window) / length}%`;
    this.#paintMap();
    this.#paintView();
  }

  /** The whole picture, once for each size of its place. */
  #paintMap() {
    const { width, height } = sized(this.mapCanvas, this.mapCanvas.clientWidth, this.mapCanvas.clientHeight);
    const drawn = `${width}×${height}`;
    if (this.drawnMap === drawn || !width || !height) return;
    this.drawnMap = drawn;
    brush(this.mapCanvas).drawImage(this.bitmap, 0, 0, width, height);
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
    brush(canvas).drawImage(this.bitmap, x, y, width, height, 0, 0, size.width, size.height);
  }

  #build() {
    const { isTall } = this;
    this.mapCanvas = el("canvas", { class: "crop-whole" });
    this.frame = el("div", { class: "crop-window" });
    this.map = el("div", { class: "crop-map", "aria-hidden": "true", dataset: { testid: "crop-map" } }, this.mapCanvas, this.frame);
    this.viewCanvas = el("canvas", { class: "crop-part", dataset: { testid: "crop-part" } });
    this.view = el("div", { class: "crop-view", role: "img", "aria-label": t("crop.view"), dataset: { testid: "crop-view" } }, this.viewCanvas);
    this.slider = el("input", {
      type: "range", id: "crop-at", min: 0, step: 1, dataset: { testid: "crop-at" },
      on: { input: () => this.#move(Number(this.slider.value)), keydown: (event) => this.#key(event) },
    });
    this.size = el("p", { class: "hint crop-size", "aria-live": "polite", dataset: { testid: "crop-size" } });
    const button = (key, look, value) =>
      el("button", { type: "button", class: `button ${look}`, text: t(key), dataset: { testid: `crop-${value}` }, on: { click: () => this.dialog.close(value) } });
    this.dialog = el("dialog", { class: "crop", "aria-labelledby": "crop-title", "aria-describedby": "crop-help", dataset: { testid: "crop", along: isTall ? "down" : "across" } },
      el("h2", { id: "crop-title", text: t("crop.title") }),
      el("p", { class: "hint", id: "crop-help", text: t("crop.help") }),
      el("div", { class: "crop-stage" }, this.map, this.view),
      el("div", { class: "crop-controls" },
        el("div", {}, el("label", { class: "field-label", for: "crop-at", text: t("crop.at") }), this.slider),
        this.#buildShapes(), this.size),
      el("div", { class: "crop-foot" }, button("crop.cancel", "quiet", "cancel"), button("crop.use", "primary", "use")));
    // On the map the window follows the pointer; beside it the picture itself is pulled.
    this.#draggable(this.map, this.map, (moved, start) => start + (moved * this.length) / this.#extent(this.map), (place) => {
      const at = place * this.length;
      const isInside = at >= this.at && at <= this.at + this.#windowLength();
      if (!isInside) this.#move(at - this.#windowLength() / 2);
    });
    this.#draggable(this.view, this.viewCanvas, (moved, start) => start - (moved * this.#windowLength()) / this.#extent(this.viewCanvas));
  }

  #buildShapes() {
    const face = (shape) => el("span", { class: "choice-face", text: shape });
    return el("fieldset", {}, el("legend", { class: "field-label", text: t("crop.shape") }),
      el("div", { class: "segments" }, ...SHAPES.map((shape) =>
        el("label", { class: "choice" },
          el("input", {
            type: "radio", name: "crop-shape", value: shape, checked: shape === this.shape, class: "visually-hidden",
            on: { change: () => this.#reshape(shape) },
          }),
          face(shape)))));
  }

  /** Another shape around the same middle. */
  #reshape(shape) {
    const middle = this.at + this.#windowLength() / 2;
    this.shape = shape;
    this.#move(middle - this.#windowLength() / 2);
  }

  /** Arrows go where they point: a slider's own arrow down would move the window up. */
  #key(event) {
    const direction = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
    const page = { PageUp: -1, PageDown: 1 }[event.key];
    const end = { Home: 0, End: this.length }[event.key];
    if (direction === undefined && page === undefined && end === undefined) return;
    event.preventDefault();
    if (end !== undefined) this.#move(end);
    else if (page) this.#move(this.at + page * this.#windowLength());
    else this.#move(Math.round(this.at + direction * (event.shiftKey ? 1 : Math.max(1, this.#windowLength() * NUDGE))));
  }

  #extent(element) {
    return (this.isTall ? element.clientHeight : element.clientWidth) || 1;
  }

  #draggable(element, measured, move, onPress = () => {}) {
    const place = (event) => (this.isTall ? event.clientY : event.clientX);
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      const box = measured.getBoundingClientRect();
      onPress((place(event) - (this.isTall ? box.top : box.left)) / this.#extent(measured));
      const [from, start] = [place(event), this.at];
      element.setPointerCapture(event.pointerId);
      const follow = (next) => this.#move(move(place(next) - from, start));
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

function brush(canvas) {
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.clearRect(0, 0, canvas.width, canvas.height);
  return context;
}
