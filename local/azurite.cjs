// Azurite as `make run` and the tests have it.
"use strict";

require("./lean.cjs");
require("./steady.cjs");
require("./journal.cjs");

require("azurite/dist/src/azurite.js");
