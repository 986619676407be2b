"""Replicate's HTTP API for the Kontext multi-image models and FLUX.2: sections 1 and 3.1 of providers.md."""

import asyncio
import base64
import dataclasses
import hashlib
import json
import math
import random
import re
import secrets
import string
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from simulators import inputs, pictures
from simulators.config import ReplicateConfig
from simulators.core import Core, base_of, is_key_accepted, json_body, on_host
from simulators.faults import refusal_json, without
from simulators.ledger import Record
from simulators.lifecycle import ERRORS, Phase, Plan, State
from simulators.models import MODELS, Choice, Field, Image, Images, Model, Text, Whole

MODERATION_TEXT = "The input or output was flagged as sensitive. Please try again with different inputs. (E005)"
_ID_LETTERS = string.ascii_lowercase + string.digits
_KEPT = "sim-image:"
_EVENTS = ("start", "output", "logs", "completed")
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")
#: A longer page of the list is sent in parts of this size.
_HELD_BYTES = 8 * 1024 * 1024
MAX_FILE_BYTES = 100 * 1024 * 1024


class ReplicateApi:
    name = "replicate"

    def __init__(self, core: Core) -> None:
        self.core = core

    @property
    def config(self) -> ReplicateConfig:
        return self.core.config.replicate

    # ---- errors (1.10) ----

    def refuse(self, status: int, detail: str, extra: dict[str, Any] | None = None) -> web.Response:
        titles = {401: "Unauthenticated", 402: "Insufficient credit"}
        title = {"title": titles[status]} if status in titles else {}
        return refusal_json({**title, "detail": detail, "status": status, **(extra or {})}, status, "application/problem+json")

    def expired(self) -> web.Response:
        return web.Response(status=self.config.expired_status, text="Not found")

    def not_found(self, request: web.Request | None = None) -> web.Response:
        return self.refuse(404, "The requested resource could not be found.")

    def without_output(self, answer: web.StreamResponse) -> web.StreamResponse:
        """`succeeded`, and nothing to fetch."""
        return without(answer, "output")

    def guard(self, request: web.Request) -> web.Response | None:
        """The refusal of a request without an accepted key, or of one too many."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "token") or not is_key_accepted(self.config, key.strip()):
            return self.refuse(401, "You did not pass a valid authentication token")
        is_create = request.method == "POST" and request.path.endswith("/predictions")
        if is_create:
            if self.config.low_credit:
                return self._throttled("low", 6, 1)
            return self._throttled("create", self.config.create_per_minute)
        return self._throttled("read", self.config.read_per_minute)

    def _throttled(self, kind: str, per_minute: float | None, burst: float | None = None) -> web.Response | None:
        wait = self.core.seconds_to_wait(self.name, kind, per_minute, burst)
        return self._too_many(wait) if wait > 0 else None

    def _too_many(self, wait: float) -> web.Response:
        seconds = math.ceil(self.config.retry_after if self.config.retry_after is not None else wait)
        detail = f"Request was throttled. Your rate limit resets in ~{seconds}s."
        # The two bodies that were seen: documented without `retry_after`, with it for accounts of low credit (1.9).
        answer = self.refuse(429, detail, {"retry_after": seconds} if self.config.low_credit else None)
        if self.config.retry_after is not None and not self.config.low_credit:
            answer = self.refuse(429, detail, {"retry_after": seconds})
        if self.config.retry_after_header:
            answer.headers["Retry-After"] = str(seconds)
        return answer

    # ---- create (1.2) ----

    async def create_for_model(self, request: web.Request) -> web.StreamResponse:
        if refused := self.guard(request):
            return refused
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        if name not in MODELS[self.name]:
            return self.not_found()
        return await self._create(request, name, {"input", "webhook", "webhook_events_filter", "stream"})

    async def create_for_version(self, request: web.Request) -> web.StreamResponse:
        if refused := self.guard(request):
            return refused
        return await self._create(request, None, {"input", "webhook", "webhook_events_filter", "stream", "version"})

    async def _create(self, request: web.Request, name: str | None, keys: set[str]) -> web.StreamResponse:
        body, readable = await json_body(request)
        if not readable or not isinstance(body, dict):
            return self.refuse(400, "The request body is not a JSON object.")
        problems = self._problems(body, keys, needs_version=name is None)
        if name is None:
            # Of a model that is not named, no field is known either.
            name = str(body.get("version")).partition(":")[0]
            if not problems and name not in MODELS[self.name]:
                return refusal_json(
                    {
                        "title": "Invalid version or not permitted", "status": 422,
                        "detail": "The specified version does not exist (or perhaps you don't have permission to use it?)",
                    },
                    422, "application/problem+json",
                )  # fmt: skip
        model = MODELS[self.name].get(name)
        if model is not None and isinstance(body.get("input"), dict):
            problems += _input_problems(body["input"], model)
        if problems or model is None:
            return self._invalid(problems)
        if (deadline := _seconds(request.headers.get("Cancel-After"))) is not None and deadline < 5:
            return self.refuse(400, "Cancel-After must be a duration of at least 5 seconds.")
        if self.config.credit_usd is not None and self.core.spent_usd(self.name) >= self.config.credit_usd:
            return self.refuse(
                402, "You have insufficient credit to run this model. Go to https://replicate.com/account/billing#billing "
                "to purchase credit. Once you purchase credit, please wait a few minutes before trying again."
            )  # fmt: skip
        given: dict[str, Any] = body["input"]
        images = list(await asyncio.gather(*(self._image(place, text, request) for place, text in model.images(given))))
        if refused := self._refused_image(images):
            return refused
        # Input from nowhere has the text as its own digest, so equal bodies stay equal.
        digest = inputs.body_hash(inputs.replaced(given, {image.name: image.sha for image in images}))
        if self.core.is_throttled_by_prompt(given["prompt"], digest):
            return self._too_many(2)
        # Checked with no await between the count and the new prediction, so that no two creates share the last slot.
        if self.core.is_full(self.name, name):
            return self._too_many(1)
        record = self._record(request, name, given, images, digest, deadline, body)
        self.core.add(record)
        wait = _wait_seconds(request.headers.get("Prefer"))
        if wait is not None:
            record = await self._until_output(record, wait)
        answer = web.json_response(await self.render(record, base_of(request)), status=201)
        self._rate_headers(answer, "create", self.config.create_per_minute)
        if wait is not None:
            answer.headers["Preference-Applied"] = str(request.headers["Prefer"])
        return answer

    async def _image(self, name: str, text: str, request: web.Request) -> inputs.InputImage:
        if inputs.is_data_uri(text):
            return await self.core.in_thread(inputs.decode, name, text)
        own = re.fullmatch(re.escape(base_of(request)) + r"/replicate/v1/files/([^/]+)(?:/.*)?", text.partition("?")[0])
        if own is None:
            return await self.core.linked_image(self.name, name, text)
        sha, stored = hashlib.sha256(text.encode(errors="replace")).hexdigest(), self.core.ledger.file(own[1])
        if stored is None:
            return inputs.InputImage(name, text, sha, None, None, "the file is not there", is_unfetched=True)
        return await self.core.in_thread(inputs.from_bytes, name, text, sha, stored[1])

    def _refused_image(self, images: list[inputs.InputImage]) -> web.Response | None:
        """The refusal of a link at create; none where it is to fail the run, as a file that is no image always does."""
        unfetched = [image for image in images if image.is_unfetched]
        if not unfetched or self.config.unfetchable_image == "error":
            return None
        if self.config.unfetchable_image == "400":
            return self.refuse(400, f"input.{unfetched[0].name}: {unfetched[0].error}")
        return self._invalid([_problem("unfetchable", f"input.{image.name}", "Could not be fetched") for image in unfetched])

    def _record(
        self, request: web.Request, name: str, given: dict[str, Any], images: list[inputs.InputImage], digest: str,
        deadline: float | None, body: dict[str, Any],
    ) -> Record:  # fmt: skip
        config, model = self.config, MODELS[self.name][name]
        echo = inputs.replaced(given, {image.name: f"{_KEPT}{image.sha}" for image in images if inputs.is_data_uri(image.text)})
        for image in images:
            if image.jpeg is not None:
                is_short = inputs.is_data_uri(image.text) and len(image.text) <= config.echo_limit_bytes
                self.core.ledger.add_image(image.sha, image.jpeg, image.text if is_short else None)
        size = model.size(given, images[0].size if images else None)
        cost = self.core.cents(self.name, name, size, images)
        plan = self.core.draw_plan(self.name, name, given["prompt"], given.get("seed"), cost / 100)
        least = config.min_image_side or 0
        is_small = any(image.size and min(image.size) < least for image in images)
        if outcome := inputs.outcome_of(images) or ("error_bad_image" if is_small else None):
            plan = dataclasses.replace(plan, outcome=outcome)
        rng = random.Random(plan.seed)
        plan = dataclasses.replace(
            plan, bill_canceled=config.bill_canceled, bill_failed=config.bill_failed, deadline_seconds=deadline,
            longest_seconds=config.longest_run_seconds, output_shape=config.output_shape, early_output=config.early_output,
            moderation_id="".join(rng.choices(_ID_LETTERS, k=10)) if config.moderation_id else None,
        )  # fmt: skip
        webhook = None
        if body.get("webhook"):
            webhook = {"url": body["webhook"], "events": body.get("webhook_events_filter") or ["output", "completed"]}
        return Record(
            id="".join(secrets.choice(_ID_LETTERS) for _ in range(26)),
            provider=self.name, model=name, created_at=time.time(), plan=plan, input=echo, prompt=given["prompt"],
            images=[image.sha if image.jpeg else None for image in images],
            size=list(pictures.shrunk(size, config.longest_side)),
            output_format=given.get("output_format", model.default_format), scene="ppl" if len(images) > 1 else "goods",
            body_hash=digest, base=base_of(request), home_host="", webhook=webhook,
            quality=given.get("output_quality", model.default_quality),
        )  # fmt: skip

    async def _until_output(self, record: Record, seconds: float) -> Record:
        ends = time.time() + seconds
        while time.time() < ends:
            record = self.core.ledger.get(self.name, record.id) or record
            state = record.state(time.time())
            if state.phase.is_terminal or state.has_early_output:
                break
            await asyncio.sleep(min(0.05, max(0.0, ends - time.time())))
        return record

    # ---- validation (1.10) ----

    def _invalid(self, problems: list[dict[str, str]]) -> web.Response:
        lines = "".join(f"- {p['field']}: {p['description']}\n" if p["field"] else f"- {p['description']}\n" for p in problems)
        return refusal_json(
            {"title": "Input validation failed", "detail": lines, "status": 422, "invalid_fields": problems},
            422, "application/problem+json",
        )  # fmt: skip

    def _problems(self, body: dict[str, Any], keys: set[str], *, needs_version: bool) -> list[dict[str, str]]:
        problems = [
            _problem("additional_property_not_allowed", "", f"Additional property {key} is not allowed")
            for key in body
            if key not in keys
        ]
        if needs_version and not isinstance(body.get("version"), str):
            problems.append(_problem("required", "", "version is required"))
        if "input" not in body:
            return [*problems, _problem("required", "", "input is required")]
        if not isinstance(body["input"], dict):
            return [*problems, _wrong_type("input", "object", body["input"])]
        webhook = body.get("webhook")
        starts = ("https://",) if self.config.webhook_https_only else ("https://", "http://")
        if webhook is not None and not (isinstance(webhook, str) and webhook.startswith(starts)):
            problems.append(_problem("format", "webhook", "Does not match format 'uri'"))
        events = body.get("webhook_events_filter")
        if events is not None and (not isinstance(events, list) or any(event not in _EVENTS for event in events)):
            problems.append(_enum("webhook_events_filter", _EVENTS, prefix=""))
        return problems

    # ---- read, list, cancel (1.5, 1.7) ----

    async def get(self, request: web.Request) -> web.StreamResponse:
        if refused := self.guard(request):
            return refused
        record = self.core.ledger.get(self.name, request.match_info["id"])
        if record is None:
            return self.not_found()
        answer = web.json_response(await self.render(record, base_of(request)))
        self._rate_headers(answer, "read", self.config.read_per_minute)
        return answer

    async def list_predictions(self, request: web.Request) -> web.StreamResponse:
        if refused := self.guard(request):
            return refused
        try:
            after, before = (_timestamp(request.query.get(name)) for name in ("created_after", "created_before"))
            offset = int(base64.urlsafe_b64decode(request.query.get("cursor", "MA==")))
        except ValueError:
            return self.refuse(400, "created_after, created_before or cursor cannot be read.")
        shown_until = time.time() - self.config.list_lag_seconds
        found = [
            record
            for record in self.core.ledger.of(self.name)
            if (after is None or record.created_at >= after)
            and (before is None or record.created_at < before)
            and record.created_at <= shown_until
        ]
        size = self.config.page_size

        def page(at: int) -> str:
            cursor = base64.urlsafe_b64encode(str(at).encode()).decode()
            return str(request.url.update_query(cursor=cursor))

        ends = {
            "previous": page(max(0, offset - size)) if offset > 0 else None,
            "next": page(offset + size) if offset + size < len(found) else None,
        }
        return await self._page(request, ends, found[offset : offset + size])

    async def _page(self, request: web.Request, ends: dict[str, Any], records: list[Record]) -> web.StreamResponse:
        """A page in one piece; one that is long, as its images are echoed whole, in parts while it is rendered."""
        stream, held = web.StreamResponse(headers={"Content-Type": "application/json"}), bytearray()
        held += json.dumps(ends).encode()[:-1] + b', "results": ['
        for number, record in enumerate(records):
            held += (b", " if number else b"") + json.dumps(await self.render(record, base_of(request))).encode()
            if len(held) > _HELD_BYTES:
                await _write(request, stream, held)
        held += b"]}"
        if not stream.prepared:
            return web.Response(body=bytes(held), content_type="application/json")
        await _write(request, stream, held)
        return stream

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        if refused := self.guard(request):
            return refused
        record = self.core.ledger.get(self.name, request.match_info["id"])
        if record is None:
            return self.not_found()
        # What a finished one answers is not known (1.7) (?): here, itself, unchanged.
        if record.is_active(time.time()):
            record = self.core.cancel(record)
        return web.json_response(await self.render(record, base_of(request)))

    async def render(
        self, record: Record, base: str, now: float | None = None, running_with_output: bool = False
    ) -> dict[str, Any]:
        """The prediction object as it is seen at `now` (1.4)."""
        plan, now = record.plan, time.time() if now is None else now
        state = record.state(now)
        if running_with_output:
            state = State(Phase.RUNNING, started_at=state.started_at, has_early_output=plan.outcome == "succeed")
        is_removed = state.phase.is_terminal and now >= record.created_at + self.config.retention_seconds
        has_output = (state.phase is Phase.SUCCEEDED or state.has_early_output) and not is_removed
        body: dict[str, Any] = {
            "id": record.id,
            "model": record.model,
            "version": "hidden",
            "input": {} if is_removed else self._echo(record, base),
            "logs": "" if is_removed else _logs(plan, state),
            "output": await self._output(record, base) if has_output else None,
            "data_removed": is_removed,
            "error": _error(plan, state),
            "source": "api",
            "status": _status(state),
            "created_at": _time(record.created_at),
            "urls": {
                "cancel": f"{base}/replicate/v1/predictions/{record.id}/cancel",
                "get": f"{base}/replicate/v1/predictions/{record.id}",
                "web": f"https://replicate.com/p/{record.id}",
            },
        }
        if state.started_at is not None:
            body["started_at"] = _time(state.started_at)
        if state.ended_at is not None:
            body["completed_at"] = _time(state.ended_at)
            body["metrics"] = {"total_time": round(state.ended_at - record.created_at, 6)}
            if state.started_at is not None:
                body["metrics"]["predict_time"] = round(state.ended_at - state.started_at, 6)
            if state.phase is Phase.SUCCEEDED:
                body["metrics"]["image_count"] = 1
        if plan.deadline_seconds is not None:
            body["deadline"] = _time(record.created_at + plan.deadline_seconds)
        if record.webhook:
            body["webhook"] = record.webhook["url"]
            body["webhook_events_filter"] = record.webhook["events"]
        return body

    def _echo(self, record: Record, base: str) -> dict[str, Any]:
        """The input. A data URI comes back as it was when it is short, else as a URL (?)."""

        def shown(value: Any) -> Any:
            if isinstance(value, list):
                return [shown(item) for item in value]
            if not (isinstance(value, str) and value.startswith(_KEPT)):
                return value
            sha = value.removeprefix(_KEPT)
            return self.core.ledger.original(sha) or f"{base}/replicate/delivery/inputs/{sha}.jpg"

        return {name: shown(value) for name, value in record.input.items()}

    async def _output(self, record: Record, base: str) -> Any:
        url = self._delivery_url(record, base)
        match record.plan.output_shape:
            case "list":
                return [url]
            case "null":
                return None
            case "object":
                return {"image": url}
            case "data_uri":
                # As an early wait-mode answer had it (1.5).
                return f"data:application/octet-stream;base64,{base64.b64encode(await self.core.picture(record)).decode()}"
        return url

    def _delivery_url(self, record: Record, base: str) -> str:
        base = on_host(base, self.config.delivery_host)
        return f"{base}/replicate/delivery/xezq/{record.id}/output.{record.output_format}"

    def _rate_headers(self, answer: web.Response, kind: str, per_minute: float | None) -> None:
        if per_minute is not None:
            answer.headers["ratelimit-remaining"] = str(self.core.limits.bucket(f"{self.name}:{kind}", per_minute).remaining)
            answer.headers["ratelimit-reset"] = "1"

    # ---- delivery (1.6) ----

    async def deliver(self, request: web.Request) -> web.StreamResponse:
        record = self.core.ledger.get(self.name, request.match_info["id"])
        if self.config.refuse_key_on_delivery and "Authorization" in request.headers:
            return web.Response(status=400, text="Only one auth mechanism allowed")
        now = time.time()
        if record is None or now >= record.created_at + self.config.link_seconds:
            return self.expired()
        # A webhook that comes early names a link that works already.
        ahead = max(0.0, -self.config.webhooks.delay_seconds) if record.webhook else 0.0
        if record.state(now + ahead).phase is not Phase.SUCCEEDED and not record.state(now).has_early_output:
            return self.expired()
        return web.Response(body=await self.core.picture(record), content_type=pictures.CONTENT_TYPES[record.output_format])

    async def deliver_input(self, request: web.Request) -> web.StreamResponse:
        jpeg = self.core.ledger.image(request.match_info["sha"])
        return web.Response(body=jpeg, content_type="image/jpeg") if jpeg else self.expired()

    # ---- account, webhooks, files ----

    async def account(self, request: web.Request) -> web.StreamResponse:
        return self.guard(request) or web.json_response(
            {
                "type": "organization", "username": "simulated", "name": "Simulated", "github_url": "https://github.com/simulated",
                "avatar_url": f"{base_of(request)}/replicate/avatar.png",
            }
        )  # fmt: skip

    async def webhook_secret(self, request: web.Request) -> web.StreamResponse:
        return self.guard(request) or web.json_response({"key": self.config.webhook_secret})

    async def files(self, request: web.Request) -> web.StreamResponse:
        if refused := self.guard(request):
            return refused
        if request.method == "GET":
            return web.json_response({"previous": None, "next": None, "results": self.core.ledger.files()})
        try:
            form = await request.post()
        except ValueError:
            return self.refuse(400, "The body is not a multipart form.")
        upload = form.get("content")
        if not isinstance(upload, web.FileField):
            return self._invalid([_problem("required", "", "content is required")])
        content = upload.file.read()
        if len(content) > MAX_FILE_BYTES:
            return self.refuse(413, "The file is too large.")
        file_id, now = secrets.token_hex(20), time.time()
        metadata = form.get("metadata")
        if isinstance(metadata, web.FileField):
            metadata = metadata.file.read().decode(errors="replace")
        try:
            parsed = json.loads(metadata) if isinstance(metadata, str) and metadata else {}
        except ValueError:
            parsed = {}
        doc = {
            "id": file_id,
            "name": form.get("filename") or upload.filename,
            "content_type": form.get("type") or upload.content_type,
            "size": len(content),
            "etag": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            "checksums": {
                "sha256": hashlib.sha256(content).hexdigest(),
                "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            },
            "metadata": parsed,
            "created_at": _time(now),
            "expires_at": _time(now + timedelta(hours=24).total_seconds()),
            "urls": {"get": f"{base_of(request)}/replicate/v1/files/{file_id}"},
        }
        self.core.ledger.add_file(doc, content)
        return web.json_response(doc, status=201)

    async def file(self, request: web.Request) -> web.StreamResponse:
        if refused := self.guard(request):
            return refused
        file_id = request.match_info["id"]
        if request.method == "DELETE" and self.core.ledger.remove_file(file_id):
            return web.Response(status=204)
        found = self.core.ledger.file(file_id)
        return web.json_response(found[0]) if found else self.not_found()


async def _write(request: web.Request, stream: web.StreamResponse, held: bytearray) -> None:
    if not stream.prepared:
        await stream.prepare(request)
    await stream.write(bytes(held))
    held.clear()


def _problem(kind: str, field: str, description: str) -> dict[str, str]:
    return {"type": kind, "field": field, "description": description}


def _enum(name: str, allowed: tuple[str, ...], prefix: str = "input.") -> dict[str, str]:
    words = ", ".join(f'"{value}"' for value in allowed)
    return _problem("enum", f"{prefix}{name}", f"{name} must be one of the following: {words}")


def _wrong_type(field: str, expected: str, value: Any) -> dict[str, str]:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    given = names.get(type(value), "null")
    return _problem("invalid_type", field, f"Invalid type. Expected: {expected}, given: {given}")


def _input_problems(given: dict[str, Any], model: Model) -> list[dict[str, str]]:
    """Against the model's schema (1.3, 3.1). Unknown fields inside `input` are ignored (?)."""
    problems = []
    for name, field in model.fields.items():
        if name in given:
            problems += _field_problems(f"input.{name}", field, given[name])
        elif field.required:
            problems.append(_problem("required", "input", f"{name} is required"))
    for (name, value), others in (model.required_with or {}).items():
        missing = [other for other in others if given.get(name) == value and other not in given]
        problems += [_problem("required", "input", f"{other} is required") for other in missing]
    return problems


def _field_problems(where: str, field: Field, value: Any) -> list[dict[str, str]]:
    """What is wrong with a value; types and words that no report shows are those of the same library (gojsonschema) (?)."""
    match field:
        case Text() | Image() if not isinstance(value, str):
            return [_wrong_type(where, "string", value)]
        case Image() if not (inputs.is_url(value) or inputs.is_data_uri(value)):
            return [_problem("format", where, "Does not match format 'uri'")]
        case Images() if not isinstance(value, list):
            return [_wrong_type(where, "array", value)]
        case Images():
            limit = f"Array must have at most {field.most} items"
            too_many = [_problem("array_max_items", where, limit)] if len(value) > field.most else []
            return too_many + [p for n, item in enumerate(value) for p in _field_problems(f"{where}.{n}", Image(), item)]
        case Choice() if value not in field.values:
            return [_enum(where.removeprefix("input."), field.values)]
        case Whole():
            return _number_problems(where, field, value)
    return []


def _number_problems(where: str, field: Whole, value: Any) -> list[dict[str, str]]:
    if not isinstance(value, int) or isinstance(value, bool):
        return [_wrong_type(where, "integer", value)]
    if field.most is not None and value > field.most:
        return [_problem("number_lte", where, f"Must be less than or equal to {field.most}")]
    if field.least is not None and value < field.least:
        return [_problem("number_gte", where, f"Must be greater than or equal to {field.least}")]
    return []


def _status(state: State) -> str:
    if state.odd_status:
        return state.odd_status
    return {
        Phase.STARTING: "starting", Phase.RUNNING: "processing", Phase.SUCCEEDED: "succeeded",
        Phase.CANCELED: "canceled", Phase.ABORTED: "aborted",
    }.get(state.phase, "failed")  # fmt: skip


def _error(plan: Plan, state: State) -> str | None:
    if state.phase in (Phase.MODERATED_INPUT, Phase.MODERATED_OUTPUT):
        return MODERATION_TEXT + (f" ({plan.moderation_id})" if plan.moderation_id else "")
    if state.phase in (Phase.FAILED, Phase.LOST):
        return ERRORS.get(plan.outcome, ERRORS["error_unknown"])
    return None


def _logs(plan: Plan, state: State) -> str:
    """Of the kind Kontext models write (1.4)."""
    if state.started_at is None:
        return ""
    lines = [f"Using seed: {plan.seed}", "Generating..."]
    if state.phase is Phase.SUCCEEDED and state.ended_at is not None:
        lines.append(f"Generated image in {state.ended_at - state.started_at:.1f}sec")
        lines.append("Downloading 1290000 bytes\nDownloaded 1.23MB in 0.14sec")
    return "\n".join(lines)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _timestamp(text: str | None) -> float | None:
    if text is None:
        return None
    # A plus sign that was not escaped in the query arrives as a space.
    when = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _wait_seconds(prefer: str | None) -> float | None:
    match = re.fullmatch(r"wait(?:=([1-9]|[1-9][0-9]))?", (prefer or "").strip())
    return None if match is None else min(60.0, float(match[1] or 60))


def _seconds(duration: str | None) -> float | None:
    """Of `30`, `30s`, `5m`, `1h30m45s`; 0 when it is none of these."""
    if duration is None:
        return None
    match = _DURATION.fullmatch(duration.strip())
    if match is None or not any(match.groups()):
        return 0.0
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    # A date too far away cannot be written.
    return min(hours * 3600 + minutes * 60 + seconds, 7 * 24 * 3600)
