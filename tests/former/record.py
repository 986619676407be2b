"""How tests/former/state was made: `python -m tests.former.record`, run once in a checkout of the former version.

That version is the one whose stories are of version "1" (`defaultVersion` in host.json) and have an activity `enter_gate`;
`version` in state/moment.json names the commit. Its own stack runs, jobs are brought into every situation that can be met, and
then all its processes are killed with -9 while a POST is being worked on. What lies on the disk is written down as text:

    documents/, images/   every blob of the two containers, under its name
    taskhub.sql           the task hub: instances, histories, messages and activities on their way
    simulators.sql        the predictions that the providers know, and go on with
    moment.json           when it was, with which settings, and each job's request; of those that had ended, what GET said

A situation that was missed raises, and nothing is written: run it again. A later version cannot make this state, so the fixture
is not to be made anew with it.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient

from ops.__main__ import main as ops
from tests import pictures
from tests.azurite import Azurite
from tests.former.load import STATE
from tests.patience import PATIENCE
from tests.stack import ROOT, Stack

#: Slots for: a leftover, one and two that generate, one refused, one being sent, one lost. Whoever comes next waits.
SETTINGS = {
    "BFL_MAX_ACTIVE": "7", "POLL_INTERVAL_SECONDS": "2", "MAX_UPLOAD_BYTES": "16000000",
    "MAX_ACTIVE_JOBS_PER_OWNER": "100", "DAILY_JOBS_PER_OWNER": "1000",
}  # fmt: skip
#: Zeros behind an image, which is read all the same: its upload takes so long that the host can be killed meanwhile.
PADDING = 12_000_000
_QUICK = {"start_seconds": 0.2, "delay_seconds": 0.5, "longest_side": 192}
#: Beyond the kill by so much that a new stack still finds them running.
_SLOW = "[[slow:28]]"


class Recorder:
    """A stack, and what was asked of it by the names of the jobs."""

    def __init__(self, stack: Stack, documents: ContainerClient) -> None:
        self.stack = stack
        self.documents = documents
        self.picture = pictures.drawing_png(256, 256)
        self.jobs: dict[str, dict[str, Any]] = {}

    def post(self, name: str, words: str = "", padding: int = 0, **more: Any) -> requests.Response:
        """A job of the kind that its name begins with. The name is in the prompt, so that its predictions can be told."""
        kind = name.split("-")[0]
        fields = {"prompt": f"{name} mug {words}".strip(), "output_format": "jpeg", "aspect_ratio": "1:1", **more}
        self.jobs[name] = {"kind": kind, "fields": fields, "key": f"key of {name}", "padding": padding, "id": None}
        headers = {"Idempotency-Key": self.jobs[name]["key"]}
        image = self.picture + bytes(padding)
        answer = (
            self.stack.goods(image, headers, **fields) if kind == "goods" else self.stack.ppl(image, image, headers, **fields)
        )
        if answer.status_code == 202:
            self.jobs[name]["id"] = answer.json()["id"]
        return answer

    def start(self, name: str, words: str = "", **more: Any) -> str:
        answer = self.post(name, words, **more)
        answer.raise_for_status()
        return str(answer.json()["id"])

    def end(self, name: str, status: str) -> None:
        """Wait for the job's end and note what its owner is told of it."""
        said = self.stack.ended(self.jobs[name]["id"])
        assert said["status"] == status, said
        self.jobs[name]["said"] = told(said)

    def cancel(self, name: str) -> None:
        self.stack.client().cancel(self.jobs[name])

    def document(self, name: str) -> dict[str, Any]:
        try:
            return dict(json.loads(self.documents.download_blob(name).readall()))
        except ResourceNotFoundError:
            return {}

    def submission(self, name: str, index: int = 0) -> str:
        """State of a picture's first record; empty before there is one."""
        return str(self.document(f"jobs/{self.jobs[name]['id']}/submission-{index}-1.json").get("state", ""))

    # ---- the situations, in order ----

    def end_some(self) -> None:
        self.stack.configure(bfl=_QUICK, replicate=_QUICK)
        self.start("ppl-succeeded")
        self.start("goods-succeeded")
        self.start("goods-moderated", "[[moderated]]")
        self.end("ppl-succeeded", "succeeded")
        self.end("goods-succeeded", "succeeded")
        self.end("goods-moderated", "failed")
        self.stack.configure(bfl={"outcome_sequence": ["succeed", "moderated_output"]})
        self.start("goods-oneoftwo", n=2)
        self.end("goods-oneoftwo", "succeeded")
        # Canceled before the provider had begun, so that it is not billed.
        self.stack.configure(replicate={"start_seconds": 30, "delay_seconds": 30})
        self.start("ppl-canceled")
        until(lambda: self.submission("ppl-canceled") == "submitted")
        self.cancel("ppl-canceled")
        self.end("ppl-canceled", "canceled")

    def run_some(self) -> None:
        self.stack.configure(replicate={"start_seconds": 0.5})
        for name in ("goods-leftover", "goods-generating", "ppl-generating"):
            self.start(name, _SLOW)
        for name in ("goods-twogenerating", "ppl-twogenerating"):
            self.start(name, _SLOW, n=2)
        for name in ("goods-leftover", "goods-generating", "ppl-generating", "goods-twogenerating", "ppl-twogenerating"):
            until(lambda name=name: self.submission(name) == "submitted")
            until(lambda name=name: "two" not in name or self.submission(name, 1) == "submitted")
        self.cancel("goods-leftover")
        self.end("goods-leftover", "canceled")

    def trouble_some(self) -> None:
        """What does not stay for long comes last: a lost send is looked for after five seconds."""

        def fault(name: str, kind: str, **more: Any) -> dict[str, Any]:
            return {"on": "create", "match": f"{name} mug", "times": 1, "kind": kind, **more}

        self.stack.configure(
            bfl={**_QUICK, "faults": [
                fault("goods-refused", "status", status=429, retry_after=20, header=True),
                fault("goods-sending", "hang"), fault("goods-lost", "disconnect_after"),
            ]},
            replicate={**_QUICK, "faults": [
                fault("ppl-sending", "hang", after_processing=True), fault("ppl-lost", "disconnect_after"),
            ]},
        )  # fmt: skip
        self.start("goods-refused")
        until(lambda: self.submission("goods-refused") == "refused")
        for kind in ("goods", "ppl"):
            self.start(f"{kind}-sending")
            until(lambda kind=kind: self.submission(f"{kind}-sending") == "sending")
        for kind in ("goods", "ppl"):
            self.start(f"{kind}-lost")
        self.start("goods-waiting")
        until(lambda: self.submission("goods-lost") == self.submission("ppl-lost") == "lost")
        until(lambda: self.document("gates/bfl.json")["waiting"])

    def refuse_one(self) -> None:
        """A POST that is refused gives its key back. The host looks at a gate every two seconds."""
        operate("pause")
        time.sleep(2.5)
        assert self.post("ppl-refused").status_code == 503
        operate("resume")
        time.sleep(2.5)

    def die(self) -> datetime:
        """Kill everything as soon as a POST has taken its key."""
        host, name = self.stack.processes("devhost"), claim_name("goods-died")
        posting = threading.Thread(target=self._die_posting, daemon=True)
        posting.start()
        blob = self.documents.get_blob_client(name)
        while not blob.exists():
            pass
        for process in host:
            process.kill()
        killed_at = datetime.now(UTC)
        # A write is seen a moment before it is kept.
        time.sleep(0.1)
        self.stack.kill_everything()
        posting.join()
        return killed_at

    def _die_posting(self) -> None:
        try:
            self.post("goods-died", padding=PADDING)
        except requests.RequestException:
            return
        raise AssertionError("the POST lived")


def told(job: dict[str, Any]) -> dict[str, Any]:
    """Of a job as GET gives it, what no later version may tell otherwise."""
    error = job["error"] and {name: job["error"][name] for name in ("code", "status", "stage", "retryable", "charged")}
    outputs = [{name: output[name] for name in ("index", "sha256", "bytes", "content_type", "seed")} for output in job["outputs"]]
    same = ("id", "kind", "status", "attempts", "possible_duplicate", "provider", "model")
    return {**{name: job[name] for name in same}, "cost_usd": job["usage"]["cost_usd"], "error": error, "outputs": outputs}


def claim_name(name: str) -> str:
    """The document of a job's key, as the former version names it."""
    scope = f"anonymous|{name.split('-')[0]}-gen|key of {name}"
    return f"idempotency/{hashlib.sha256(scope.encode()).hexdigest()}.json"


def operate(command: str) -> None:
    """As `python -m ops` does it, without the seconds that a process takes to start."""
    assert ops([command, "--provider", "replicate", *(["--reason", "kept as a fixture"] if command == "pause" else [])]) == 0


def until(test: Callable[[], Any], seconds: float = PATIENCE) -> None:
    ends = time.monotonic() + seconds
    while not test():
        if time.monotonic() > ends:
            raise TimeoutError
        time.sleep(0.02)


# ---- what lies on the disk ----


def keep(stack: Stack, state: Path) -> dict[str, Any]:
    """Write the blobs and the databases of a dead stack under `state`; returns the headers of the images."""
    headers: dict[str, Any] = {}
    with Azurite(stack.folder, stack.folder / "azurite") as azurite:
        service = BlobServiceClient.from_connection_string(azurite.connection_string)
        for container in ("documents", "images"):
            client = service.get_container_client(container)
            for blob in client.list_blobs(include=["metadata"]):
                content = client.download_blob(blob.name).readall()
                if len(content) > PADDING:
                    continue  # of the POST that died: no job's document names it
                if container == "documents":
                    content = (json.dumps(json.loads(content), ensure_ascii=False, indent=1) + "\n").encode()
                else:
                    headers[blob.name] = {
                        "content_type": blob.content_settings.content_type, "metadata": blob.metadata,
                        "cache_control": blob.content_settings.cache_control,
                    }  # fmt: skip
                (state / container / blob.name).parent.mkdir(parents=True, exist_ok=True)
                (state / container / blob.name).write_bytes(content)
    for name in ("taskhub", "simulators"):
        with closing(sqlite3.connect(stack.folder / f"{name}.sqlite")) as database:
            if name == "simulators":
                # How the simulators behave is the business of the test that starts them again.
                database.execute("DELETE FROM kept")
            (state / f"{name}.sql").write_text("\n".join(database.iterdump()) + "\n")
    return headers


def check(recorder: Recorder, state: Path) -> None:
    """Every situation is there. What happened between the last look and the kill is seen only here."""

    def document(name: str) -> dict[str, Any]:
        return dict(json.loads((state / "documents" / name).read_text()))

    submissions = {
        name: document(f"jobs/{recorder.jobs[name]['id']}/submission-0-1.json")
        for name in recorder.jobs
        if recorder.jobs[name]["id"] and name != "goods-waiting"
    }
    wanted = {"goods-sending": "sending", "ppl-sending": "sending", "goods-lost": "lost", "ppl-lost": "lost",
              "goods-refused": "refused"}  # fmt: skip
    for name, record in submissions.items():
        assert (record["state"], record["sends"]) == (wanted.get(name, "submitted"), 1), (name, record)
    gate = document("gates/bfl.json")
    assert [holder.split("/")[0] for holder in gate["waiting"]] == [recorder.jobs["goods-waiting"]["id"]]
    assert len(gate["active"]) == int(SETTINGS["BFL_MAX_ACTIVE"])
    assert gate["paused"] is None
    assert document("gates/replicate.json")["paused"]
    for name in ("goods-died", "ppl-refused"):
        claim = document(claim_name(name))
        recorder.jobs[name]["id"] = claim["job_id"]
        assert not (state / "documents/jobs" / claim["job_id"]).exists()
    for name, job in recorder.jobs.items():
        if "said" not in job and name not in ("goods-died", "ppl-refused"):
            assert document(f"jobs/{job['id']}/job.json")["status"] == "queued"


def main() -> None:
    version = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        stack, state = Stack(Path(folder) / "stack", **SETTINGS), Path(folder) / "state"
        with stack:
            service = BlobServiceClient.from_connection_string(stack.connection_string)
            recorder = Recorder(stack, service.get_container_client("documents"))
            recorder.end_some()
            os.environ["DEVHOST_DIR"] = str(stack.folder)
            recorder.refuse_one()
            recorder.run_some()
            recorder.trouble_some()
            operate("pause")
            killed_at = recorder.die()
        headers = keep(stack, state)
        check(recorder, state)
        (state / "picture.png").write_bytes(recorder.picture)
        noted = {"version": version, "killed_at": killed_at.isoformat(), "sim_port": stack.sim_port, "settings": SETTINGS,
                 "jobs": recorder.jobs, "images": headers}  # fmt: skip
        (state / "moment.json").write_text(json.dumps(noted, ensure_ascii=False, indent=1) + "\n")
        shutil.rmtree(STATE, ignore_errors=True)
        shutil.copytree(state, STATE)


if __name__ == "__main__":
    main()
