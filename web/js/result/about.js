// @ts-check
/** Where a job's pictures come from and how long they stay: what made them, of what, and until when they are kept. */

import { modelName } from "../form/models.js";
import { el } from "../page/dom.js";
import { writtenFor } from "../kept/history.js";
import { formatDate, t } from "../words/words.js";

/** A folded list of facts. @param {import("../api/jobs.js").KnownJob} job @param {import("../form/models.js").Told} options  the server's */
export function buildAbout(job, options) {
  const { provenance, input } = job;
  const { prompt } = writtenFor(job);
  const sent = input?.prompt_sent && input.prompt_sent !== prompt ? input.prompt_sent : null;
  const rows = [
    ["about.model", provenance?.model ? modelName(options, provenance.model) : null],
    ["about.seed", (job.outputs ?? []).map(({ seed }) => seed).filter((seed) => seed != null).join(", ")],
    ["about.made", provenance?.created_at ? formatDate(provenance.created_at) : null],
    ["about.prompt", prompt || null],
    ["about.sent", sent],
    ["about.mark", provenance ? t(job.sample ? "about.markSample" : "about.markAi") : null],
    ["about.label", provenance ? t(provenance.label === "visible" ? "about.labelVisible" : "about.labelNone") : null],
    ["about.kept", job.expires_at ? formatDate(job.expires_at) : null],
  ].filter(([, words]) => words);
  if (rows.length === 0) return null;
  return el("details", { class: "fold", dataset: { testid: "about" } },
    el("summary", { text: t("about.title") }),
    el("dl", { class: "fold-body facts-list" }, ...rows.map(([key, words]) => el("div", {}, el("dt", { text: t(key) }), el("dd", { text: words })))));
}
