// @ts-check
/** Words to post with a picture: they say that it is an advertisement, and that an AI made it. */

import { inLanguage } from "../form/models.js";
import { el } from "../page/dom.js";
import { writtenFor } from "../kept/history.js";
import { t } from "../words/words.js";
import { copyText } from "./clipboard.js";

/** @typedef {import("../form/models.js").Preset} Preset */

/** @param {import("../api/jobs.js").KnownJob} job @param {Preset[]} presets  those of the server's options */
function captionOf(job, presets = []) {
  const names = (job.input?.presets ?? [job.input?.preset])
    .map((id) => presets.find((preset) => preset.id === id))
    .filter((preset) => preset !== undefined)
    .map((preset) => inLanguage(preset.name));
  const subject = writtenFor(job).prompt.trim() || names.join(", ");
  return t(subject ? "caption.text" : "caption.textAlone", { subject }).trim();
}

/** A folded field with the words, to be changed and copied. `say(key)` tells what came of it. @param {import("../api/jobs.js").KnownJob} job @param {Preset[]} presets @param {(key: string) => void} say */
export function buildCaption(job, presets, say) {
  const field = el("textarea", { class: "caption-text", rows: 5, "aria-label": t("caption.label"), dataset: { testid: "caption" } });
  field.value = captionOf(job, presets);
  const copy = async () => say((await copyText(field.value)) ? "caption.copied" : "copy.failed");
  return el("details", { class: "fold", dataset: { testid: "caption-fold" } },
    el("summary", { text: t("caption.title") }),
    el("div", { class: "fold-body" },
      el("p", { class: "hint", text: t("caption.hint") }),
      field,
      el("button", { type: "button", class: "button quiet", text: t("caption.copy"), dataset: { testid: "copy-caption" }, on: { click: copy } })));
}
