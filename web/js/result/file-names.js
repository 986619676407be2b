// @ts-check
/** What a picture is called when it is saved: the rule of the API's Content-Disposition (shared/domain/file_names.py). */

import { inLanguage } from "../form/models.js";
import { currentLanguage, nameOf } from "../words/words.js";

const EXTENSIONS = { "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp" };

/** @typedef {import("../api/jobs.js").KnownJob} KnownJob */
/** @typedef {import("../form/models.js").Preset} Preset */

/** The day of the people who name their files by it. @param {KnownJob} job */
function dayInKorea(job) {
  const format = new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Seoul", year: "numeric", month: "2-digit", day: "2-digit" });
  return format.format(new Date(job.completed_at ?? job.created_at ?? Date.now()));
}

/** @param {KnownJob} job @param {Preset} [preset] */
function stem(job, preset) {
  const day = dayInKorea(job);
  if (currentLanguage() === "ko") return ["툰커넥트", job.sample ? "샘플" : null, nameOf("kind", job.kind), preset && inLanguage(preset.name), day].filter(Boolean).join("_");
  return ["toonconnect", job.sample ? "SAMPLE" : null, job.kind, preset?.id, day.replaceAll("-", "")].filter(Boolean).join("-");
}

/**
 * `툰커넥트_굿즈_머그컵_2026-06-30_0.png`, and in English `toonconnect-goods-mug-20260630-0.png`.
 * @param {KnownJob} job @param {import("../api/jobs.js").Output} output @param {Preset[]} presets  those of the server's options
 */
export function fileName(job, output, presets = []) {
  const preset = presets.find(({ id }) => id === output.preset);
  const separator = currentLanguage() === "ko" ? "_" : "-";
  return `${stem(job, preset)}${separator}${output.index}.${EXTENSIONS[output.content_type] ?? "bin"}`;
}

/** All pictures of a job in one file. @param {KnownJob} job */
export function zipName(job) {
  return `${stem(job)}.zip`;
}
