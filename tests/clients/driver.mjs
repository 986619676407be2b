// Calls the JavaScript client as a test says: an order a line on stdin ({"base", "options", "call", "args"}), what came of it on stdout.
import { createInterface } from "node:readline";
import * as toonconnect from "../../clients/js/toonconnect.js";

// Pauses are short here.
const { setTimeout: later } = globalThis;
globalThis.setTimeout = (what, milliseconds, ...args) => later(what, milliseconds / 50, ...args);

const revive = (value) => {
  if (Array.isArray(value)) return value.map(revive);
  if (value && typeof value === "object") {
    if ("$bytes" in value) return new Blob([Buffer.from(value.$bytes, "base64")]);
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, revive(one)]));
  }
  return value;
};

/** A call whose token is one of `tokens` each time it is asked for; "!words" is an error. */
async function withTokens(base, tokens) {
  const asked = [];
  const refused = [];
  const token = (of) => {
    const given = tokens[asked.push(of.refused) - 1];
    if (given?.startsWith("!")) throw new Error(given.slice(1));
    return given;
  };
  const client = new toonconnect.ToonConnect(base, { token, onTokenRefused: (one) => refused.push(one), language: () => "en" });
  const error = await client.goods(new Blob(["x"]), { preset: "mug" }).then(() => null, (it) => it.code ?? it.message);
  return { result: { asked, refused, error } };
}

async function obeyed({ base, options, call, args }) {
  if (call === "withTokens") return withTokens(base, ...args);
  const client = new toonconnect.ToonConnect(base ?? "http://nowhere.invalid", options ?? {});
  try {
    let result;
    if (call === "calls") {
      result = Object.getOwnPropertyNames(toonconnect.ToonConnect.prototype);
    } else if (call === "list") {
      result = [];
      for await (const job of client.list(...args)) result.push(job);
    } else {
      result = await (client[call] ? client[call](...revive(args)) : toonconnect[call](...revive(args)));
    }
    if (result instanceof Blob) result = { $bytes: Buffer.from(await result.arrayBuffer()).toString("base64") };
    return { result: result ?? null };
  } catch (error) {
    const { name, message, code, status, charged, errors, key, problem, retryAfterSeconds } = error;
    return { error: { name, message, code, status, charged, errors, key, problem, retryAfterSeconds } };
  }
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await obeyed(JSON.parse(line))));
