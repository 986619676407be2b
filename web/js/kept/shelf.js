/** The last characters of a person, to be taken again with one press. They stay in this browser until they are removed. */

import { small } from "../images/images.js";
import { newKey } from "../api/keys.js";
import * as database from "./database.js";

const STORE = "shelf";
const MOST = 5;

const listeners = new Set();

/**
 * @typedef {object} Character
 * @property {string} id
 * @property {File} file
 * @property {Blob|null} small  shows it
 * @property {number} usedAt    milliseconds
 */

/** @returns {Promise<Character[]>} the last one first. */
export async function characters() {
  const all = (await database.entries(STORE)).map(([id, kept]) => ({ id, ...kept }));
  return all.filter(({ file }) => file instanceof Blob).sort((one, other) => other.usedAt - one.usedAt);
}

/** Puts a character first; beyond five the one that was used longest ago goes. @param {File} file */
export async function keep(file) {
  const all = await characters();
  let known = null;
  for (const each of all) if (known === null && (await isSame(each.file, file))) known = each;
  const { id, ...kept } = known ?? { id: newKey(), file, small: await small(file) };
  await database.put(STORE, id, { ...kept, usedAt: Date.now() });
  const others = all.filter((each) => each.id !== id);
  await Promise.all(others.slice(MOST - 1).map((each) => database.remove(STORE, each.id)));
  tell();
}

/** @param {string} id */
export async function forget(id) {
  await database.remove(STORE, id);
  tell();
}

/** Calls `listener` after every change. */
export function onChange(listener) {
  listeners.add(listener);
}

/** Says that another person's shelf is there now. */
export function tell() {
  for (const listener of listeners) listener();
}

async function isSame(one, other) {
  if (one.size !== other.size) return false;
  const [a, b] = await Promise.all([one, other].map(async (file) => new Uint8Array(await file.arrayBuffer())));
  return a.every((byte, at) => byte === b[at]);
}
