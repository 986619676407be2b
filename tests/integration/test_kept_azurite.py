"""A stack's Azurite, which answers a write when it is on disk."""

import contextlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobServiceClient
from azure.storage.queue import QueueServiceClient

from tests.azurite import ACCOUNT, ACCOUNT_KEY, ROOT, Azurite
from tests.patience import PATIENCE

#: Makes Node wait with the index of the queue service.
SLOW = """
const fs = require("node:fs");
const read = fs.readFile;
fs.readFile = function (file, ...more) {
  setTimeout(() => read.call(this, file, ...more), String(file).endsWith("__azurite_db_queue__.json") ? 5000 : 0);
};
"""

#: Saves the indexes as often as it is told, where Azurite would every five seconds.
SAVING = """
const { createRequire } = require("node:module");
const Loki = createRequire(require.resolve("azurite/package.json", { paths: [process.env.CHECKOUT] }))("lokijs");
const enable = Loki.prototype.autosaveEnable;
Loki.prototype.autosaveEnable = function (...args) {
  this.autosaveInterval = Number(process.env.SAVED_EVERY_MS);
  return enable.apply(this, args);
};
"""
OFTEN, NEVER = 50, 3_600_000

#: A disk that is full when a container comes.
FULL = """
const fs = require("node:fs");
const append = fs.appendFileSync;
fs.appendFileSync = function (file, text) {
  if (String(text).includes("too-much")) throw new Error("ENOSPC: no space left on device");
  return append.apply(this, arguments);
};
"""


class BlobsOnly(Azurite):
    """Is entered as soon as its blob service listens."""

    parts = ("Blob",)


def test_a_write_is_answered_while_another_service_still_reads_its_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waited for ever for that index to be saved, and all that came after it did too."""
    kept = tmp_path / "kept"
    with Azurite(tmp_path, kept):
        pass
    (tmp_path / "slow.cjs").write_text(SLOW)
    monkeypatch.setenv("NODE_OPTIONS", f"--require={tmp_path / 'slow.cjs'}")

    with BlobsOnly(tmp_path, kept) as azurite:
        credential = {"account_name": ACCOUNT, "account_key": ACCOUNT_KEY}
        with BlobServiceClient(azurite.blob_url, credential=credential, retry_total=0, read_timeout=PATIENCE) as account:
            account.create_container("asked-early")
        assert "Queue service is successfully listening" not in (tmp_path / "azurite.log").read_text(), "it was asked too late"


class Account:
    """A storage account of which everything is remembered that was answered."""

    def __init__(self, azurite: Azurite) -> None:
        self.blobs = BlobServiceClient.from_connection_string(azurite.connection_string, retry_total=0)
        self.queues = QueueServiceClient.from_connection_string(azurite.connection_string, retry_total=0)

    def __enter__(self) -> "Account":
        return self

    def __exit__(self, *_: object) -> None:
        self.blobs.close()
        self.queues.close()

    def change(self, dice: random.Random) -> None:
        """Something, as the app and its operators do."""
        container = self.blobs.get_container_client(f"container-{dice.randrange(3)}")
        blob = container.get_blob_client(f"blob-{dice.randrange(12)}")
        queue = self.queues.get_queue_client(f"queue-{dice.randrange(2)}")
        done = dice.randrange(12)
        if not container.exists():
            container.create_container()
        elif done == 0 and dice.randrange(4) == 0:
            container.delete_container()
        elif done < 5:
            blob.upload_blob(dice.randbytes(dice.randrange(1, 9000)), overwrite=True, metadata={"n": str(dice.random())})
        elif done < 7:
            blocks = [BlobBlock(f"{dice.getrandbits(128):032x}") for _ in range(3)]
            for block in blocks:
                blob.stage_block(block.id, dice.randbytes(500))
            blob.commit_block_list(blocks[: dice.randrange(1, 4)])
        elif done == 7:
            blob.delete_blob()
        elif done == 8:
            blob.set_blob_metadata({"n": str(dice.random()), "m": "1"})
        elif done == 9:
            queue.send_message(str(dice.random()))
        elif done == 10:
            for message in queue.receive_messages(max_messages=1, visibility_timeout=1):
                queue.update_message(message, content=f"again {message.content}", visibility_timeout=0)
        else:
            for message in queue.receive_messages(max_messages=1, visibility_timeout=1):
                queue.delete_message(message)

    def told(self) -> dict[str, Any]:
        """All that it holds."""
        held: dict[str, Any] = {}
        for container in self.blobs.list_containers():
            client = self.blobs.get_container_client(container.name)
            held[container.name] = {
                blob.name: (blob.etag, blob.size, blob.metadata, hash(client.download_blob(blob.name).readall()))
                for blob in client.list_blobs(include=["metadata"])
            }
        for queue in self.queues.list_queues():
            held[queue.name] = sorted(m.content for m in self.queues.get_queue_client(queue.name).peek_messages(max_messages=32))
        return held


@pytest.fixture
def saved_every(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """From here on Azurite saves its indexes after so many milliseconds."""

    def every(milliseconds: int) -> None:
        (tmp_path / "saving.cjs").write_text(SAVING)
        monkeypatch.setenv("CHECKOUT", str(ROOT))
        monkeypatch.setenv("SAVED_EVERY_MS", str(milliseconds))
        monkeypatch.setenv("NODE_OPTIONS", f"--require={tmp_path / 'saving.cjs'}")

    return every


@pytest.mark.parametrize("milliseconds", [OFTEN, NEVER])
def test_what_was_answered_outlives_kills(tmp_path: Path, saved_every: Callable[[int], None], milliseconds: int) -> None:
    saved_every(milliseconds)
    dice, before = random.Random(7), None
    for _ in range(4):
        with Azurite(tmp_path, tmp_path / "kept") as azurite, Account(azurite) as account:
            if before is None:
                for queue in ("queue-0", "queue-1"):
                    account.queues.create_queue(queue)
            else:
                assert account.told() == before
            for _ in range(40):
                with contextlib.suppress(ResourceNotFoundError):
                    account.change(dice)
            before = account.told()
            azurite.kill()


def test_what_a_kill_cut_off_is_forgotten(tmp_path: Path, saved_every: Callable[[int], None]) -> None:
    saved_every(NEVER)
    with Azurite(tmp_path, tmp_path / "kept") as azurite, Account(azurite) as account:
        account.blobs.create_container("whole")
        before = account.told()
        azurite.kill()
    (journal,) = (tmp_path / "kept").glob("__azurite_db_blob__.json.*.journal")
    with journal.open("ab") as file:
        file.write(journal.read_bytes().splitlines()[-1].replace(b"whole", b"half")[:-3])

    with Azurite(tmp_path, tmp_path / "kept") as azurite, Account(azurite) as account:
        assert account.told() == before == {"whole": {}}


def test_what_is_changed_at_one_go_is_kept_or_forgotten_as_one(tmp_path: Path, saved_every: Callable[[int], None]) -> None:
    """Azurite takes a blob that is written anew out of its index, and puts it in again."""
    saved_every(NEVER)
    kept = tmp_path / "kept"
    with Azurite(tmp_path, kept) as azurite, Account(azurite) as account:
        blob = account.blobs.create_container("c-1").get_blob_client("b")
        blob.upload_blob(b"one")
        blob.upload_blob(b"another", overwrite=True)
        azurite.kill()
    (journal,) = kept.glob("__azurite_db_blob__.json.*.journal")
    last = journal.read_text().splitlines()[-1]
    assert [what for what, *_ in json.loads(last)] == ["delete", "insert"]
    journal.write_text(journal.read_text().removesuffix(f"{last}\n") + last[: len(last) // 2])

    with Azurite(tmp_path, kept) as azurite, Account(azurite) as account:
        assert account.blobs.get_blob_client("c-1", "b").download_blob().readall() == b"one"


def test_who_cannot_keep_a_write_answers_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "full.cjs").write_text(FULL)
    monkeypatch.setenv("NODE_OPTIONS", f"--require={tmp_path / 'full.cjs'}")
    with Azurite(tmp_path, tmp_path / "kept") as azurite, Account(azurite) as account, pytest.raises(AzureError):
        account.blobs.create_container("too-much")
    assert "could not be written: ENOSPC" in (tmp_path / "azurite.log").read_text()
    monkeypatch.delenv("NODE_OPTIONS")

    with Azurite(tmp_path, tmp_path / "kept") as azurite, Account(azurite) as account:
        assert account.told() == {}


def test_journals_of_an_index_that_was_taken_away_are_not_read(tmp_path: Path, saved_every: Callable[[int], None]) -> None:
    saved_every(NEVER)
    kept = tmp_path / "kept"
    with Azurite(tmp_path, kept) as azurite, Account(azurite) as account:
        account.blobs.create_container("old")
        azurite.kill()
    (kept / "__azurite_db_blob__.json").unlink()

    for held in ({}, {"new": {}}):
        with Azurite(tmp_path, kept) as azurite, Account(azurite) as account:
            assert account.told() == held
            if not held:
                account.blobs.create_container("new")
            azurite.kill()


def test_workflows_start_what_is_installed() -> None:
    """Of Azurite some packages are not (package.json), which only its start here knows of."""
    for workflow in (ROOT / ".github/workflows").glob("*.yml"):
        assert "azurite/dist" not in workflow.read_text()
