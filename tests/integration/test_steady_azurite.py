"""Azurite goes on answering while it collects garbage, whose documents it takes out one by one."""

import json
import subprocess

from tests.azurite import ROOT
from tests.patience import PATIENCE

#: As many extents as some hundred jobs leave in ten minutes, most of them of documents that were written anew.
_SCRIPT = """
const { randomUUID } = require("node:crypto");
const { default: Extents } = require("azurite/dist/src/common/persistence/LokiExtentMetadataStore");
(async () => {
  const store = new Extents("memory", true);
  await store.init();
  const ids = Array.from({ length: 600 }, randomUUID);
  for (const id of ids) await store.updateExtent({ id, locationId: "x", path: "p", size: 1, LastModifyInMS: 1 });
  let turns = 0, isOver = false;
  (function turn() { turns++; if (!isOver) setImmediate(turn); })();
  for (const id of ids.slice(0, 200)) await store.deleteExtent(id);
  await store.deleteExtent("of which nobody knows");
  isOver = true;
  const [left] = await store.listExtents();
  const found = store.db.getCollection(store.EXTENTS_COLLECTION);
  const isFound = ids.map((id) => found.findOne({ id }) !== null);
  console.log(JSON.stringify({ turns, left: left.length, gone: isFound.indexOf(true), kept: isFound.slice(200).every(Boolean) }));
})();
"""


def test_while_garbage_is_collected_others_have_their_turns() -> None:
    node = str(ROOT / "node_modules/node/bin/node")
    command = [node, "--require", str(ROOT / "local/steady.cjs"), "-e", _SCRIPT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=PATIENCE)
    told = json.loads(done.stdout)

    assert told.pop("turns") >= 200
    assert told == {"left": 400, "gone": 200, "kept": True}
