// Azurite that goes on answering while it collects garbage. Every ten minutes it forgets the contents that no blob has any more,
// and there its index is sorted anew for each of them: a thousand keep it from answering for minutes on a slow machine.
"use strict";

const Module = require("node:module");

const azurite = Module.createRequire(require.resolve("azurite/package.json"));
const { default: Extents } = azurite("./dist/src/common/persistence/LokiExtentMetadataStore");

Extents.prototype.deleteExtent = async function (id) {
  const extents = this.db.getCollection(this.EXTENTS_COLLECTION);
  const extent = extents.findOne({ id });
  // One document at a time is taken out of the index where it stands; what is found and removed makes it anew.
  if (extent) extents.remove(extent);
  // Whoever waits for an answer comes in between.
  await new Promise(setImmediate);
};
