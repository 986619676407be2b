"""Drill: a region is gone with its task hub, and later the hub once more; all is read from a copy of the images account."""

import hashlib
import json
import re
import shutil
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.storage.blob import BlobServiceClient, ContentSettings

from tests import pictures
from tests.azurite import Azurite
from tests.guides import ROOT
from tests.operator import Operator
from tests.patience import PATIENCE
from tests.stack import Stack

pytestmark = pytest.mark.stack

#: What a failover and a deployment take at least: after a minute without news of it a job is started again.
RESTORED_AFTER = timedelta(minutes=2)
HEADINGS = {"ko": "지역이나 작업 허브를 잃었을 때", "en": "When the region or the task hub is lost"}


def copied(lost: Stack, new: Stack) -> None:
    """Both containers, as `azcopy copy --recursive` brings them over: contents, types and metadata; and time has passed."""
    new.folder.mkdir(parents=True)
    with (
        Azurite(lost.folder, lost.folder / "azurite") as source,
        Azurite(new.folder, new.folder / "azurite") as target,
        BlobServiceClient.from_connection_string(source.connection_string) as old,
        BlobServiceClient.from_connection_string(target.connection_string) as fresh,
    ):
        for name in ("images", "documents"):
            container = fresh.create_container(name)
            for blob in old.get_container_client(name).list_blobs(include=["metadata"]):
                data = old.get_blob_client(name, blob.name).download_blob().readall()
                if name == "documents" and blob.name.endswith("/job.json"):
                    document = json.loads(data)
                    created = datetime.fromisoformat(document["created_at"]) - RESTORED_AFTER
                    data = json.dumps(document | {"created_at": created.isoformat()}).encode()
                kind = ContentSettings(content_type=blob.content_settings.content_type)
                container.upload_blob(blob.name, data, metadata=blob.metadata, content_settings=kind)


def told(stack: Stack, job_id: str) -> dict[str, Any]:
    """The job, and that its picture can be had in both ways."""
    answer = requests.get(f"{stack.url}/api/jobs/{job_id}", timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    for output in job["outputs"]:
        inline = requests.get(f"{stack.url}/api/jobs/{job_id}/result?inline=1", timeout=PATIENCE)
        assert hashlib.sha256(inline.content).hexdigest() == output["sha256"]
        assert requests.get(output["url"], timeout=PATIENCE).content == inline.content
    return job


def test_jobs_and_pictures_outlive_their_region_and_their_task_hub(tmp_path: Path) -> None:
    image = pictures.photo_jpeg(300, 300)
    with Stack(tmp_path / "lost") as lost:
        lost.configure(bfl={"delay_seconds": 1})
        done = lost.goods(image, {"Prefer": "wait=60"}).json()
        running = lost.goods(image, prompt="[[slow:12]] on a mug").json()["id"]
        while lost.job(running)["stage"] != "generating":
            assert lost.job(running)["status"] in ("queued", "processing")
            time.sleep(0.1)
        lost.kill_everything()

    # Elsewhere: another storage account, an empty hub, the same accounts at the providers.
    new = Stack(tmp_path / "new")
    new.sim_port = lost.sim_port
    new.simulators = lost.simulators
    copied(lost, new)
    for file in lost.folder.glob("simulators.sqlite*"):
        shutil.copy(file, new.folder)
    with new:
        again = told(new, done["id"])
        assert [again[name] for name in ("status", "usage", "pictures")] == [
            done[name] for name in ("status", "usage", "pictures")
        ]
        # Links are signed anew.
        assert again["input"] | {"images": []} == done["input"] | {"images": []}
        assert len(again["input"]["images"]) == 1
        # The hub knows nothing of it: the document tells, and the story is begun again from its records.
        assert told(new, running)["status"] == "processing"
        assert new.ended(running)["error"] is None
        assert new.stats("bfl")["submits"] == 2, "nothing was ordered again"
        assert Operator(new)("explain", running).code == 0
        new.kill_everything()

    # The hub alone.
    for file in new.folder.glob("taskhub*"):
        file.unlink()
    with new:
        assert [told(new, job_id)["status"] for job_id in (done["id"], running)] == ["succeeded", "succeeded"]
        ready = requests.get(f"{new.url}/api/health/ready", timeout=PATIENCE).json()
        assert ready["status"] == "ready"
        assert new.stats("bfl")["submits"] == 2


@pytest.mark.parametrize("language", HEADINGS)
def test_the_guide_says_what_is_lost_and_how_it_is_read_again(language: str) -> None:
    text = (ROOT / f"docs/deployment.{language}.md").read_text()
    section = re.split(r"^## ", text.partition(f"## {HEADINGS[language]}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]

    for word in ("STORAGE_SKU", "Standard_GZRS", "az storage account failover", "azcopy copy", "images", "documents", "settled",
                 "az functionapp stop", "SOFT_DELETE_DAYS", "python -m ops"):  # fmt: skip
        assert word in section, word
