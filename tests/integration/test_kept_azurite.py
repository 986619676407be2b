"""A stack's Azurite, which answers a write when it is on disk."""

from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from tests.azurite import ACCOUNT, ACCOUNT_KEY, Azurite
from tests.patience import PATIENCE

#: Makes Node wait with the index of the queue service.
SLOW = """
const fs = require("node:fs");
const read = fs.readFile;
fs.readFile = function (file, ...more) {
  setTimeout(() => read.call(this, file, ...more), String(file).endsWith("__azurite_db_queue__.json") ? 5000 : 0);
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
