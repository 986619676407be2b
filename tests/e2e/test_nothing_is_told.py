"""Marked words, keys, tokens, addresses and links through every part of the app at once: none of them is told anywhere.

What people send has to lie somewhere, and may, where it is for its owner or goes with the job:

- a job's own document (`jobs/<id>/job.json`): its prompt, its metadata, its `webhook_url`, until its end of days or a DELETE;
- what its owner is answered: the job with its links, and the secret that webhooks are signed with;
- what providers, the translator and the receiver of a webhook are sent: it is for them (simulators have a file of theirs);
- a producer's own message, on `generation-requests` and unchanged among poison, and the names of its blobs in `intake`;
- of a refused request, the path that it asked for and the names of fields that nobody knows: no value of any.

Everywhere else a mark is a leak: whoever runs the app, and whoever is sent its logs, would read it.
"""

import contextlib
import json
import re
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from bench.storage_operations import COUNTING
from shared.domain.queue_messages import INTAKE, POISON, REQUESTS
from simulators.translator_api import in_english
from tests import pictures
from tests.azurite import ACCOUNT
from tests.e2e.test_requests_by_queue import QUICK, collected, encoded, wait_for
from tests.e2e.test_telemetry_volume import deployed_settings
from tests.ingestion import Ingestion
from tests.operator import Operator
from tests.patience import PATIENCE
from tests.receiver import Receiver
from tests.stack import Stack
from tests.telling import told

pytestmark = pytest.mark.stack

KOREAN, ENGLISH, QUEUED, POISONED = "은하수너구리", "quokka-zephyr-4417", "wombat-meridian-08", "pangolin-quasar-55"
METADATA, FILE, KEY, HOOK, HOOK_KEY = "주문서비밀번호", "heirloom-photo-31", "retry-key-77c1", "hook-path-5d2e", "hook-query-90ab"
OWNER, OTHER = "marked-owner-token-1f8a63c07be94d25", "marked-other-token-5b0e92d4817c36fa"
KEYS = {
    "REPLICATE_API_TOKEN": "r8_marked5c01replicate9e", "BFL_API_KEY": "marked7d22blackforest4b",
    "TRANSLATOR_KEY": "marked3a90translator6f", "WEBHOOK_SIGNING_KEY": "marked8e17signing0key0of0all0webhooks2c",
}  # fmt: skip
MARKS = {
    "Korean prompt": KOREAN, "translation of it": in_english(KOREAN), "English prompt": ENGLISH, "queued request": QUEUED,
    "poison message": POISONED, "metadata": METADATA, "name of a file": FILE, "Idempotency-Key": KEY,
    "path of a webhook_url": HOOK, "query of a webhook_url": HOOK_KEY, "owner token": OWNER, "another owner's token": OTHER,
    **KEYS,
}  # fmt: skip
#: Words in a prompt at which a stand-in refuses, and repeats all that it knows.
REFUSED, AWAY = "refuse-this-one", "translator-away"
#: What a stand-in says then.
ECHO = f"not with {KOREAN}, {ENGLISH}, {in_english(KOREAN)}, {' '.join(KEYS.values())}, https://x.example/{HOOK}?sig=0123456789abcdef"
PAIR = ("input_image_1", "input_image_2")
IMAGE = pictures.photo_jpeg(300, 300)
#: Everything that is told of what was done here; a mark could hide in any of them.
EVENTS = (
    "job_accepted", "problem", "cancel_requested", "job_deleted", "job_forgotten", "webhook_received", "webhook_refused",
    "translation_failed", "intake_refused", "intake_failed", "submit_refused", "image_link_failed", "poll_trouble",
    "prediction_failed", "prediction_canceled", "stored", "delivery_failed", "delivery_ended", "webhook_secret_rotated",
    "job_ended",
)  # fmt: skip
PLACES = ("log", "telemetry", "history", "refusals", "queue", "names", "documents", "jobs' documents")
#: Of a job, in its own document.
CONTENT = {
    "Korean prompt", "translation of it", "English prompt", "metadata", "path of a webhook_url", "query of a webhook_url",
    "queued request",
}  # fmt: skip
_HUB = ("instances", "history", "inbox", "work")
#: Names in Azurite's access log, without what a link is signed with.
_ASKED = re.compile(rf'"[A-Z]+ /{ACCOUNT}/([^\s?]*)')


def images_of(fields: Iterable[str]) -> dict[str, tuple[str, bytes]]:
    return dict.fromkeys(fields, (f"{FILE}.jpg", IMAGE))


class Run:
    """One stack, everything on it that people can do, and what it said by the end: `said`, by place."""

    def __init__(self, folder: Path) -> None:
        self.secrets = dict(MARKS)
        self.said: dict[str, list[tuple[str, str | bytes]]] = {place: [] for place in PLACES}
        self.jobs: dict[str, tuple[str | None, dict[str, Any]]] = {}
        with Receiver(500, 204) as self.receiver, Ingestion() as door:
            settings = {**QUICK, **KEYS, **deployed_settings(), **door.settings, **COUNTING}
            self.stack = Stack(folder, **settings, IMAGES_BY_LINK="true", WEBHOOK_EXTRA_HOSTS=self.receiver.host)
            # All of them, not some of each second.
            self.stack.settings |= {
                "PUBLIC_BASE_URL": self.stack.url,
                "TRANSLATOR_ENDPOINT": f"{self.stack.simulators}/translator",
                "OTEL_TRACES_SAMPLER": "always_on",
            }
            with self.stack:
                self._prepare()
                self._ask_by_queue()
                self._ask()
                self._be_refused()
                self._read()
                self._hear_by_queue()
                self._look()
                self._delete()
            self.events = {item.said for item in door.items}
            self.said["telemetry"] = [(item.type, json.dumps(item.record, ensure_ascii=False)) for item in door.items]
        self._look_at_files()

    # ---- what people do ----

    def _prepare(self) -> None:
        refusal = {"detail": [{"loc": ["body", "prompt"], "msg": ECHO, "type": "value_error", "input": ECHO}]}
        self.stack.configure(
            replicate={"delay_seconds": 0.5, "keys": [KEYS["REPLICATE_API_TOKEN"]]},
            bfl={"delay_seconds": 0.5, "max_active": 64, "keys": [KEYS["BFL_API_KEY"]], "faults": [
                {"on": "create", "kind": "status", "status": 422, "json": refusal, "match": REFUSED},
                {"on": "poll", "kind": "status", "status": 500, "text": ECHO, "times": 1},
                {"on": "fetch", "kind": "unfetchable", "times": 1},
            ]},
            translator={"keys": [KEYS["TRANSLATOR_KEY"]], "faults": [
                {"on": "translate", "kind": "status", "status": 400, "text": ECHO, "match": AWAY},
            ]},
        )  # fmt: skip

    def _blobs(self) -> BlobServiceClient:
        return BlobServiceClient.from_connection_string(self.stack.connection_string)

    def _queues(self) -> QueueServiceClient:
        port = json.loads((self.stack.folder / "azurite.json").read_text())["queue"]
        return QueueServiceClient.from_connection_string(
            f"{self.stack.connection_string}QueueEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
        )

    def _send(
        self, method: str, path: str, owner: str | None, headers: dict[str, str] | None = None, **how: Any
    ) -> requests.Response:
        named = {} if owner is None else {"X-Owner-Token": owner}
        return requests.request(
            method,
            f"{self.stack.url}/api/{path}",
            headers={**named, **(headers or {})},
            timeout=PATIENCE,
            allow_redirects=False,
            **how,
        )

    def _post(
        self, name: str, route: str, owner: str | None, headers: dict[str, str] | None = None, *,
        images: tuple[str, ...] = ("input_image",), **fields: Any,
    ) -> dict[str, Any]:  # fmt: skip
        answer = self._send("POST", route, owner, headers, data=fields, files=images_of(images))
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        self.jobs[name] = owner, job
        return job

    def _ask_by_queue(self) -> None:
        asked = {
            "kind": "goods", "key": QUEUED, "correlation_id": "row-17",
            "request": {"prompt": f"{KOREAN} {QUEUED}", "input_image": f"{QUEUED}/{FILE}.png", "metadata": {METADATA: METADATA}},
        }  # fmt: skip
        missing = {"seed": QUEUED, "input_image": f"{QUEUED}/none.png"}
        wrong = {**asked, "key": f"{QUEUED}-2", "correlation_id": "row-18", "request": missing}
        with self._blobs() as blobs, self._queues() as queues:
            blobs.create_container(INTAKE).upload_blob(f"{QUEUED}/{FILE}.png", pictures.png_with_alpha(400, 500))
            requested = queues.get_queue_client(REQUESTS)
            # Of one request, of the same again, of one with mistakes; then what is none, and what is not in base64.
            for content in (encoded(asked), encoded(asked), encoded(wrong), encoded(f"{POISONED} {KOREAN}"), POISONED):
                requested.send_message(content)

    def _ask(self) -> None:
        hook = f"{self.receiver.url}/{HOOK}?key={HOOK_KEY}"
        metadata = json.dumps({METADATA: METADATA}, ensure_ascii=False)
        never = self._post("canceled", "ppl-gen/generate", OWNER, images=PAIR, prompt=f"{ENGLISH} [[never]]")
        self._post(
            "ppl", "ppl-gen/generate", OWNER, {"Idempotency-Key": KEY}, images=PAIR, prompt=f"웃는 {KOREAN}", webhook_url=hook,
            metadata=metadata,
        )  # fmt: skip
        self._post("goods", "goods-gen/generate", OTHER, prompt=ENGLISH, preset="mug", n=2, label="visible", webhook_url=hook)
        self._post("sheet", "goods-gen/sheet", OWNER, presets="mug,tshirt", prompt=KOREAN, metadata=metadata)
        self._post("away", "goods-gen/generate", OWNER, prompt=f"{KOREAN} {AWAY}")
        self._post("refused", "goods-gen/generate", OWNER, prompt=f"{ENGLISH} {REFUSED}")
        self._post("moderated", "goods-gen/generate", OWNER, prompt=f"{ENGLISH} [[moderated]]")
        self._post("nobody's", "goods-gen/generate", None, prompt=ENGLISH, seed=7)
        wait_for(lambda: self._now("canceled")["stage"] == "generating")
        assert self._send("POST", f"jobs/{never['id']}/cancel", OWNER).status_code == 202
        for path, method in (("webhooks/secret", "GET"), ("webhooks/secret/rotate", "POST")):
            secret = self._send(method, path, OWNER).json()["secret"]
            self.secrets[f"{method} {path}"] = secret.removeprefix("whsec_")
        translated = self._send("POST", "goods-gen/translate", OWNER, json={"prompt": KOREAN})
        assert (translated.status_code, in_english(KOREAN) in translated.text) == (200, True)

    def _be_refused(self) -> None:
        ours, theirs = self.jobs["ppl"][1]["id"], self.jobs["goods"][1]["id"]
        choices = ("aspect_ratio", "output_format", "safety_tolerance", "seed", "n", "preset", "language", "label")
        good, poor = {"prompt": ENGLISH}, {
            **dict.fromkeys(choices, ENGLISH), "prompt": KOREAN * 500, "metadata": json.dumps({METADATA: [METADATA]}),
            "webhook_url": f"http://10.0.0.1/{HOOK}",
        }  # fmt: skip
        image: dict[str, Any] = {"files": images_of(["input_image"])}
        text: dict[str, Any] = {"files": {"input_image": (f"{FILE}.jpg", ENGLISH.encode())}}
        for method, path, owner, headers, how in (
            ("POST", "goods-gen/generate", OWNER, {}, {"data": poor, **image}),
            ("POST", "goods-gen/generate", OWNER, {"Accept-Language": "en"}, {"data": poor, **image}),
            ("POST", "goods-gen/sheet", OWNER, {}, {"data": {**poor, "presets": f"mug,{ENGLISH}"}, **image}),
            ("POST", "goods-gen/generate", OWNER, {}, {"data": {**good, "model": ENGLISH}, **image}),
            ("POST", "goods-gen/generate", OWNER, {}, {"data": good, **text}),
            ("POST", "goods-gen/generate", OWNER, {}, {"data": {**good, "input_image": f"job:{theirs}/0{KEY}"}}),
            ("POST", "goods-gen/generate", OWNER, {}, {"data": {**good, "input_image": f"https://x.example/{HOOK}?sig={HOOK_KEY}"}}),
            ("POST", "goods-gen/generate", OWNER, {}, {"json": {**good, "metadata": METADATA}}),
            ("POST", "goods-gen/generate", None, {}, {"data": {**good, "webhook_url": f"{self.receiver.url}/{HOOK}"}, **image}),
            ("POST", "goods-gen/generate", f"{OWNER} and more", {}, {"data": good, **image}),
            ("POST", "goods-gen/generate", OWNER, {"Idempotency-Key": KEY * 20}, {"data": good, **image}),
            ("POST", "ppl-gen/generate", OWNER, {"Idempotency-Key": KEY}, {"data": good, "files": images_of(PAIR)}),
            ("POST", "goods-gen/translate", OWNER, {}, {"data": f'{{"prompt": "{KOREAN}'.encode()}),
            ("POST", "goods-gen/translate", OWNER, {}, {"json": {"prompt": KOREAN * 500}}),
            ("POST", "goods-gen/translate", OWNER, {}, {"json": {"prompt": f"{KOREAN} {AWAY}"}}),
            ("GET", f"jobs?cursor={ENGLISH}&kind={ENGLISH}&limit={ENGLISH}", OWNER, {}, {}),
            ("GET", f"usage?from={ENGLISH}", OWNER, {}, {}),
            ("POST", "jobs/claim", OTHER, {}, {"json": {"ids": ENGLISH}}),
            ("GET", f"jobs/{ours}", OTHER, {}, {}),
            ("GET", f"jobs/{ours}?wait={ENGLISH}", OWNER, {}, {}),
            ("GET", f"jobs/{ours}/result?sig={HOOK_KEY}", None, {}, {}),
            ("POST", f"jobs/{ours}/cancel", OTHER, {}, {}),
            ("POST", f"jobs/{ours}/retry", OTHER, {}, {}),
            ("POST", f"jobs/{ours}/retry", OWNER, {}, {"json": {"seed": ENGLISH}}),
            ("DELETE", f"jobs/{ours}", OTHER, {}, {}),
            ("PUT", "jobs", OWNER, {}, {"data": ENGLISH}),
            ("GET", f"nothing-here?code={KEYS['BFL_API_KEY']}&sig={HOOK_KEY}", OWNER, {}, {}),
            ("POST", "webhooks/replicate", None, {"webhook-id": ENGLISH, "webhook-signature": f"v1,{KEY}"}, {"data": ENGLISH}),
        ):  # fmt: skip
            answer = self._send(method, path, owner, headers, **how)
            where = f"{answer.status_code} of {method} {path}"
            assert answer.status_code >= 400, f"{where}: {answer.text}"
            assert answer.status_code != 500, f"{where}: {answer.text}"
            self.said["refusals"] += [(where, answer.content), (where, str(answer.headers))]

    def _read(self) -> None:
        """All that an owner can look at, when there is something to be seen."""
        wait_for(lambda: all(self._now(name)["completed_at"] for name in self.jobs))
        again = self._send("POST", f"jobs/{self.jobs['goods'][1]['id']}/retry?seed=new", OTHER)
        assert again.status_code == 202, again.text
        self.jobs["again"] = OTHER, again.json()
        wait_for(lambda: self._now("again")["completed_at"])
        for name, (owner, job) in self.jobs.items():
            ended = self._now(name)
            self.jobs[name] = owner, ended
            self._learn(ended)
            said = {"error": ended["error"], "deliveries": ended["deliveries"], "warnings": ended["warnings"]}
            self.said["refusals"].append((f"the end of {name}", json.dumps(said, ensure_ascii=False)))
            moved = self._send("GET", f"jobs/{job['id']}/result", owner)
            self._learn(moved.headers.get("Location", ""))
            assert (moved.status_code == 302) == bool(ended["outputs"])
            self.said["refusals"] += [("no result", moved.content)] if moved.status_code != 302 else []
        for path in ("jobs?limit=2", "jobs?kind=goods&status=succeeded&preset=mug", "usage"):
            answer = self._send("GET", path, OTHER)
            assert answer.json()["data"], path
            self._learn(answer.json())
        replayed = self._send(
            "POST", "ppl-gen/generate", OWNER, {"Idempotency-Key": KEY}, data={
                "prompt": f"웃는 {KOREAN}", "webhook_url": f"{self.receiver.url}/{HOOK}?key={HOOK_KEY}",
                "metadata": json.dumps({METADATA: METADATA}, ensure_ascii=False),
            }, files=images_of(PAIR),
        )  # fmt: skip
        assert replayed.headers["Idempotent-Replayed"] == "true"

    def _hear_by_queue(self) -> None:
        with self._queues() as queues:
            heard = collected(queues, lambda found: len(found) == 4)
            poison = queues.get_queue_client(POISON)
            wait_for(lambda: poison.get_queue_properties().approximate_message_count == 2)
        self.said["queue"] += [("a result", json.dumps(message, ensure_ascii=False)) for message in heard]
        (job_id,) = {message["id"] for message in heard} - {None}
        self.jobs["queued"] = None, {"id": job_id}
        self.jobs["queued"] = None, self._now("queued")
        report = Operator(self.stack)("intake")
        assert len(re.findall("it is no", report.out)) == 2, report.out
        self.said["queue"] += [("ops intake", report.out), ("ops intake, errors", report.err)]

    def _now(self, name: str) -> dict[str, Any]:
        owner, job = self.jobs[name]
        return dict(self._send("GET", f"jobs/{job['id']}", owner).json())

    def _learn(self, told: Any) -> None:
        """The signatures of links that were handed out: whoever knows one opens the picture."""
        if isinstance(told, dict | list):
            for one in told.values() if isinstance(told, dict) else told:
                self._learn(one)
        elif isinstance(told, str) and "sig=" in told:
            (signature,) = parse_qs(urlsplit(told).query)["sig"]
            self.secrets[f"signature {signature[:4]}... of a link"] = signature

    def _delete(self) -> None:
        for owner, job in self.jobs.values():
            assert self._send("DELETE", f"jobs/{job['id']}", owner).status_code == 204
        ends = time.monotonic() + PATIENCE
        while (left := self._left()) and time.monotonic() < ends:
            time.sleep(0.3)
        self.left = left
        self.remaining = self._documents()

    # ---- what was said ----

    def _look(self) -> None:
        """When all stories have ended: what they leave."""
        wait_for(lambda: not self._rows("select id from instances where status not in ('Completed', 'Failed', 'Terminated')"))
        for (table,) in self._rows("select name from sqlite_master where type = 'table' and name not like 'sqlite%'"):
            self.said["history"] += [(table, repr(row)) for row in self._rows(f"select * from {table}")]  # noqa: S608 - its own names
        documents = self._documents()
        for one in documents.items():
            self.said["jobs' documents" if one[0].endswith("/job.json") else "documents"].append(one)
        with self._blobs() as blobs:
            for container in blobs.list_containers():
                if container.name != INTAKE:
                    listed = blobs.get_container_client(container.name).list_blobs(include=["metadata"])
                    self.said["names"] += [(blob.name, f"{blob.name} {blob.metadata}") for blob in listed]

    def _look_at_files(self) -> None:
        for file in self.stack.folder.iterdir():
            # Storage's own log tells its names, and links as they were asked for.
            if file.suffix in (".log", ".json") and file.name != "azurite.log":
                self.said["log"].append((file.name, file.read_bytes()))
            # Also what was overwritten.
            if file.name.startswith("taskhub.sqlite"):
                self.said["history"].append((file.name, file.read_bytes()))
        # Also names of what is gone: each that storage was asked for.
        asked = set(_ASKED.findall((self.stack.folder / "azurite.log").read_text()))
        self.said["names"] += [("asked for in storage", name) for name in asked if not name.startswith(f"{INTAKE}/")]

    def _rows(self, query: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(f"file:{self.stack.folder / 'taskhub.sqlite'}?mode=ro", uri=True)) as hub:
            return hub.execute(query).fetchall()

    def _documents(self) -> dict[str, bytes]:
        with self._blobs() as service:
            documents = service.get_container_client("documents")
            return {name: documents.download_blob(name).readall() for name in list(documents.list_blob_names())}

    def _left(self) -> list[str]:
        """Of jobs: images, documents, rows of lists, and rows of the task hub."""
        with self._blobs() as service:
            images = [f"images/{name}" for name in service.get_container_client("images").list_blob_names()]
            names = list(service.get_container_client("documents").list_blob_names())
        documents = [name for name in names if name.startswith(("jobs/", "index/", "deleted/", "predictions/", "webhooks-due/"))]
        rows = [f"{table}: {row}" for table in _HUB for row in self._rows(f"select * from {table}")]  # noqa: S608 - its own names
        return [*images, *documents, *rows]

    def marks_in(self, place: str) -> dict[str, set[str]]:
        return {where[:120]: found for where, said in self.said[place] if (found := self._marks(said))}

    def _marks(self, said: str | bytes) -> set[str]:
        whole = said.encode() if isinstance(said, str) else said
        found = {"a signature"} if b"sig=" in whole or b"sig%3d" in whole.lower() else set()
        # Parts of a length that is searched as a whole, each with the end of the one before.
        for start in range(0, len(whole), 50_000):
            found |= told(whole[max(0, start - 500) : start + 50_000], self.secrets)
        return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("marks"))


def test_the_marks_went_everywhere_where_they_may(run: Run) -> None:
    """Otherwise nothing would be shown by their being nowhere else."""
    assert {name: job["status"] for name, (_, job) in run.jobs.items()} == {
        "canceled": "canceled", "ppl": "succeeded", "goods": "succeeded", "sheet": "succeeded", "away": "succeeded",
        "refused": "failed", "moderated": "failed", "nobody's": "succeeded", "again": "succeeded", "queued": "succeeded",
    }  # fmt: skip
    assert run.jobs["ppl"][1]["input"]["prompt_sent"] == f"smiling {in_english(KOREAN)}"
    assert [warning["code"] for warning in run.jobs["away"][1]["warnings"]] == ["prompt_not_translated"]
    assert {call.path for call in run.receiver.calls} == {f"/{HOOK}?key={HOOK_KEY}"}
    assert len(run.receiver.calls) == 4, "two were told, one of them twice, and what was made again"
    assert set().union(*run.marks_in("jobs' documents").values()) == CONTENT
    assert len([name for name in run.secrets if name.startswith("signature")]) > 10
    assert {event for event in EVENTS if event not in run.events} == set()
    assert all(run.said[place] for place in PLACES)


@pytest.mark.parametrize("place", PLACES)
def test_no_mark_is_told(run: Run, place: str) -> None:
    content = CONTENT if place == "jobs' documents" else set()
    assert {where: left for where, found in run.marks_in(place).items() if (left := found - content)} == {}


def test_nothing_is_left_of_deleted_jobs_but_the_words_that_their_keys_are_gone(run: Run) -> None:
    assert run.left == []
    ids = {name: job["id"].removeprefix("job_") for name, (_, job) in run.jobs.items()}
    keys = [json.loads(said) for name, said in run.remaining.items() if name.startswith("idempotency")]
    assert [key for key in keys if not key.get("deleted")] == []
    assert len(keys) == 2
    assert {name: found for name, said in run.remaining.items() if (found := told(name.encode() + said, run.secrets | ids))} == {}
