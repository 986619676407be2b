// @ts-check
/** Who uses the page, as it shows them: signing in and out, a session that has ended, a page that has to be left. */

import * as signIn from "../account/sign-in.js";
import * as database from "../kept/database.js";
import * as kept from "../kept/history.js";
import * as storage from "../kept/storage.js";
import { onLanguageChange, t } from "../words/words.js";

/** Says to the page that follows that somebody else had this one. */
const TAKEN_KEY = "toonconnect.taken";

const ids = ["account", "sign-in", "sign-out", "session-banner", "session-title", "session-detail", "session-sign-in", "taken-note"];
const [accountName, signInLink, signOutButton, banner, title, detail, bannerLink, takenNote] = ids.map((id) => /** @type {HTMLElement} */ (document.getElementById(id)));

let hasFailed = false;
let isLeaving = false;
/** @type {string|null} */
let whoWas = null;

/**
 * What the page does first. `hasWork()`: whether leaving would lose something; `onSignedIn()`: its owner is known from now on;
 * `beforeLeaving()`: is waited for, so that what is on its way arrives.
 * @param {{hasWork: () => boolean, onSignedIn: () => void, beforeLeaving: () => Promise<any>}} actions
 */
export async function arrive(actions) {
  for (const link of [signInLink, bannerLink]) {
    // A page full of work stays as it is: another tab signs in for this one too.
    link.addEventListener("click", () => link.setAttribute("target", signIn.hasEnded() || actions.hasWork() ? "_blank" : ""));
  }
  signIn.onChange(() => {
    if (signIn.isOver()) {
      leave(actions.beforeLeaving);
      return;
    }
    if (signIn.account()) hasFailed = false;
    const who = signIn.account()?.name ?? null;
    draw();
    if (who !== null && whoWas === null) {
      openKept();
      actions.onSignedIn();
    }
    whoWas = who;
  });
  signOutButton.addEventListener("click", () => leave(actions.beforeLeaving, signIn.signOut));
  // The way back leads to a page as it was left.
  addEventListener("pageshow", (event) => event.persisted && isLeaving && location.replace("./"));
  onLanguageChange(draw);
  hasFailed = !(await signIn.arrive());
  whoWas = signIn.account()?.name ?? null;
  openKept();
  takenNote.hidden = storage.read(storage.TAB, TAKEN_KEY) === null;
  storage.remove(storage.TAB, TAKEN_KEY);
  draw();
}

/** @returns {boolean} whether calls are somebody's: nobody has to sign in, or somebody has. */
export function isKnown() {
  return !signIn.isNeeded || signIn.account() !== null;
}

/** Leaves the page for one without anything of its owner: no form, no picture, no key of a request. */
async function leave(beforeLeaving, signOut = async () => "./") {
  if (isLeaving) return;
  isLeaving = true;
  document.body.hidden = true;
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  document.title = t("app.title");
  const [address] = await Promise.all([signOut(), beforeLeaving()]);
  if (signIn.isTaken()) storage.write(storage.TAB, TAKEN_KEY, "yes");
  location.replace(address);
}

/** What is kept in this browser is its owner's. */
function openKept() {
  const owner = signIn.isNeeded ? signIn.pageOwner() : null;
  const isNobodys = signIn.isNeeded && owner === null;
  for (const part of [kept, database]) isNobodys ? part.close() : part.openFor(owner);
}

function draw() {
  const who = signIn.account();
  accountName.hidden = !who?.name;
  accountName.textContent = who?.name ?? "";
  signInLink.hidden = !signIn.isNeeded || who !== null;
  signOutButton.hidden = who === null;
  const words = signIn.isBlocked() ? "signIn.blocked" : hasFailed ? "signIn.failed" : signIn.hasEnded() ? "signIn.ended" : "signIn.needed";
  banner.hidden = !signIn.isNeeded || who !== null;
  title.textContent = t(`${words}Title`);
  detail.textContent = t(`${words}Detail`);
}
