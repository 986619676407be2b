// @ts-check
/** What can be done with one picture of a job: saved, liked, passed on, used for the next one. */

import { fetchImage } from "../api/api.js";
import { el, icon } from "../page/dom.js";
import { formatTime, t } from "../words/words.js";
import { copyText } from "./clipboard.js";
import { isFavourite, setFavourite } from "./favourites.js";
import { fileName, zipName } from "./file-names.js";

/** A link is signed anew before it is passed on, so that it works for nearly all of its time. */
const FRESH_FOR_MS = 30 * 60_000;

/** @typedef {import("../api/jobs.js").KnownJob} KnownJob */
/** @typedef {import("../api/jobs.js").Output} Output */

/**
 * What the panel lends to its parts.
 * @typedef {object} Desk
 * @property {import("./job-view.js").Actions} actions
 * @property {(key: string, values?: Record<string, any>, byHand?: string|null) => void} say  short words about what was done, with a text to be copied by hand
 * @property {() => import("../form/models.js").Preset[]} presets
 * @property {() => KnownJob} job
 * @property {(index: number) => void} open  the large view
 */

/** Saves what is at hand as a file. */
function save(blob, name) {
  const url = URL.createObjectURL(blob);
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * @param {Desk} desk
 * @param {() => Output} output  the picture as it is now: its links change
 */
export function downloadButton(desk, output) {
  const words = el("span", { text: t("job.download") });
  const name = fileName(desk.job(), output(), desk.presets());
  const link = el("a", {
    class: "button primary", href: output().url, download: name, target: "_blank", rel: "noopener", dataset: { testid: "download" },
    on: {
      click: async (event) => {
        event.preventDefault();
        words.textContent = t("job.downloading");
        try {
          save(await fetchImage(desk.job(), output()), name);
        } catch {
          el("a", { href: output().url, target: "_blank", rel: "noopener" }).click();
          desk.say("job.downloadFallback");
        } finally {
          words.textContent = t("job.download");
        }
      },
    },
  }, icon("download"), words);
  return link;
}

const READ_AGAIN = "toonconnect:favourites";

/** A heart that is on or off; what it says is kept in this browser. @param {Desk} desk @param {() => Output} output */
export function favouriteButton(desk, output) {
  const job = desk.job();
  const { index } = output();
  const of = `${job.id}/${index}`;
  const button = el("button", {
    type: "button", class: "round favourite", "aria-pressed": "false", "aria-label": t("picture.favourite", { index: index + 1 }),
    title: t("picture.favouriteTitle"), dataset: { testid: "favourite", of },
    on: {
      click: async () => {
        const isOn = button.getAttribute("aria-pressed") !== "true";
        // It is in the large view, too.
        for (const each of document.querySelectorAll(`.favourite[data-of="${CSS.escape(of)}"]`)) each.setAttribute("aria-pressed", String(isOn));
        await setFavourite(job, index, isOn);
        desk.actions.favourite?.(job, index, isOn);
        desk.say(isOn ? "picture.liked" : "picture.unliked");
      },
    },
  }, icon("heart"));
  const read = () => isFavourite(job, index).then((isOn) => button.setAttribute("aria-pressed", String(isOn)));
  button.addEventListener(READ_AGAIN, read);
  read();
  return button;
}

/** The hearts on show, as they are kept now. */
export function readFavourites() {
  for (const heart of document.querySelectorAll(".favourite")) heart.dispatchEvent(new Event(READ_AGAIN));
}

/** The rest, each where the page knows how. @param {Desk} desk @param {() => Output} output */
export function furtherButtons(desk, output) {
  const { actions } = desk;
  const job = desk.job();
  const { seed } = output();
  const hasSeed = seed !== null && seed !== undefined;
  const button = (key, testid, action) => el("button", { type: "button", class: "button quiet", text: t(key), dataset: { testid }, on: { click: action } });
  return [
    actions.useAsCharacter ? button("picture.useAsCharacter", "use-as-character", () => actions.useAsCharacter?.(job, output())) : null,
    hasSeed && job.kind === "goods" && actions.sameSeedElsewhere
      ? button("picture.sameSeedElsewhere", "same-seed-elsewhere", () => actions.sameSeedElsewhere?.(job, output()))
      : null,
    button("picture.copyLink", "copy-link", () => copyLink(desk, output)),
    hasSeed ? button("job.useSeed", "use-seed", () => actions.useSeed(job.kind, seed)) : null,
  ].filter(Boolean);
}

/** The link opens without any sign-in, for whoever has it: until when is said with it. @param {Desk} desk @param {() => Output} output */
async function copyLink(desk, output) {
  let shared = output();
  if (!(Date.parse(shared.url_expires_at) - Date.now() > FRESH_FOR_MS)) {
    const fresh = await desk.actions.refresh(desk.job().id);
    shared = fresh?.outputs?.find(({ index }) => index === shared.index) ?? shared;
  }
  const address = new URL(shared.url, location.href).href;
  const isCopied = await copyText(address);
  const until = shared.url_expires_at ? formatTime(shared.url_expires_at) : "";
  if (isCopied) desk.say(until ? "picture.linkCopied" : "picture.linkCopiedAlone", { until });
  else desk.say("picture.linkByHand", { until }, address);
}

/** All pictures of a job in one file, each under its own name. @param {Desk} desk */
export function zipButton(desk) {
  const words = el("span", { text: t("job.zip") });
  const button = el("button", {
    type: "button", class: "button primary", dataset: { testid: "zip" },
    on: {
      click: async () => {
        if (button.getAttribute("aria-disabled")) return;
        button.setAttribute("aria-disabled", "true");
        words.textContent = t("job.downloading");
        try {
          const job = desk.job();
          const files = await Promise.all(
            (job.outputs ?? []).map(async (output) => ({
              name: fileName(job, output, desk.presets()), input: await fetchImage(job, output), lastModified: new Date(job.completed_at ?? job.created_at ?? Date.now()),
            })));
          // Loaded when it is wanted: most never do.
          const { downloadZip } = await import("../../vendor/client-zip.js");
          save(await downloadZip(files).blob(), zipName(job));
        } catch {
          desk.say("job.zipFailed");
        } finally {
          button.removeAttribute("aria-disabled");
          words.textContent = t("job.zip");
        }
      },
    },
  }, icon("download"), words);
  return button;
}
