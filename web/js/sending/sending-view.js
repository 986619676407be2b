// @ts-check
/** What there is to say of one request on its way: how much of it has gone out, why it is kept and what happens next. */

import { el, icon } from "../page/dom.js";
import { formatDuration, nameOf, t, translate } from "../words/words.js";
import { GIVE_UP_MS } from "./sending.js";

/** Less is not worth a number. */
const SHORTEST_LEFT_SECONDS = 3;

/** Draws into `root`. `actions`: `sendNow(key)`, `discard(outgoing)`. */
export class SendingView {
  constructor(actions) {
    this.actions = actions;
    this.heading = el("p", { class: "stage", role: "status", tabindex: -1, dataset: { testid: "stage" } });
    this.kind = el("span", { class: "kind" });
    this.connection = el("p", { class: "connection", role: "status", hidden: true, dataset: { testid: "connection" } });
    this.fill = el("span", { class: "fill" });
    this.bar = el("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, dataset: { testid: "upload", i18nAttr: "aria-label:sending.progress" } }, this.fill);
    this.percent = el("span", { dataset: { testid: "upload-percent" } });
    this.left = el("span", { dataset: { testid: "upload-left" } });
    this.times = el("p", { class: "times" }, this.percent, this.left);
    this.stay = el("p", { class: "hint", i18n: "sending.keepOpen", hidden: true, dataset: { testid: "keep-open" } });
    this.box = el("div", { class: "kept", role: "alert", hidden: true, dataset: { testid: "error" } });
    this.cancel = el("button", { type: "button", class: "button quiet", i18n: "sending.cancel", dataset: { testid: "cancel-sending" }, on: { click: () => this.actions.discard(this.outgoing) } });
    this.root = el("div", { class: "sending" },
      el("div", { class: "job-head" }, this.kind, this.heading), this.connection, this.bar, this.times, this.stay, this.box, el("div", { class: "foot" }, this.cancel));
  }

  /** Shows it as it is now; call again whenever it has come further. */
  show(outgoing) {
    this.outgoing = outgoing;
    this.retranslate();
  }

  /** Writes every word again in the language that is on. */
  retranslate() {
    if (!this.outgoing) return;
    translate(this.root);
    const { kind, step, uploaded, secondsLeft, isKept, isUnsettled, isWaiting } = this.outgoing;
    const isOnItsWay = step === "uploading" || step === "answering";
    this.kind.textContent = nameOf("kind", kind);
    const stage = { answering: "sending.answering", elsewhere: "sending.elsewhere", discarded: isUnsettled ? "sending.discardedLate" : "sending.discarded" }[step];
    const isWithoutLine = step === "reconnecting" && !navigator.onLine;
    say(this.heading, t(stage ?? (isWaiting ? "sending.waiting" : isWithoutLine ? "sending.offline" : "stage.sending")));
    this.connection.hidden = step !== "reconnecting";
    say(this.connection, step === "reconnecting" ? t("sending.reconnecting", { minutes: GIVE_UP_MS / 60_000 }) : "");
    this.#drawBar(uploaded, isOnItsWay);
    this.bar.hidden = this.times.hidden = isWaiting;
    this.percent.textContent = isOnItsWay && uploaded > 0 ? t("sending.percent", { percent: Math.floor(uploaded * 100) }) : "";
    this.left.textContent = step === "uploading" && secondsLeft >= SHORTEST_LEFT_SECONDS ? t("sending.left", { time: formatDuration(secondsLeft * 1000) }) : "";
    this.stay.hidden = isKept || step === "old" || step === "discarded";
    // What has gone out as a whole may be made: stopping would only hide it. What goes out at once is not worth a button.
    const hadFocus = this.root.contains(document.activeElement);
    this.cancel.hidden = isUnsettled || !(step === "reconnecting" || (step === "uploading" && uploaded > 0));
    this.#drawBox();
    if (hadFocus && !this.root.contains(document.activeElement)) this.heading.focus({ preventScroll: true });
  }

  #drawBar(uploaded, isOnItsWay) {
    const isKnown = isOnItsWay && uploaded > 0;
    this.bar.classList.toggle("busy", !isKnown);
    this.fill.style.width = isKnown ? `${Math.max(3, uploaded * 100)}%` : "100%";
    if (isKnown) this.bar.setAttribute("aria-valuenow", String(Math.floor(uploaded * 100)));
    else this.bar.removeAttribute("aria-valuenow");
  }

  #drawBox() {
    const { key, prompt, step, reason, isUnsettled } = this.outgoing;
    const isShown = step === "kept" || step === "old";
    const words = step === "old" ? "sending.old" : `sending.kept.${reason}`;
    const drawing = isShown ? JSON.stringify([words, isUnsettled, t(`${words}.title`)]) : "";
    // Drawn again it would be read again, and lose the focus.
    if (this.box.dataset.drawing === drawing) return;
    this.box.dataset.drawing = drawing;
    this.box.hidden = !isShown;
    if (!isShown) {
      this.box.replaceChildren();
      return;
    }
    const isOld = step === "old";
    this.box.replaceChildren(
      el("div", { class: "kept-head" }, icon("alert"), el("h3", { text: t(`${words}.title`) })),
      el("p", { text: t(`${words}.detail`, { prompt: prompt || t("history.noPrompt") }) }),
      ...(isOld ? [] : [el("p", { class: "kept-money", dataset: { testid: "charged" }, text: t(isUnsettled ? "sending.once" : "sending.free") })]),
      el("div", { class: "kept-actions" },
        el("button", { type: "button", class: "button primary", text: t(isOld ? "sending.again" : "sending.now"), dataset: { testid: "retry" }, on: { click: () => this.actions.sendNow(key) } }),
        el("button", { type: "button", class: "button quiet", text: t("sending.discard"), dataset: { testid: "discard" }, on: { click: () => this.actions.discard(this.outgoing) } })));
  }
}

/** The same words again would be read again. */
function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}
