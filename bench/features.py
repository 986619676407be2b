"""`python -m bench.features [--record]`: the storage operations of one job without and with each thing that a job may ask for.

As bench.storage_operations counts, on three stacks: one where nothing is set up, and one for each kind where everything is. Each
row is one job from its POST (without an Idempotency-Key) or its message until nothing of it goes on, and one GET. What looks add
depends on the time that the machine has, so steps are told without them: a look is one activity and one timer.
"""

import argparse
import base64
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import requests
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from bench.record import record
from bench.storage_operations import COUNTING, count_blob_operations, count_steps
from shared.domain.kinds import KINDS
from shared.domain.queue_messages import INTAKE, REQUESTS
from tests import pictures
from tests.azurite import ACCOUNT
from tests.receiver import Receiver
from tests.stack import Stack

#: The former release, counted by its own bench.storage_operations on 2026-11-27: (kind, blob operations, activities, timers).
FORMER = "f5e8a60"
BEFORE: dict[str, dict[str, dict[str, int]]] = {
    "goods": {
        "blobs": {"blob write": 10, "blob read": 2, "blob delete": 1},
        "steps": {"instance": 1, "activity": 7, "timer": 4},
    },
    "ppl": {
        "blobs": {"blob write": 13, "blob read": 2, "blob delete": 2},
        "steps": {"instance": 1, "activity": 9, "timer": 5},
    },
}
#: What is asked for, in the order of the table: fields of the form.
ASKED: dict[str, dict[str, str]] = {
    "an owner token": {}, "a Korean prompt, translated": {"prompt": "영웅이 마신다"}, "a visible label": {"label": "visible"},
    "a webhook_url, with a token": {}, "a message in the queue": {},
}  # fmt: skip
OFF, SET_UP = "off", "set up, not asked for"
_QUEUES = ("/generation-requests", "/generation-results")
_OWNER = "bench-owner-token-of-forty-three-characters"
_IMAGE = pictures.photo_jpeg(800, 800)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.features", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--record", action="store_true", help="keep the figures for the documentation")
    is_recorded = parser.parse_args().record
    with ThreadPoolExecutor(3) as pool:
        bare = pool.submit(_bare)
        full = {kind: pool.submit(_full, kind) for kind in KINDS}
        measured = {kind: {OFF: bare.result()[kind], **full[kind].result()} for kind in KINDS}
    if is_recorded:
        record("features", measured)
    for kind, rows in measured.items():
        for what, row in {f"before ({FORMER})": BEFORE[kind], **rows}.items():
            print(f"{kind:6} {what:30} {dict(row['blobs'])} {dict(row['steps'])} {row.get('queue', 0)}")
    return 0


def _bare() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), **COUNTING) as stack:
        counted = {}
        for kind in KINDS:
            _warm(stack, kind)
            counted[kind] = _count(stack, partial(_posted, stack, kind))
        return counted


def _full(kind: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, Receiver() as receiver:
        stack = Stack(
            Path(folder), **COUNTING, INTAKE_QUEUE="true", TRANSLATOR_KEY="simulated", WEBHOOK_SIGNING_KEY="k" * 32,
            WEBHOOK_EXTRA_HOSTS=receiver.host, AzureFunctionsJobHost__extensions__queues__maxPollingInterval="00:00:00.3",
        )  # fmt: skip
        stack.settings["TRANSLATOR_ENDPOINT"] = f"{stack.simulators}/translator"
        with stack:
            _warm(stack, kind)
            counted = {SET_UP: _count(stack, lambda: _posted(stack, kind))}
            for what, fields in ASKED.items():
                asked, token = dict(fields), _OWNER if "token" in what else None
                if "webhook_url" in what:
                    asked["webhook_url"] = f"{receiver.url}/hook"
                post = _by_queue if "queue" in what else _posted
                counted[what] = _count(stack, partial(post, stack, kind, asked, token))
            assert len(receiver.calls) == 1, receiver.calls
            return counted


def _warm(stack: Stack, kind: str) -> None:
    """The gate knows then how long a picture takes."""
    stack.configure(bfl={"delay_seconds": 12}, replicate={"delay_seconds": 15})
    stack.ended(_posted(stack, kind))


def _posted(stack: Stack, kind: str, fields: dict[str, str] | None = None, token: str | None = None) -> str:
    headers = {"X-Owner-Token": token} if token else {}
    post = stack.goods if kind == "goods" else partial(stack.ppl, _IMAGE)
    answer = post(_IMAGE, headers, **{"prompt": "hero drinks it", **(fields or {})})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def _by_queue(stack: Stack, kind: str, fields: dict[str, str], token: str | None = None) -> str:
    """What the producer does, with blob and message, is no operation of the app's: it is not in the log's part that counts."""
    port = json.loads((stack.folder / "azurite.json").read_text())["queue"]
    address = f"{stack.connection_string}QueueEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
    with BlobServiceClient.from_connection_string(address) as blobs, QueueServiceClient.from_connection_string(address) as queues:
        container = blobs.get_container_client(INTAKE)
        if not container.exists():
            container.create_container()
        container.upload_blob("hero.jpg", _IMAGE, overwrite=True)
        known = _instances(stack)
        names = dict.fromkeys(KINDS[kind].images, "hero.jpg")
        message = {"kind": kind, "request": {"prompt": "hero drinks it", **fields, **names}}
        queues.get_queue_client(REQUESTS).send_message(base64.b64encode(json.dumps(message).encode()).decode())
        while not (new := [name for name in _instances(stack) - known if name.startswith("job_")]):
            time.sleep(0.2)
    return new[0]


def _instances(stack: Stack) -> set[str]:
    return {one["instanceId"] for one in requests.get(f"{stack.url}/runtime/webhooks/durabletask/instances", timeout=20).json()}


def _count(stack: Stack, post: Callable[[], str]) -> dict[str, Any]:
    hub, log = f"{stack.url}/runtime/webhooks/durabletask/instances", stack.folder / "azurite.log"
    # The end of the job before is over, and what was seen of the gate is old.
    time.sleep(2.5)
    before, known = log.stat().st_size, _instances(stack)
    job_id = post()
    # The task hub is asked, not the app: looking would be counted. What tells others of the end comes after it.
    is_quiet = 0
    while is_quiet < 3:  # noqa: PLR2004
        time.sleep(0.5)
        new = _instances(stack) - known
        goes_on = [one for one in new if requests.get(f"{hub}/{one}", timeout=20).status_code == 202]  # noqa: PLR2004
        is_quiet = 0 if goes_on else is_quiet + 1
    document = stack.client(owner_token=_OWNER).get(job_id)
    assert document["status"] == "succeeded", document
    time.sleep(0.5)
    with log.open() as lines:
        lines.seek(before)
        told = lines.readlines()
    steps: Counter[str] = Counter()
    for one in new:
        history = requests.get(f"{hub}/{one}", params={"showHistory": "true"}, timeout=20).json()["historyEvents"]
        steps += count_steps(history)
    of_queues = [line for line in told if any(name in line for name in _QUEUES)]
    theirs = [line for line in told if f"/{ACCOUNT}/{INTAKE}" in line and ('"PUT' in line or "restype" in line)]
    own = [line for line in told if line not in of_queues and line not in theirs]
    # Of polls that find nothing an idle app has as many.
    queue = sum('"POST ' in line or '"DELETE ' in line for line in of_queues)
    return {"blobs": count_blob_operations("".join(own)), "steps": steps, "queue": queue}


if __name__ == "__main__":
    sys.exit(main())
