"""Those who use the app, and those who operate it: what they do is the plan's, how they do it is here."""

import functools
import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import azure.functions as func
from PIL import Image

import triggers
from shared.domain.job import is_terminal
from tests.explore import plan as plans
from tests.explore.engine import Client
from tests.explore.troubles import STORY_DIED

if TYPE_CHECKING:
    from tests.explore.world import World

HOUSEKEEPING_SECONDS = 300.0
_BOUNDARY = "explorer"
_MOST_TRIES = 4


class Answer:
    """What a request was answered."""

    def __init__(self, response: func.HttpResponse | None, *, is_hit: bool) -> None:
        #: None: no answer came.
        self.status = None if response is None else response.status_code
        self.is_hit = is_hit
        #: It was asked for when the DELETE of its job had been answered.
        self.is_after_delete = False
        self.headers = {} if response is None else {k.lower(): v for k, v in response.headers.items()}
        self.body: dict[str, Any] = {}
        if response is not None and "json" in str(response.mimetype):
            self.body = dict(json.loads(response.get_body() or b"{}"))


class Visitor:
    """One who sends requests, and judges each answer by itself."""

    def __init__(self, world: "World") -> None:
        self.world = world

    def send(self, step: str, method: str, route: str, request: func.HttpRequest, name: str) -> Answer:
        function = endpoint(method, route)
        response, is_hit = self.world.request(step, lambda client: function(req=request, client=client))
        answer = Answer(response, is_hit=is_hit)
        self.world.note(f"{method} {name} -> {answer.status or 'no answer'} {answer.body.get('code') or ''}", who="user")
        # A result that is asked for tells of its job's error, which may be this one.
        is_internal = answer.body.get("code") == "internal" and not route.endswith("/result")
        if is_internal and not answer.is_hit:
            self.world.records.wrong(f"{method} {route} answered {answer.status} internal, and nothing was in its way")
        return answer

    def ask(self, step: str, method: str, job_id: str, suffix: str = "", **params: str) -> Answer:
        route = f"jobs/{{id}}{suffix}"
        asked = func.HttpRequest(
            method, f"https://app.example/api/jobs/{job_id}{suffix}", headers={}, params=params, route_params={"id": job_id},
            body=b"",
        )  # fmt: skip
        return self.send(step, method, route, asked, f"{job_id}{suffix}")


class Customer(Visitor):
    """The user of one job of the plan."""

    def __init__(self, world: "World", job: plans.Job) -> None:
        super().__init__(world)
        self.job = job
        self.job_id: str | None = None
        #: Jobs that came of this customer's requests; without a key each is one of its own.
        self.job_ids: list[str] = []
        self.posts: list[Answer] = []
        self.is_asked_to_delete = self.is_deleted = False
        self.seen_end: str | None = None
        self._seen_progress = 0
        self._tries = 0

    def ask(self, step: str, method: str, job_id: str, suffix: str = "", **params: str) -> Answer:
        is_deleted = self.is_deleted
        answer = super().ask(step, method, job_id, suffix, **params)
        answer.is_after_delete = is_deleted
        return answer

    def come(self) -> None:
        """Everything that the plan has this user do."""
        self.world.engine.at(self.job.at, self.post)
        for act in self.job.acts:
            self.world.engine.at(self.job.at + act.after, functools.partial(self._act, act.name))

    def post(self) -> None:
        self._tries += 1
        kind = "ppl-gen" if self.job.kind == "ppl" else "goods-gen"
        answer = self.send("post", "POST", f"{kind}/generate", _form(self.job, kind), f"{kind} {self.job.prompt!r}")
        self.posts.append(answer)
        if answer.status in (200, 202):
            self._take(answer)
        elif self._tries < _MOST_TRIES and self._is_sent_again(answer):
            self.world.engine.at(float(answer.headers.get("retry-after", 5.0)), self.post)

    def _is_sent_again(self, answer: Answer) -> bool:
        if answer.status is None:
            return self.job.key is not None
        return answer.status >= 429 or answer.body.get("code") == "idempotency_in_progress"

    def _take(self, answer: Answer) -> None:
        self.job_id = str(answer.body["id"])
        if self.job_id not in self.job_ids:
            self.job_ids.append(self.job_id)
            # Without a key, or after its job was deleted, a request makes another job: the talk is of that one now.
            self.is_deleted, self.seen_end, self._seen_progress = False, None, 0
        if self.job.key is not None and len(self.job_ids) > 1 and not self.is_asked_to_delete:
            self.world.records.wrong(f"one key made {self.job_ids}")

    def _act(self, name: str) -> None:
        if name == "post again":
            self.post()
        elif self.job_id is not None:
            getattr(self, f"_{name}")(self.job_id)

    def _get(self, job_id: str) -> None:
        self._judge_state(self.ask("get", "GET", job_id))

    def _result(self, job_id: str) -> None:
        self.ask("get", "GET", job_id, "/result")

    def _cancel(self, job_id: str) -> None:
        answer = self.ask("cancel", "POST", job_id, "/cancel")
        self._judge_state(answer)
        if answer.status == 202 and not answer.is_hit:
            self.world.records.unwanted(job_id)

    def _delete(self, job_id: str) -> None:
        self.is_asked_to_delete = True
        answer = self.ask("delete", "DELETE", job_id)
        if answer.status == 204:
            self.is_deleted = True
            if not answer.is_hit:
                self.world.records.unwanted(job_id)
        elif answer.status is None or answer.status >= 500:
            self.world.engine.at(20.0, lambda: None if self.is_deleted else self._delete(job_id))

    def _list(self, job_id: str) -> None:
        if has_endpoint("GET", "jobs"):
            asked = func.HttpRequest("GET", "https://app.example/api/jobs", headers={}, params={}, route_params={}, body=b"")
            self.send("list", "GET", "jobs", asked, "jobs")
        else:
            self._get(job_id)

    def _judge_state(self, answer: Answer) -> None:
        if answer.status == 404 and not self.is_asked_to_delete:
            self.world.records.wrong(f"{self.job_id} was answered 404, and nobody deleted it")
        if answer.status in (200, 202) and answer.is_after_delete:
            self.world.records.wrong(f"{self.job_id} is shown after its DELETE")
        status = answer.body.get("status")
        if answer.status in (200, 202) and self.seen_end not in (None, status):
            self.world.records.wrong(f"{self.job_id} was told as {self.seen_end} and then as {status}")
        if answer.status in (200, 202) and isinstance(status, str) and is_terminal(status):
            self.seen_end = status
        if answer.status in (200, 202):
            self._judge_progress(int(answer.body.get("progress") or 0))

    def _judge_progress(self, progress: int) -> None:
        """It never goes back; but what the hub showed of a story that died dies with it."""
        has_died = any(
            trouble.what == STORY_DIED for trouble in self.world.troubles.of(str(self.job_id), 0.0, self.world.seconds)
        )
        if progress < self._seen_progress and not has_died:
            self.world.records.wrong(f"{self.job_id} was at {self._seen_progress} % and then at {progress} %")
        self._seen_progress = max(progress, self._seen_progress)

    # ---- operators ----

    def _terminate(self, job_id: str) -> None:
        job = self.world.records.jobs[job_id]
        self._operate("terminate", job_id)
        job.terminated = True

    def _suspend(self, job_id: str) -> None:
        self._operate("suspend", job_id)
        self.world.records.jobs[job_id].suspended = True
        self.world.engine.at(900.0, lambda: self._operate("resume", job_id))

    def _purge(self, job_id: str) -> None:
        """The history is gone before its time; what still runs is refused."""
        self._operate("purge_instance_history", job_id)

    def _operate(self, what: str, job_id: str) -> None:
        """By the engine's own API: our app is not asked."""
        from tests.explore.virtual import run

        client = Client(self.world.engine, lambda _, call: call())
        self.world.note(f"{what} {job_id}", who="operator")
        self.world.troubles.add(self.world.seconds, 900.0 if what == "suspend" else 60.0, job_id, f"an operator: {what}")
        try:
            run(getattr(client, what)(job_id, *([] if what.startswith("purge") else ["an operator's wish"])))
        except Exception as error:  # noqa: BLE001 - the client raises plain ones
            self.world.note(f"refused: {error}", who="operator")


class Housekeeper(Visitor):
    """Runs the timer function, as the host does."""

    def come(self) -> None:
        self.world.engine.at(HOUSEKEEPING_SECONDS, self.visit)

    def visit(self) -> None:
        function = timer()
        self.world.request("housekeeping", lambda client: function(timer=None, client=client))
        self.come()


class Provider(Visitor):
    """Calls when a prediction has ended, and again while it is not told that it was heard."""

    def call(self, url: str, tries: int = 3) -> None:
        params = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        request = func.HttpRequest("POST", url, headers={}, params=params, route_params={}, body=b"{}")
        answer = self.send("webhook", "POST", "webhooks/replicate", request, f"webhook {params}")
        if tries > 1 and not 200 <= (answer.status or 0) < 300:
            self.world.engine.at(20.0, functools.partial(self.call, url, tries - 1))


# ---- the app's functions ----


@functools.cache
def _endpoints() -> dict[tuple[str, str], Callable[..., Any]]:
    found = {}
    for blueprint in triggers.blueprints:
        for builder in blueprint._function_builders:
            trigger = builder._function.get_trigger()
            user = builder._function.get_user_function()
            if trigger.type == "httpTrigger":
                for method in trigger.methods or ("GET", "POST"):
                    found[str(getattr(method, "value", method)), trigger.route] = getattr(user, "__wrapped__", user)
            elif trigger.type == "timerTrigger":
                found["TIMER", builder._function.get_function_name()] = getattr(user, "__wrapped__", user)
    return found


def endpoint(method: str, route: str) -> Callable[..., Any]:
    """The function behind a route, without the SDK's decorator for its client."""
    return _endpoints()[method, route]


def has_endpoint(method: str, route: str) -> bool:
    return (method, route) in _endpoints()


def timer() -> Callable[..., Any]:
    return _endpoints()["TIMER", "housekeeping"]


def _form(job: plans.Job, kind: str) -> func.HttpRequest:
    fields = {"prompt": job.prompt, "n": str(job.n)} | ({} if job.seed is None else {"seed": str(job.seed)})
    files = ("input_image_1", "input_image_2") if job.kind == "ppl" else ("input_image",)
    # A small PNG is prepared by its POST, a WebP by a step of its job: a PPL job knows both ways.
    at_once = ("input_image_1", "input_image") if job.n == 1 else ("input_image_1",)
    headers = {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"}
    if job.key:
        headers["idempotency-key"] = job.key
    return func.HttpRequest(
        "POST", f"https://app.example/api/{kind}/generate", headers=headers, params={}, route_params={},
        body=_multipart(fields, {name: _upload("PNG" if name in at_once else "WEBP") for name in files}),
    )  # fmt: skip


def _multipart(fields: dict[str, str], files: dict[str, bytes]) -> bytes:
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    for name, data in files.items():
        head = (
            f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        )
        parts.append(head.encode() + data)
    boundary = f"--{_BOUNDARY}".encode()
    return b"".join(boundary + b"\r\n" + part + b"\r\n" for part in parts) + boundary + b"--\r\n"


@functools.cache
def _upload(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(buffer, kind)
    return buffer.getvalue()
