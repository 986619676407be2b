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

// By index: the number of its journal, that file once something was written, and what has changed since the last line. An index
// says with which journal it goes on.
const journals = new WeakMap();
const PREFIX = '{"journal":';

function journalOf(db) {
  if (!journals.has(db)) journals.set(db, { number: nextNumber(db), file: null, isReading: false, changes: [] });
  return journals.get(db);
}

// Beyond all that there are: those of an index that was taken away may still lie there.
const nextNumber = (db) => (isOnDisk(db) ? Math.max(0, ...numbersOf(db.filename)) + 1 : 0);
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
  const { isReading, changes } = journalOf(db);
  if (isReading || !isOnDisk(db)) return;
  // What is changed at one go, as a blob that is removed to be inserted anew, is one line: before whoever asked hears of it, since
  // what continues after an `await` comes later.
  if (changes.length === 0) queueMicrotask(() => write(db));
  // As it is now: it may be changed again at the same go.
  changes.push(JSON.stringify(change));
}

function write(db) {
  const journal = journalOf(db);
  if (journal.changes.length === 0) return;
  const line = `[${journal.changes.join()}]\n`;
  journal.changes = [];
  try {
    journal.file ??= fs.openSync(nameOf(db.filename, journal.number), "a");
    fs.appendFileSync(journal.file, line);
  } catch (error) {
    // What it has in memory is more than it could keep, so nobody is to be answered out of it.
    process.stderr.write(`${nameOf(db.filename, journal.number)} could not be written: ${error.message}\n`);
    process.exit(1);
  }
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
  write(this);
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
    for (const [what, ...change] of lines.slice(0, -1).flatMap((line) => JSON.parse(line))) apply[what](db, ...change);
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
        if (from < Infinity) journal.number = Math.max(from + 1, journal.number);
      }
    } catch (broken) {
      trouble = broken;
    }
    journal.isReading = false;
    callback?.(trouble, ...told);
  });
};

/** The journal that goes on where this index was saved; none where an Azurite without journals saved it, or nobody: before it was
 *  saved for the first time nobody was answered. */
function savedWith(filename) {
  if (!fs.existsSync(filename)) return Infinity;
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
