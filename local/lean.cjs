// What Azurite loads when it starts and never uses here: Application Insights, for a telemetry that is off, and the client of a
// database that it is not given. Together they are two thirds of the CPU time of a start. Nor are they installed, since they
// are 50,000 files: package.json overrides them with a small package that Azurite needs anyway.
"use strict";

const path = require("node:path");
const Module = require("node:module");

// Where Node can, what it has compiled is kept for the next start.
Module.enableCompileCache?.(path.join(__dirname, "../node_modules/.cache/azurite"));

const unused = {
  applicationinsights: {},
  sequelize: { Model: class {} },
};

const azurite = Module.createRequire(require.resolve("azurite/package.json"));
for (const [name, exports] of Object.entries(unused)) {
  const file = azurite.resolve(name);
  require.cache[file] = Object.assign(new Module(file), { exports, loaded: true });
}
