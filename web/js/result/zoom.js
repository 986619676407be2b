// @ts-check
/** Zooming and panning pictures that lie side by side, all of them alike: by wheel, pinch, drag, double click and keys. */

const MOST = 8;
const KEY_STEP = 1.5;
const PAN_STEP = 60;
const DOUBLE_CLICK = 2.5;

export class Zoom {
  scale = 1;
  x = 0;
  y = 0;
  /** @type {HTMLElement[]} */
  panes = [];
  /** @type {Map<number, {x: number, y: number}>} pointer → where */
  pointers = new Map();

  /**
   * @param {HTMLElement} stage  takes the gestures
   * @param {(scale: number) => void} onChange
   */
  constructor(stage, onChange) {
    this.stage = stage;
    this.onChange = onChange;
    this.#set(1, 0, 0);
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    for (const type of /** @type {const} */ (["pointerup", "pointercancel"])) stage.addEventListener(type, (event) => this.#up(event));
    stage.addEventListener("dblclick", (event) => this.#to(this.scale > 1 ? 1 : DOUBLE_CLICK, this.#centreOf(event)));
  }

  /** @param {HTMLElement[]} panes  each holds one picture, and all are of one size */
  show(panes) {
    this.panes = panes;
    this.pointers.clear();
    this.#set(1, 0, 0);
  }

  nearer() {
    this.#to(this.scale * KEY_STEP);
  }

  farther() {
    this.#to(this.scale / KEY_STEP);
  }

  fit() {
    this.#set(1, 0, 0);
  }

  /** @returns {boolean} whether there was anything to move. @param {number} across @param {number} down */
  pan(across, down) {
    if (this.scale === 1) return false;
    this.#set(this.scale, this.x - across * PAN_STEP, this.y - down * PAN_STEP);
    return true;
  }

  /** Changes the scale so that the point `at`, measured from a pane's centre, stays where it is. @param {number} scale */
  #to(scale, at = { x: 0, y: 0 }) {
    const next = Math.min(MOST, Math.max(1, scale));
    const ratio = next / this.scale;
    this.#set(next, at.x - (at.x - this.x) * ratio, at.y - (at.y - this.y) * ratio);
  }

  /** @param {number} scale @param {number} x @param {number} y */
  #set(scale, x, y) {
    const pane = this.panes[0];
    const [across, down] = pane ? [pane.clientWidth, pane.clientHeight].map((side) => (side * (scale - 1)) / 2) : [0, 0];
    this.scale = scale;
    this.x = Math.min(across, Math.max(-across, x));
    this.y = Math.min(down, Math.max(-down, y));
    for (const each of this.panes) {
      const picture = /** @type {HTMLElement} */ (each.firstElementChild);
      picture.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    }
    this.stage.classList.toggle("zoomed", scale > 1);
    this.onChange(scale);
  }

  /** Where an event is, from the centre of the pane that it is over. @param {{clientX: number, clientY: number}} event */
  #centreOf({ clientX, clientY }) {
    const boxes = this.panes.map((pane) => pane.getBoundingClientRect());
    const box = boxes.find((each) => clientX >= each.left && clientX <= each.right && clientY >= each.top && clientY <= each.bottom) ?? boxes[0];
    return box ? { x: clientX - box.left - box.width / 2, y: clientY - box.top - box.height / 2 } : { x: 0, y: 0 };
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 24 : 1);
    this.#to(this.scale * Math.exp(-pixels / 400), this.#centreOf(event));
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button > 0) return;
    this.stage.setPointerCapture?.(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    if (!other) {
      this.#set(this.scale, this.x + now.x - before.x, this.y + now.y - before.y);
      return;
    }
    const apart = (/** @type {{x: number, y: number}} */ one) => Math.hypot(one.x - other.x, one.y - other.y);
    const middle = this.#centreOf({ clientX: (now.x + other.x) / 2, clientY: (now.y + other.y) / 2 });
    this.#to(this.scale * (apart(now) / Math.max(1, apart(before))), middle);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    this.pointers.delete(event.pointerId);
  }
}
