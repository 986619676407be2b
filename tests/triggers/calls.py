"""The HTTP functions called as the worker calls them, and a task hub that keeps what was asked of it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import requests
from azure.durable_functions.models.PurgeHistoryResult import PurgeHistoryResult
from azure.functions.http import HttpRequest

from activities import finish_job
from shared.storage.image_names import output_name, thumbnail_name
from tests import pictures
from tests.fakes import NO_INSTANCE, fake_settings, images_of, instance_status
from triggers import generate, jobs

RUNTIME = df.OrchestrationRuntimeStatus
IMAGE = pictures.photo_jpeg(300, 300)
_GOING_ON = ("Pending", "Running", "Suspended", "ContinuedAsNew")


def Status(runtime: df.OrchestrationRuntimeStatus, custom_status: Any = None, output: Any = None) -> Any:
    return instance_status(runtime.value, custom_status, output)


class HubAway(Exception):
    """What the durable client raises, whatever it is."""


class FakeHub:
    """A durable client and its task hub. `statuses` are the instances; the lists tell what was asked."""

    def __init__(self) -> None:
        self.statuses: dict[str, Any] = {}
        self.started: list[tuple[str, str, dict[str, Any]]] = []
        self.raised: list[tuple[str, str]] = []
        self.resumed: list[str] = []
        self.terminated: list[str] = []
        self.purged: list[str] = []
        #: What an instance is as soon as it is started.
        self.on_start = Status(RUNTIME.Running)
        #: What happens to it then, by its id.
        self.then: Callable[[str], object] = lambda instance_id: None
        #: Methods that raise; `lost` ones do their work first.
        self.away: set[str] = set()
        self.lost: set[str] = set()

    def is_away(self, *methods: str) -> None:
        """From now on nothing is answered, or only these are not."""
        self.away = set(methods or ("start_new", "get_status", "raise_event", "resume", "terminate", "purge_instance_history"))

    def is_back(self) -> None:
        self.away, self.lost = set(), set()

    @property
    def started_jobs(self) -> list[str]:
        return [instance for name, instance, _ in self.started if name == "generate_job"]

    async def start_new(self, name: str, instance_id: str, client_input: dict[str, Any]) -> str:
        self._answer("start_new")
        if self._runs(instance_id):
            raise RuntimeError("An Orchestration instance with the status Running already exists.")
        self.started.append((name, instance_id, json.loads(json.dumps(client_input))))
        self.statuses[instance_id] = self.on_start
        self.then(instance_id)
        self._lose("start_new")
        return instance_id

    async def get_status(self, instance_id: str) -> Any:
        self._answer("get_status")
        return self.statuses.get(instance_id, NO_INSTANCE)

    async def raise_event(self, instance_id: str, name: str, data: Any) -> None:
        self._answer("raise_event")
        if not self._runs(instance_id):
            raise RuntimeError("404 or 410")
        self.raised.append((instance_id, name))

    async def resume(self, instance_id: str, reason: str) -> None:
        self._answer("resume")
        self.resumed.append(instance_id)
        self.statuses[instance_id] = Status(RUNTIME.Running)

    async def terminate(self, instance_id: str, reason: str) -> None:
        self._answer("terminate")
        if instance_id not in self.statuses:
            raise RuntimeError("404")
        self.terminated.append(instance_id)

    async def purge_instance_history(self, instance_id: str) -> Any:
        self._answer("purge_instance_history")
        if self._runs(instance_id):
            raise RuntimeError("unexpected status code 412")
        self.purged.append(instance_id)
        return PurgeHistoryResult(int(self.statuses.pop(instance_id, None) is not None))

    async def purge_instance_history_by(self, since: datetime, until: datetime, states: Any) -> Any:
        return PurgeHistoryResult(0)

    async def get_status_by(self, since: datetime, until: datetime, states: Any) -> list[Any]:
        wanted = {state.name for state in states}
        found = []
        for instance, status in self.statuses.items():
            if status.runtime_status.name in wanted:
                status._instance_id = instance
                found.append(status)
        return found

    def _runs(self, instance_id: str) -> bool:
        status = self.statuses.get(instance_id)
        return status is not None and bool(status) and status.runtime_status.name in _GOING_ON

    def _answer(self, method: str) -> None:
        if method in self.away:
            raise HubAway(method)

    def _lose(self, method: str) -> None:
        if method in self.lost:
            raise HubAway(f"{method}: the answer was lost")


class Clock:
    """The real time, moved on by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._stands_at: datetime | None = None

    def __call__(self) -> datetime:
        return (self._stands_at or datetime.now(UTC)) + self.ahead

    def stand_still(self) -> None:
        """Only pass_by moves it from now on, however slow the machine is."""
        self._stands_at = datetime.now(UTC)

    def pass_by(self, **length: float) -> None:
        self.ahead += timedelta(**length)


def settings(app: Any, **values: str) -> None:
    app.settings = fake_settings(**values)


def request(
    method: str = "GET", path: str = "/api/jobs", *, headers: dict[str, str] | None = None, params: dict[str, str] | None = None,
    route: dict[str, str] | None = None, body: bytes = b"",
) -> HttpRequest:  # fmt: skip
    return HttpRequest(
        method, f"https://app.example{path}", headers={k.lower(): v for k, v in (headers or {}).items()}, params=params or {},
        route_params=route or {}, body_type="bytes", body=body,
    )  # fmt: skip


def form(fields: dict[str, str], files: dict[str, bytes], headers: dict[str, str] | None = None) -> HttpRequest:
    prepared = requests.Request("POST", "http://x", data=fields, files={n: (n, d) for n, d in files.items()}).prepare()
    sent = {"Content-Type": prepared.headers["Content-Type"], **(headers or {})}
    return request("POST", "/api/goods-gen/generate", headers=sent, body=prepared.body)


def user(function: Any) -> Any:
    """The function behind the SDK's decorators, where it has a durable client."""
    return function._function.get_user_function().__wrapped__


def raw(function: Any) -> Any:
    """The same where it has none."""
    return function._function.get_user_function()


def body(answer: func.HttpResponse) -> dict[str, Any]:
    return dict(json.loads(answer.get_body()))


async def post(hub: FakeHub, fields: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> func.HttpResponse:
    sent = form({"prompt": "a mug", **(fields or {})}, {"input_image": IMAGE}, headers)
    return await user(generate.BY_KIND["goods"])(req=sent, client=hub)


async def new_job(hub: FakeHub, **fields: str) -> str:
    """The id of a job that was accepted."""
    answer = await post(hub, fields)
    assert answer.status_code == 202, body(answer)
    return str(body(answer)["id"])


async def get(hub: FakeHub, job_id: str, **kwargs: Any) -> func.HttpResponse:
    return await user(jobs.get_job)(req=request(route={"id": job_id}, **kwargs), client=hub)


async def result(hub: FakeHub, job_id: str, **params: str) -> func.HttpResponse:
    return await user(jobs.get_job_result)(req=request(route={"id": job_id}, params=params), client=hub)


async def cancel(hub: FakeHub, job_id: str) -> func.HttpResponse:
    return await user(jobs.cancel_job)(req=request("POST", route={"id": job_id}), client=hub)


async def delete(hub: FakeHub, job_id: str) -> func.HttpResponse:
    return await user(jobs.delete_job)(req=request("DELETE", route={"id": job_id}), client=hub)


def output(job_id: str, index: int = 0) -> dict[str, Any]:
    return {
        "index": index, "blob": output_name(job_id, index, "png"), "thumbnail_blob": thumbnail_name(job_id, index),
        "content_type": "image/png", "width": 10, "height": 10, "bytes": 3, "sha256": "0", "seed": 1, "preset": None,
    }  # fmt: skip


def sends(*states: str) -> list[dict[str, Any]]:
    """One attempt's sends, as they are stored."""
    return [{"generator": "fake", "attempt": 1, "state": state} for state in states]


def picture(index: int = 0, state: str = "stored", owes: tuple[str, ...] = ("paid",), **changes: Any) -> dict[str, Any]:
    """A picture's end, as its story tells it."""
    return {
        "index": index, "state": state, "output": None, "problem": None, "sends": sends(*owes), "generator": "fake",
        "fallback_used": False, "looks": 4, "submitted_at": None, "ready_at": None, "progress": 60, "is_watched": False,
        **changes,
    }  # fmt: skip


def finish(app: Any, hub: FakeHub, job_id: str, *ends: dict[str, Any], problem: Any = None) -> None:
    """End a job as its last step does, with these pictures (one that succeeded), and its orchestration."""
    told = list(ends or ([] if problem else [picture()]))
    for end in told:
        if end["state"] == "stored":
            end["output"] = output(job_id, end["index"])
            app.blobs.put_image(end["output"]["blob"], b"png", "image/png")
            app.blobs.put_image(end["output"]["thumbnail_blob"], b"jpg", "image/jpeg")
    started_at = app.now().isoformat()
    order = {"job_id": job_id, "traceparent": None, "started_at": started_at, "pictures": told, "problem": problem}
    finish_job.finish(app, order)  # type: ignore[arg-type]
    is_watched = any(end["is_watched"] for end in told)
    hub.statuses[job_id] = Status(RUNTIME.Running, {"job_ended": True}) if is_watched else Status(RUNTIME.Completed)


def finish_before(app: Any, job_id: str, **changes: Any) -> None:
    """End a job with a document as the former version wrote it: no pictures, no starts, nothing of what is settled."""
    now = app.now()
    made = {**output(job_id), "blob": f"{job_id}/output/0.png", "thumbnail_blob": f"{job_id}/thumbnail/0.jpg"}
    ended = {
        "status": "succeeded", "completed_at": now.isoformat(), "started_at": now.isoformat(), "attempts": 1,
        "expires_at": (now + timedelta(days=30)).isoformat(), "outputs": [made],
        "usage": {"cost_usd": 0.08, "estimated": True}, **changes,
    }  # fmt: skip
    gained = ("pictures", "starts", "deleted_at", "started_again_at")
    app.jobs.update(job_id, lambda job: {k: v for k, v in job.items() if k not in gained} | ended)
    app.blobs.put_image(made["blob"], b"png", "image/png")


def record(app: Any, job_id: str, state: str, *states: str, index: int = 0, **fields: Any) -> None:
    """A submission on record, as the activity leaves it."""
    now = app.now().isoformat()
    document = {
        "generator": "fake", "first_sent_at": now, "sent_at": now, "call": 1, "state": state, "send_states": list(states),
        "sends": len(states), "possible_duplicate": False, **fields,
    }  # fmt: skip
    app.blobs.create_document(f"jobs/{job_id}/submission-{index}-1.json", document)


def left_of(app: Any, job_id: str) -> set[str]:
    """Everything in storage that bears the job's id in its name, or is the job's under another one."""
    named = {name for name in app.blobs.documents if job_id in name} | set(images_of(app.blobs.images, job_id))
    return named | {name for name, (document, _) in app.blobs.documents.items() if document.get("job_id") == job_id}
