// Azurite that forgets no write which it has answered, also when it is killed: as Azure Storage never does.
//
// Azurite keeps its indexes (LokiJS) in memory and saves each as a whole, every five seconds. Here each change of one is
// appended to a file beside it, the journal, before anybody is answered; who starts again reads the index and then what changed
// after it was saved. To save the whole before each answer would take longer with every blob that is there.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const Module = require("node:module");

const Loki = Module.createRequire(require.resolve("azurite/package.json"))("lokijs");

// By index: the number of its journal, and that file once something was written. An index says with which journal it goes on.
const journals = new WeakMap();
const PREFIX = '{"journal":';

function journalOf(db) {
  if (!journals.has(db)) journals.set(db, { number: 0, file: null, isReading: false });
  return journals.get(db);
}

const isOnDisk = (db) => db.persistenceAdapter instanceof Loki.LokiFsAdapter;

const nameOf = (filename, number) => `${filename}.${number}.journal`;

function numbersOf(filename) {
  const begin = `${path.basename(filename)}.`;
  return fs.readdirSync(path.dirname(filename))
    .filter((name) => name.startsWith(begin) && name.endsWith(".journal"))
    .map((name) => Number(name.slice(begin.length, -".journal".length)))
    .sort((one, other) => one - other);
}

function note(db, ...change) {
  const journal = journalOf(db);
  if (journal.isReading || !isOnDisk(db)) return;
  journal.file ??= fs.openSync(nameOf(db.filename, journal.number), "a");
  fs.writeSync(journal.file, `${JSON.stringify(change)}\n`);
}

// ---- what changes ----

const watched = new WeakSet();
const add = Loki.prototype.addCollection;
Loki.prototype.addCollection = function (name, options) {
  const collection = add.call(this, name, options);
  if (watched.has(collection)) return collection;
  watched.add(collection);
  note(this, "add", name, options);
  collection.on("insert", (made) => [made].flat().forEach((document) => note(this, "insert", name, document)));
  collection.on("update", (document) => note(this, "update", name, document));
  collection.on("delete", (document) => note(this, "delete", name, document.$loki));
  return collection;
};

const remove = Loki.prototype.removeCollection;
Loki.prototype.removeCollection = function (name) {
  note(this, "remove", name);
  return remove.call(this, name);
};

// ---- saving ----

// An adapter is handed the index as it is at this moment; what changes while it is written belongs to the next journal.
const saveInternal = Loki.prototype.saveDatabaseInternal;
Loki.prototype.saveDatabaseInternal = function (callback) {
  const journal = journalOf(this);
  if (journal.file !== null) fs.closeSync(journal.file);
  journal.file = null;
  const number = ++journal.number;
  return saveInternal.call(this, (error) => {
    if (!error && isOnDisk(this)) {
      for (const old of numbersOf(this.filename)) if (old < number) fs.unlinkSync(nameOf(this.filename, old));
    }
    callback?.(error);
  });
};

const serialize = Loki.prototype.serialize;
Loki.prototype.serialize = function (options) {
  const whole = serialize.call(this, options);
  return typeof whole === "string" && whole.startsWith("{") ? `${PREFIX}${journalOf(this).number},${whole.slice(1)}` : whole;
};

// ---- starting again ----

const apply = {
  add: (db, name, options) => db.addCollection(name, options),
  remove: (db, name) => db.removeCollection(name),
  insert: (db, name, { $loki, meta, ...document }) => {
    const collection = db.getCollection(name);
    // As it was numbered: one of those before it may never have come about.
    collection.maxId = $loki - 1;
    collection.insert(document);
  },
  update: (db, name, document) => db.getCollection(name).update(document),
  delete: (db, name, id) => db.getCollection(name).remove(id),
};

function catchUp(db, from) {
  for (const number of numbersOf(db.filename).filter((each) => each >= from)) {
    const lines = fs.readFileSync(nameOf(db.filename, number), "utf8").split("\n");
    // What follows the last line break was cut off by a kill: nobody was answered.
    for (const line of lines.slice(0, -1)) {
      const [what, ...change] = JSON.parse(line);
      apply[what](db, ...change);
    }
  }
}

const load = Loki.prototype.loadDatabaseInternal;
Loki.prototype.loadDatabaseInternal = function (options, callback) {
  const journal = journalOf(this);
  journal.isReading = true;
  return load.call(this, options, (error, ...told) => {
    let trouble = error;
    try {
      if (!error && isOnDisk(this)) {
        const from = savedWith(this.filename);
        catchUp(this, from);
        journal.number = Math.max(0, ...numbersOf(this.filename)) + 1;
      }
    } catch (broken) {
      trouble = broken;
    }
    journal.isReading = false;
    callback?.(trouble, ...told);
  });
};

/** The journal that goes on where this index was saved: the first where it never was, none where an Azurite without them saved it. */
function savedWith(filename) {
  if (!fs.existsSync(filename)) return 0;
  const file = fs.openSync(filename, "r");
  try {
    const begin = Buffer.alloc(40);
    fs.readSync(file, begin, 0, begin.length, 0);
    const text = begin.toString();
    return text.startsWith(PREFIX) ? parseInt(text.slice(PREFIX.length), 10) : Infinity;
  } finally {
    fs.closeSync(file);
  }
}
