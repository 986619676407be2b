// @ts-check
/**
 * Tells of a job's end who looks elsewhere: in the page's title, and by a notification where they have asked for that. Nobody is
 * asked for permission unasked; where the browser knows no notifications (plain http, some phones) there is no button.
 */

import { isTerminal } from "../api/jobs.js";
import { writtenFor } from "../kept/history.js";
import { BROWSER, read, write } from "../kept/storage.js";
import { nameOf, t } from "../words/words.js";
import { runningJobs } from "./following.js";
import { say } from "./notices.js";
import { change, state, subscribe } from "./store.js";

const KEY = "toonconnect.notify";

const button = /** @type {HTMLElement} */ (document.getElementById("notify"));
const words = /** @type {HTMLElement} */ (document.getElementById("notify-words"));

const isOffered = isSecureContext && typeof Notification !== "undefined";
let isOn = read(BROWSER, KEY) === "on";
/** @type {(id: string) => void} */
let open = () => {};

/** @param {(id: string) => void} onOpen  shows a job whose notification was pressed */
export function build(onOpen) {
  open = onOpen;
  button.addEventListener("click", toggle);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && state.selected) state.fresh.delete(state.selected);
    change();
  });
  subscribe(draw);
}

async function toggle() {
  if (isRinging()) {
    isOn = false;
  } else {
    const answer = Notification.permission === "default" ? await Notification.requestPermission() : Notification.permission;
    isOn = answer === "granted";
    say(isOn ? "notify.isOn" : "notify.isBlocked");
  }
  write(BROWSER, KEY, isOn ? "on" : "off");
  draw();
}

function isRinging() {
  return isOffered && isOn && Notification.permission === "granted";
}

/** A job has ended while the page was open. @param {import("../api/jobs.js").Job} job */
export function ring(job) {
  if (!document.hidden || !isRinging()) return;
  try {
    const note = new Notification(t(`notify.${job.status}`), { body: writtenFor(job).prompt || nameOf("kind", job.kind), icon: "favicon.svg", tag: job.id });
    note.onclick = () => {
      window.focus();
      note.close();
      open(job.id);
    };
  } catch {
    // Phones take notifications from background scripts alone.
  }
}

function draw() {
  const job = state.selected === null ? null : state.jobs.get(state.selected);
  const running = runningJobs().length + state.sendings.size;
  button.hidden = !isOffered || (running === 0 && !isRinging());
  const label = t(isRinging() ? "notify.turnOff" : "notify.turnOn");
  if (words.textContent !== label) words.textContent = label;
  let news = "";
  if (job && isTerminal(job)) news = t(`stage.${job.status}`);
  else if (running > 0) news = running > 1 ? t("title.several", { count: running }) : t("status.processing");
  const unseen = document.hidden && state.fresh.size > 0 ? `(${state.fresh.size}) ` : "";
  document.title = unseen + (news ? `${news} · ToonConnect` : t("app.title"));
}
