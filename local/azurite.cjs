// Azurite that survives `kill -9`.
//
// Azurite answers a write before its index of blobs is on disk and saves that every five seconds, so whatever it had
// acknowledged since is gone when it is killed. Azure Storage never forgets a write that it has answered. Here an
// answer to a write waits until the index is saved; writes that arrive meanwhile share the next save.
"use strict";

require("./lean.cjs");
require("./steady.cjs");

const http = require("node:http");
const Loki = require("lokijs");

const indexes = new Set();
const enable = Loki.prototype.autosaveEnable;
Loki.prototype.autosaveEnable = function (...args) {
  indexes.add(this);
  return enable.apply(this, args);
};

// A save that is asked for while an index is read from disk is never done (lokijs). Its service does not listen yet, so it holds
// no write that was answered.
const reading = new Set();
const load = Loki.prototype.loadDatabase;
Loki.prototype.loadDatabase = function (options, callback) {
  reading.add(this);
  return load.call(this, options, (...told) => {
    reading.delete(this);
    callback?.(...told);
  });
};

let next = null;
let lastMilliseconds = 0;

async function saveAll() {
  next = null;
  const began = performance.now();
  await Promise.all(
    [...indexes]
      .filter((index) => !reading.has(index))
      .filter((index) => index.autosaveDirty() || index.throttledSavePending)
      .map((index) => new Promise((resolve, reject) => index.saveDatabase((error) => (error ? reject(error) : resolve())))),
  );
  lastMilliseconds = performance.now() - began;
}

// A save writes the whole index, so with many blobs it takes a while: half of the time is left for answering.
function saved() {
  next ??= new Promise((resolve) => setTimeout(resolve, lastMilliseconds)).then(saveAll);
  return next;
}

const end = http.ServerResponse.prototype.end;
http.ServerResponse.prototype.end = function (...args) {
  if (["GET", "HEAD", "OPTIONS"].includes(this.req.method)) return end.apply(this, args);
  saved().then(
    () => end.apply(this, args),
    // No answer is what a server that could not keep a write gives.
    (error) => this.destroy(error),
  );
  return this;
};

require("azurite/dist/src/azurite.js");
