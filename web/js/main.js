// @ts-check
/** Puts the page's first view together: the forms, and whether pictures can be made. All else comes with studio.js (stages.js). */

import { signIn } from "../config.js";
import { BASIC_OPTIONS } from "./form/options.js";
import { kindsOf } from "./form/models.js";
import { listenForPictures } from "./images/arriving.js";
import * as backend from "./page/backend.js";
import { forms, offer, openForm } from "./page/kinds.js";
import { letStudioCome, studio, withStudio } from "./page/stages.js";
import { change } from "./page/store.js";
import { currentLanguage, onLanguageChange, setLanguage, t, translate } from "./words/words.js";

const language = /** @type {HTMLElement} */ (document.getElementById("language"));

/** @param {import("./sending/sending.js").Intent} request */
async function send(request) {
  (await studio()).send(request);
}

/** @param {import("./form/options.js").Options} options */
function takeOptions(options) {
  offer(kindsOf(options), send);
  for (const form of forms.values()) form.setOptions(options);
}

function applyLanguage() {
  document.documentElement.lang = currentLanguage();
  document.title = t("app.title");
  translate(document);
  language.lang = currentLanguage() === "ko" ? "en" : "ko";
  for (const form of forms.values()) form.retranslate();
  change();
}

/** Where people sign in: whose page this is. */
async function arrive() {
  const session = await import("./page/session.js");
  /** @type {import("./page/stages.js").Studio|undefined} */
  let behind;
  withStudio((it) => (behind = it));
  await session.arrive({
    hasWork: () => behind?.hasWork() || [...forms.values()].some((form) => form.hasEntries()),
    onSignedIn: () => {
      if (behind) behind.welcome();
      else studio();
    },
    beforeLeaving: async () => behind?.leave(),
  });
}

language.addEventListener("click", () => setLanguage(currentLanguage() === "ko" ? "en" : "ko"));
onLanguageChange(applyLanguage);
listenForPictures({
  onDrag: (isOver, target) => openForm()?.expectPicture(isOver, target),
  onPictures: (transfer, target) => openForm()?.takeTransfer(transfer, target),
});
// Whatever has gone wrong, a form can be sent again.
addEventListener("toonconnect:alarm", () => {
  for (const form of forms.values()) form.setBusy(false);
});
backend.build();
backend.onOptions(takeOptions);

if (signIn !== null) await arrive();
offer(kindsOf(BASIC_OPTIONS), send);
applyLanguage();
backend.loadOptions();
letStudioCome(new URL(location.href).searchParams.has("job"));
