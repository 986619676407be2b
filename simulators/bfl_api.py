"""Black Forest Labs' HTTP API for FLUX.1 Kontext and FLUX.2: sections 2 and 3.1 of providers.md."""

import asyncio
import dataclasses
import hashlib
import hmac
import re
import time
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from simulators import inputs, pictures
from simulators.config import BflConfig
from simulators.core import Core, base_of, host_of, is_key_accepted, json_body, on_host
from simulators.faults import refusal_json, without
from simulators.ledger import Record
from simulators.lifecycle import Phase, State
from simulators.models import MODELS, Choice, Field, Flag, Image, Link, Model, Ratio, Size, Text, Whole

MAX_IMAGE_BYTES = 20 * 1024 * 1024
MAX_IMAGE_PIXELS = 20_000_000
#: Signs delivery links. It guards nothing: it only has to be the same after a restart.
_LINK_KEY = b"simulated delivery links"


class BflApi:
    name = "bfl"

    def __init__(self, core: Core) -> None:
        self.core = core

    @property
    def config(self) -> BflConfig:
        return self.core.config.bfl

    # ---- errors (2.9) ----

    def refuse(self, status: int, detail: str, extra: dict[str, Any] | None = None) -> web.Response:
        known = {402: "Insufficient credits", 403: "Not authenticated", 404: "Not Found"}
        return refusal_json({"detail": known.get(status, detail), **(extra or {})}, status)

    def expired(self) -> web.Response:
        # As Azure Storage answers a link that has run out.
        text = '<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code></Error>'
        return web.Response(status=self.config.expired_status, text=text, content_type="application/xml")

    def not_found(self, request: web.Request) -> web.Response:
        """As if the task were not known on this host just now (2.4)."""
        return self._task_answer(_task(request.query.get("id", ""), "Task not found"))

    def without_output(self, answer: web.StreamResponse) -> web.StreamResponse:
        """`Ready`, and nothing to fetch."""
        return without(answer, "result")

    def guard(self, request: web.Request) -> web.Response | None:
        if not is_key_accepted(self.config, request.headers.get("x-key", "").strip()):
            return self.refuse(403, "Not authenticated")
        kind = "create" if request.method == "POST" else "read"
        per_minute = self.config.create_per_minute if kind == "create" else self.config.read_per_minute
        wait = self.core.seconds_to_wait(self.name, kind, per_minute)
        return self._too_many("Too many requests", wait) if wait > 0 else None

    def _too_many(self, detail: str, wait: float) -> web.Response:
        """Body and header of a BFL 429 are not known (2.8) (?)."""
        seconds = self.config.retry_after if self.config.retry_after is not None else wait
        answer = self.refuse(429, detail)
        if self.config.retry_after_header:
            answer.headers["Retry-After"] = str(max(1, round(seconds)))
        return answer

    # ---- create (2.2, 2.3) ----

    async def create(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["model"]
        model = MODELS[self.name].get(name)
        if model is None:
            return self.refuse(404, "Not Found")
        if refused := self.guard(request):
            return refused
        body, readable = await json_body(request)
        if not readable:
            return _invalid([_problem(["body", 0], "JSON decode error", "json_invalid")])
        if not isinstance(body, dict):
            return _invalid([_problem(["body"], "Input should be a valid dictionary", "model_attributes_type")])
        if problems := _problems(body, model, forbid_extra=self.config.forbid_extra or model.refuses_unknown):
            return _invalid(problems)
        # What it costs at least; the rest depends on the images, which are not looked at for an account without credit.
        if self._balance() < self.core.prices(self.name, name)[0]:
            return self.refuse(402, "Insufficient credits")
        images = list(await asyncio.gather(*(self._image(place, text) for place, text in model.images(body))))
        if refused := self._refused_image(images):
            return refused
        size = model.size(body, images[0].size if images else None)
        cost = self.core.cents(self.name, name, size, images)
        if self._balance() < cost:
            return self.refuse(402, "Insufficient credits")
        digest = inputs.body_hash(inputs.replaced(body, {image.name: image.sha for image in images}))
        # Checked with no await between the count and the new task, so that no two creates share the last slot.
        if self.core.is_full(self.name, name):
            return self._too_many("Too many active tasks", 1)
        if self.core.is_throttled_by_prompt(body["prompt"], digest):
            return self._too_many("Too many requests", 2)
        record = self._record(request, name, body, images, size, cost, digest)
        self.core.add(record)
        costs = {
            "cost": round(cost, 2), "input_mp": record.input_mp,
            "output_mp": round(size[0] * size[1] / 1e6, 2),
        }  # fmt: skip
        if record.webhook:
            # Which status this is, is not known (2.3) (?).
            return web.json_response({"id": record.id, "status": "Pending", "webhook_url": body["webhook_url"], **costs})
        url = f"{on_host(base_of(request), record.home_host)}/bfl/v1/get_result?{urlencode({'id': record.id})}"
        return web.json_response({"id": record.id, "polling_url": url, **costs})

    def _refused_image(self, images: list[inputs.InputImage]) -> web.Response | None:
        """The refusal of an image at create; none where it is to fail the task later (2.9)."""
        for image in images:
            how = self.config.unfetchable_image if image.is_unfetched else self.config.bad_image
            if image.error and how == "422":
                return _invalid([_problem(["body", image.name], f"Value error, {image.error}", "value_error")])
            if image.error and how == "400":
                return self.refuse(400, f"{image.name}: {image.error}")
        return None

    async def _image(self, name: str, text: str) -> inputs.InputImage:
        if inputs.is_url(text):
            image = await self.core.linked_image(self.name, name, text)
        else:
            # A data-URI prefix is taken, as integrators report (2.2) (?).
            image = await self.core.in_thread(inputs.decode, name, text)
        least, size = self.config.min_image_side, image.size
        if len(text) * 3 // 4 > MAX_IMAGE_BYTES or (size and size[0] * size[1] > MAX_IMAGE_PIXELS):
            return dataclasses.replace(image, error="image is larger than 20 MB or 20 megapixels")
        if least and size and min(size) < least:
            return dataclasses.replace(image, error=f"image sides must be at least {least} pixels")
        return image

    def _record(
        self, request: web.Request, name: str, body: dict[str, Any], images: list[inputs.InputImage], size: Size, cost: float,
        digest: str,
    ) -> Record:  # fmt: skip
        for image in images:
            if image.jpeg is not None:
                self.core.ledger.add_image(image.sha, image.jpeg, None)
        plan = self.core.draw_plan(self.name, name, body["prompt"], body.get("seed"), cost / 100)
        if outcome := inputs.outcome_of(images):
            plan = dataclasses.replace(plan, outcome=outcome)
        reasons = self.config.moderation_reasons
        plan = dataclasses.replace(plan, moderation_reasons=None if reasons is None else tuple(reasons))
        host = host_of(request)
        webhook = None
        if body.get("webhook_url"):
            webhook = {"url": body["webhook_url"], "secret": body.get("webhook_secret"), "events": ["completed"]}
        # Without a polling_url the same base is asked (2.3), so such a task lives there.
        other = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}.get(host, host)
        home = host if webhook else (self.config.polling_host or other)
        pixels = sum(image.size[0] * image.size[1] for image in images if image.size)
        return Record(
            id=str(uuid.uuid4()), provider=self.name, model=name, created_at=time.time(), plan=plan,
            input={}, prompt=body["prompt"],
            images=[image.sha if image.jpeg else None for image in images],
            size=list(pictures.shrunk(size, self.config.longest_side)),
            output_format=body.get("output_format") or MODELS[self.name][name].default_format,
            scene="ppl" if body.get("input_image_2") else "goods", body_hash=digest, base=base_of(request), home_host=home,
            webhook=webhook, input_mp=round(pixels / 1e6, 2) if images else None,
        )  # fmt: skip

    # ---- poll (2.4) ----

    async def get_result(self, request: web.Request) -> web.StreamResponse:
        if refused := self.guard(request):
            return refused
        task_id = request.query.get("id")
        if not task_id:
            return _invalid([_problem(["query", "id"], "Field required", "missing")])
        record = self.core.ledger.get(self.name, task_id)
        is_elsewhere = record and self.config.wrong_host == "not_found" and record.home_host != host_of(request)
        body = self.render(record, base_of(request)) if record and not is_elsewhere else _task(task_id, "Task not found")
        return self._task_answer(body)

    def _task_answer(self, body: dict[str, Any]) -> web.Response:
        return web.json_response(body, status=self.config.poll_status_codes.get(body["status"], 200))

    def render(self, record: Record, base: str, now: float | None = None) -> dict[str, Any]:
        """The task as it is seen at `now`."""
        state = record.state(time.time() if now is None else now)
        body = _task(record.id, _status(record, state))
        if state.phase is Phase.SUCCEEDED and state.ended_at is not None:
            started_at = state.started_at if state.started_at is not None else record.created_at
            body["result"] = {
                "sample": self._sample_url(record, base, state.ended_at),
                "prompt": record.prompt,
                "seed": record.plan.seed,
                "start_time": started_at,
                "end_time": state.ended_at,
                "duration": round(state.ended_at - started_at, 6),
            }
            body["cost"] = round(record.plan.price_usd * 100, 2)
        elif state.phase in (Phase.MODERATED_INPUT, Phase.MODERATED_OUTPUT) and record.plan.moderation_reasons is not None:
            body["details"] = {"Moderation Reasons": list(record.plan.moderation_reasons)}
        return body

    def _sample_url(self, record: Record, base: str, ready_at: float) -> str:
        base = on_host(base, self.config.delivery_host)
        expires = datetime.fromtimestamp(ready_at + self.config.link_seconds, UTC).isoformat(timespec="milliseconds")
        signed = {
            "se": expires.replace("+00:00", "Z"), "sp": "r", "sv": "2026-02-06", "sr": "b",
            "rsct": pictures.CONTENT_TYPES[record.output_format],
        }  # fmt: skip
        path = f"{record.id[:2]}/{record.id[2:4]}/{record.id}/sample.{record.output_format}"
        return f"{base}/bfl/delivery/results/{path}?{urlencode({**signed, 'sig': _sign(record.id, signed['se'])})}"

    # ---- delivery (2.5), balance (2.10) ----

    async def deliver(self, request: web.Request) -> web.StreamResponse:
        if self.config.refuse_key_on_delivery and ("x-key" in request.headers or "Authorization" in request.headers):
            return web.Response(status=400, text="InvalidAuthenticationInfo: the key does not belong here")
        record = self.core.ledger.get(self.name, request.match_info["id"])
        expires = request.query.get("se", "")
        if record is None or not hmac.compare_digest(request.query.get("sig", "").encode(), _sign(record.id, expires).encode()):
            return self.expired()
        # The link says itself how long it works; a config that shortens it later counts too.
        ends = min(datetime.fromisoformat(expires).timestamp(), record.ends_at() + self.config.link_seconds)
        if time.time() >= ends or record.plan.outcome != "succeed":
            return self.expired()
        return web.Response(body=await self.core.picture(record), content_type=pictures.CONTENT_TYPES[record.output_format])

    async def credits(self, request: web.Request) -> web.StreamResponse:
        return self.guard(request) or web.json_response({"credits": self._balance()})

    def _balance(self) -> float:
        return round(self.config.credits - self.core.spent_usd(self.name) * 100, 4)


def _task(task_id: str, status: str) -> dict[str, Any]:
    return {"id": task_id, "status": status, "result": None, "progress": None, "details": None, "preview": None}


def _status(record: Record, state: State) -> str:
    if state.odd_status:
        return state.odd_status
    if state.phase is Phase.FAILED:
        return "Failed" if record.plan.outcome == "failed" else "Error"
    return {
        Phase.SUCCEEDED: "Ready", Phase.MODERATED_INPUT: "Request Moderated", Phase.MODERATED_OUTPUT: "Content Moderated",
        Phase.LOST: "Task not found", Phase.CANCELED: "Error", Phase.ABORTED: "Error",
    }.get(state.phase, "Pending")  # fmt: skip


def _sign(task_id: str, expires: str) -> str:
    return hmac.new(_LINK_KEY, f"{task_id}\n{expires}".encode(), hashlib.sha256).hexdigest()


def _problem(loc: list[str | int], message: str, kind: str) -> dict[str, Any]:
    return {"type": kind, "loc": loc, "msg": message}


def _invalid(problems: list[dict[str, Any]]) -> web.Response:
    return refusal_json({"detail": problems}, 422)


def _problems(body: dict[str, Any], model: Model, *, forbid_extra: bool) -> list[dict[str, Any]]:
    """Against the model's schema (2.2, 3.1)."""
    problems = []
    for name, field in model.fields.items():
        if name not in body:
            found = ("Field required", "missing") if field.required else None
        else:
            found = None if body[name] is None and field.nullable else _field_problem(field, body[name])
        if found:
            problems.append(_problem(["body", name], *found))
    if model.most_pixels is not None and not problems and _pixels(body) > model.most_pixels:
        # Which words say so is not known (?).
        problems.append(_problem(["body"], "Value error, width times height must be at most 4 megapixels", "value_error"))
    if forbid_extra:
        extra = [name for name in body if name not in model.fields]
        problems += [_problem(["body", name], "Extra inputs are not permitted", "extra_forbidden") for name in extra]
    return problems


def _pixels(body: dict[str, Any]) -> int:
    return (body.get("width") or 0) * (body.get("height") or 0)


def _field_problem(field: Field, value: Any) -> tuple[str, str] | None:
    """What is wrong with a value, in pydantic's words and type (2.9)."""
    match field:
        case Text() | Image() | Link() | Ratio() if not isinstance(value, str):
            return "Input should be a valid string", "string_type"
        case Ratio() if not _is_ratio(value):
            return "Value error, aspect ratio must be between 21:9 and 9:21", "value_error"
        case Link() if not (inputs.is_url(value) and len(value) <= field.longest):
            return "Input should be a valid URL", "url_parsing"
        case Choice() if value not in field.values:
            *others, last = (f"'{word}'" for word in field.values)
            return f"Input should be {', '.join(others)} or {last}", "enum"
        case Flag() if not isinstance(value, bool):
            return "Input should be a valid boolean", "bool_type"
        case Whole():
            return _number_problem(field, value)
    return None


def _number_problem(field: Whole, value: Any) -> tuple[str, str] | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return "Input should be a valid integer", "int_type"
    if field.most is not None and value > field.most:
        return f"Input should be less than or equal to {field.most}", "less_than_equal"
    if field.least is not None and value < field.least:
        return f"Input should be greater than or equal to {field.least}", "greater_than_equal"
    if value % field.step:
        return f"Input should be a multiple of {field.step}", "multiple_of"
    return None


def _is_ratio(text: str) -> bool:
    """Two positive integers, from 9:21 to 21:9 (2.2)."""
    if not re.fullmatch(r"[1-9]\d{0,5}:[1-9]\d{0,5}", text):
        return False
    width, height = (int(part) for part in text.split(":"))
    return 9 * height <= 21 * width and 9 * width <= 21 * height
