"""Replicate's HTTP API for one official model (providers reference, section 1)."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import secrets
import string
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

import aiohttp
from aiohttp import web

from simulators.ledger import Prediction, digest_of
from simulators.lifecycle import ERRORS, draw_plan
from simulators.pictures import UnreadableImage, decode_image
from simulators.server import World, answer_json

MODEL = "flux-kontext-apps/multi-image-kontext-max"
ASPECT_RATIOS = [
    "match_input_image",
    "1:1",
    "16:9",
    "9:16",
    "4:3",
    "3:4",
    "3:2",
    "2:3",
    "4:5",
    "5:4",
    "21:9",
    "9:21",
    "2:1",
    "1:2",
]
_ALPHABET = string.ascii_lowercase + string.digits
_TOP_LEVEL = {"input", "webhook", "webhook_events_filter", "stream", "version"}
_PAGE = 100
_ENDED = ("succeeded", "failed", "canceled", "aborted")


def replicate_routes(world: World) -> list[web.RouteDef]:
    api = _Replicate(world)

    def on(what: str, handler: Any) -> Any:
        return world.route("replicate", what, handler)

    base = "/replicate/v1"
    return [
        web.post(f"{base}/models/{{owner}}/{{name}}/predictions", on("create", api.create)),
        web.post(f"{base}/predictions", on("create", api.create)),
        web.get(f"{base}/predictions", on("list", api.list)),
        web.get(f"{base}/predictions/{{id}}", on("poll", api.get)),
        web.post(f"{base}/predictions/{{id}}/cancel", on("cancel", api.cancel)),
        web.get(f"{base}/account", on("account", api.account)),
        web.get(f"{base}/webhooks/default/secret", on("secret", api.secret)),
        web.get("/replicate/delivery/{id}/{file}", on("download", api.download)),
    ]


def problem(status: int, title: str, detail: str, **more: Any) -> web.Response:
    body = {"title": title, "detail": detail, "status": status, **more}
    return answer_json(body, status, kind="application/problem+json")


class _Replicate:
    def __init__(self, world: World) -> None:
        self._world = world
        self._creates: deque[float] = deque()

    @property
    def _config(self) -> dict[str, Any]:
        return self._world.config["replicate"]

    def _refuse(self, request: web.Request) -> web.Response | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme in ("Bearer", "Token") and self._world.accepts("replicate", token.strip()):
            return None
        return problem(401, "Unauthenticated", "You did not pass a valid authentication token")

    async def create(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refuse(request) or self._throttled():
            return refused
        if not self._config["credit"]:
            return problem(402, "Insufficient credit", "You have insufficient credit to run this model.")
        try:
            body = await request.json()
        except ValueError:
            return problem(400, "Bad request", "The body is not JSON")
        model = (
            f"{request.match_info['owner']}/{request.match_info['name']}"
            if "owner" in request.match_info
            else body.get("version")
        )
        if model != MODEL:
            return problem(404, "Not found", "The requested resource could not be found.")
        if invalid := _violations(body, generic="owner" not in request.match_info):
            detail = "".join(
                f"- {v['field']}: {v['description']}\n" if v["field"] else f"- {v['description']}\n" for v in invalid
            )
            return problem(422, "Input validation failed", detail, invalid_fields=invalid)
        limit = self._config["max_active"]
        if limit is not None and self._world.ledger.active("replicate") >= limit:
            return problem(429, "Too many requests", "Request was throttled. Your rate limit resets in ~1s.", retry_after=1)
        prediction = await self._begin(request, body)
        wait = re.fullmatch(r"wait(?:=(\d+))?", request.headers.get("Prefer", "").strip())
        headers = {"Preference-Applied": request.headers["Prefer"]} if wait else {}
        ends = time.time() + (int(wait.group(1) or 60) if wait else 0)
        while wait and time.time() < ends and prediction.state() not in _ENDED:  # noqa: ASYNC110 - state is a function of time: there is no event to wait for
            await asyncio.sleep(0.02)
        return answer_json(self._view(request, prediction), 201, headers)

    async def _begin(self, request: web.Request, body: dict[str, Any]) -> Prediction:
        number = self._world.ledger.next_number()
        plan = draw_plan(
            self._config, str(body["input"].get("prompt", "")), number, _seconds(request.headers.get("Cancel-After"))
        )
        for name in ("input_image_1", "input_image_2"):
            value = body["input"][name]
            if value.startswith("data:"):
                try:
                    await asyncio.to_thread(decode_image, value)
                except UnreadableImage:
                    plan = type(plan)(**{**plan.to_json(), "outcome": "error_unknown"})
        prediction = Prediction(
            "".join(secrets.choice(_ALPHABET) for _ in range(26)), "replicate", number, time.time(), plan,
            {**body["input"], "_webhook": body.get("webhook"), "_events": body.get("webhook_events_filter")}, digest_of(body["input"]),  # noqa: E501 - a row of a table
        )  # fmt: skip
        self._world.ledger.add(prediction)
        if body.get("webhook"):
            task = asyncio.create_task(self._webhook(_origin(request), prediction))
            _webhooks.add(task)
            task.add_done_callback(_webhooks.discard)
        return prediction

    def _throttled(self) -> web.Response | None:
        limit, now = self._config["create_per_minute"], time.time()
        while self._creates and self._creates[0] < now - 60:
            self._creates.popleft()
        if limit is not None and len(self._creates) >= limit:
            seconds = max(1, int(self._creates[0] + 60 - now))
            return problem(
                429, "Too many requests", f"Request was throttled. Your rate limit resets in ~{seconds}s.", retry_after=seconds
            )
        self._creates.append(now)
        return None

    async def get(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refuse(request):
            return refused
        prediction = self._world.ledger.get("replicate", request.match_info["id"])
        if prediction is not None:
            self._world.ledger.polled(prediction.id)
        # Replication lag: a prediction may be unknown just after its create (1.13).
        if prediction is None or prediction.polls < self._config["not_found_polls"]:
            return problem(404, "Not found", "The requested resource could not be found.")
        return answer_json(self._view(request, prediction))

    async def list(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refuse(request):
            return refused
        after = request.query.get("created_after")
        earliest = datetime.fromisoformat(after.replace(" ", "+")).timestamp() if after else 0.0
        found = [p for p in self._world.ledger.all("replicate") if p.created_at >= earliest]
        start = int(request.query.get("cursor", 0))
        following = None
        if start + _PAGE < len(found):
            following = f"{_origin(request)}/replicate/v1/predictions?cursor={start + _PAGE}"
            following += f"&created_after={quote(after)}" if after else ""
        results = [self._view(request, p) for p in found[start : start + _PAGE]]
        return answer_json({"next": following, "previous": None, "results": results})

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refuse(request):
            return refused
        prediction = self._world.ledger.get("replicate", request.match_info["id"])
        if prediction is None:
            return problem(404, "Not found", "The requested resource could not be found.")
        self._world.ledger.cancel(prediction)
        return answer_json(self._view(request, self._world.ledger.get("replicate", prediction.id) or prediction))

    async def account(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refuse(request):
            return refused
        return answer_json(
            {"type": "organization", "username": "simulated", "name": "Simulated", "github_url": None, "avatar_url": None}
        )

    async def secret(self, request: web.Request) -> web.StreamResponse:
        return self._refuse(request) or answer_json({"key": self._config["webhook_secret"]})

    async def download(self, request: web.Request) -> web.StreamResponse:
        prediction = self._world.ledger.get("replicate", request.match_info["id"])
        if prediction is None or prediction.state() != "succeeded" or not self._world.link_is_alive(prediction):
            return web.Response(status=404)
        images = [prediction.input["input_image_1"], prediction.input["input_image_2"]]
        data = await self._world.picture(prediction, images)
        kind = "image/jpeg" if prediction.input.get("output_format") == "jpg" else "image/png"
        return web.Response(body=data, content_type=kind)

    def _view(self, request: web.Request, prediction: Prediction) -> dict[str, Any]:
        return self._document(_origin(request), prediction)

    def _document(self, origin: str, prediction: Prediction) -> dict[str, Any]:
        state, plan = prediction.state(), prediction.plan
        here = f"{origin}/replicate/v1/predictions/{prediction.id}"
        shown = {k: v for k, v in prediction.input.items() if not k.startswith("_")}
        body: dict[str, Any] = {
            "id": prediction.id, "model": MODEL, "version": "hidden", "input": shown, "logs": "", "output": None, "data_removed": False,  # noqa: E501 - a row of a table
            "error": None, "source": "api", "status": plan.odd_status if state == "odd" else state,
            "created_at": _stamp(prediction.created_at),
            "urls": {"get": here, "cancel": f"{here}/cancel", "web": f"https://replicate.com/p/{prediction.id}"},
        }  # fmt: skip
        if state != "starting":
            body["started_at"] = _stamp(prediction.created_at + plan.start_seconds)
        if state in _ENDED:
            body["completed_at"] = _stamp(prediction.created_at + plan.delay_seconds)
        if state == "succeeded":
            seconds = round(plan.delay_seconds - plan.start_seconds, 3)
            body["metrics"] = {"image_count": 1, "predict_time": seconds, "total_time": plan.delay_seconds}
            body["logs"] = f"Using seed: {shown.get('seed')}\nGenerating...\nGenerated image in {seconds}sec"
            body["output"] = self._output(origin, prediction)
            if not self._world.link_is_alive(prediction):
                body |= {"output": None, "input": {}, "logs": None, "data_removed": True}
        if state == "failed":
            body["error"] = ERRORS[plan.outcome]
        return body

    def _output(self, origin: str, prediction: Prediction) -> Any:
        extension = prediction.input.get("output_format") or "png"
        url = f"{origin}/replicate/delivery/{prediction.id}/tmp.{extension}"  # noqa: S108 - a path of a URL
        shape = prediction.plan.output_shape
        if shape == "data_uri":
            from simulators.pictures import paint

            asked = prediction.input
            images = [asked["input_image_1"], asked["input_image_2"]]
            data = paint(images, str(asked.get("prompt")), asked.get("aspect_ratio"), extension, int(asked.get("seed") or 0))
            return f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"
        return {"string": url, "list": [url], "null": None, "object": {"url": url}}.get(shape, url)

    # ---- webhooks (1.8) ----

    async def _webhook(self, origin: str, prediction: Prediction) -> None:
        wanted = prediction.input["_events"] or ["output", "completed"]
        if "start" in wanted:
            await asyncio.sleep(max(0.0, prediction.plan.start_seconds))
            await self._deliver(origin, prediction, retries=0)
        while True:
            current = self._world.ledger.get("replicate", prediction.id)
            if current is None:
                return
            if current.state() in _ENDED:
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(float(self._config["webhook_delay_seconds"]))
        for _ in range(int(self._config["webhook_duplicates"])):
            await self._deliver(origin, current, retries=4)

    async def _deliver(self, origin: str, prediction: Prediction, retries: int) -> None:
        body = json.dumps(self._document(origin, prediction)).encode()
        message = f"msg_{prediction.id}"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            for attempt in range(retries + 1):
                stamp = str(int(time.time()))
                signature = sign_webhook(self._config["webhook_secret"], message, stamp, body)
                if self._config["webhook_forged"]:
                    signature = "v1," + base64.b64encode(b"forged" * 5).decode()
                headers = {"webhook-id": message, "webhook-timestamp": stamp, "webhook-signature": signature}
                try:
                    async with session.post(
                        unquote(prediction.input["_webhook"]), data=body, allow_redirects=False,
                        headers={**headers, "Content-Type": "application/json"},
                    ) as answer:  # fmt: skip
                        if answer.status < 300:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(min(2**attempt, 30))


_webhooks: set[asyncio.Task[None]] = set()


def sign_webhook(secret: str, message: str, stamp: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, f"{message}.{stamp}.".encode() + body, hashlib.sha256).digest()).decode()


def _violations(body: Any, *, generic: bool) -> list[dict[str, str]]:
    """What Replicate's validation finds, in its words (1.10)."""
    if not isinstance(body, dict) or not isinstance(body.get("input"), dict):
        return [{"type": "required", "field": "", "description": "input is required"}]
    found = [
        {"type": "additional_property_not_allowed", "field": "", "description": f"Additional property {name} is not allowed"}
        for name in sorted(set(body) - (_TOP_LEVEL if generic else _TOP_LEVEL - {"version"}))
    ]
    asked = body["input"]
    found += [
        {"type": "required", "field": "input", "description": f"{name} is required"}
        for name in ("prompt", "input_image_1", "input_image_2") if not asked.get(name)
    ]  # fmt: skip
    for name, allowed in (("aspect_ratio", ASPECT_RATIOS), ("output_format", ["jpg", "png"])):
        if asked.get(name) is not None and asked[name] not in allowed:
            words = ", ".join(f'"{a}"' for a in allowed)
            found.append(
                {"type": "enum", "field": f"input.{name}", "description": f"{name} must be one of the following: {words}"}
            )
    tolerance = asked.get("safety_tolerance")
    if isinstance(tolerance, int) and tolerance > 2:
        found.append({"type": "number_lte", "field": "input.safety_tolerance", "description": "Must be less than or equal to 2"})
    for name in ("input_image_1", "input_image_2"):
        if asked.get(name) and not re.match(r"(https?://|data:)", str(asked[name])):
            found.append({"type": "format", "field": f"input.{name}", "description": "Does not match format 'uri'"})
    webhook = body.get("webhook")
    if webhook is not None and not re.match(r"https?://", str(webhook)):
        found.append({"type": "format", "field": "webhook", "description": "Does not match format 'uri'"})
    return found


def _seconds(text: str | None) -> float | None:
    """Cancel-After: seconds or a Go-like duration, at least five seconds (1.2)."""
    if not text:
        return None
    if text.isdigit():
        return max(5.0, float(text))
    units = {"h": 3600.0, "m": 60.0, "s": 1.0}
    return max(5.0, sum(float(n) * units[u] for n, u in re.findall(r"(\d+(?:\.\d+)?)([hms])", text)))


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _origin(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"
