"""Black Forest Labs' HTTP API for flux-kontext-max (providers reference, section 2)."""

import asyncio
import re
import time
import uuid
from typing import Any

from aiohttp import web

from simulators.ledger import Prediction, digest_of
from simulators.lifecycle import draw_plan
from simulators.pictures import UnreadableImage, decode_image
from simulators.server import World, answer_json

_IMAGES = ("input_image", "input_image_2", "input_image_3", "input_image_4")
_REASONS = {"Moderation Reasons": ["Derivative Works Filter"]}
CREDITS_A_PICTURE = 8


def bfl_routes(world: World) -> list[web.RouteDef]:
    api = _Bfl(world)

    def on(what: str, handler: Any) -> Any:
        return world.route("bfl", what, handler)

    return [
        web.post("/bfl/v1/flux-kontext-max", on("create", api.create)),
        web.get("/bfl/v1/get_result", on("poll", api.get_result)),
        web.get("/bfl/v1/credits", on("account", api.credits)),
        web.get("/bfl/delivery/{id}/sample.{extension}", on("download", api.download)),
    ]


class _Bfl:
    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def _config(self) -> dict[str, Any]:
        return self._world.config["bfl"]

    def _refuse(self, request: web.Request) -> web.Response | None:
        if self._world.accepts("bfl", request.headers.get("x-key", "").strip()):
            return None
        return answer_json({"detail": "Not authenticated"}, 403)

    def _credits_left(self) -> float:
        stats = self._world.ledger.stats("bfl", 0)
        return float(self._config["credits"]) - CREDITS_A_PICTURE * int(stats["billed"])

    async def create(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refuse(request):
            return refused
        if self._credits_left() < CREDITS_A_PICTURE:
            return answer_json({"detail": "Insufficient credits"}, 402)
        try:
            body = await request.json()
        except ValueError:
            return answer_json({"detail": [{"loc": ["body"], "msg": "JSON decode error", "type": "json_invalid"}]}, 422)
        if found := _violations(body):
            return answer_json({"detail": found}, 422)
        limit = self._config["max_active"]
        if limit is not None and self._world.ledger.active("bfl") >= limit:
            return answer_json({"detail": "Too many active tasks"}, 429)
        number = self._world.ledger.next_number()
        plan = draw_plan(self._config, str(body["prompt"]), number, None)
        for name in _IMAGES:
            if body.get(name) and not str(body[name]).startswith("http"):
                try:
                    await asyncio.to_thread(decode_image, body[name])
                except UnreadableImage:
                    plan = type(plan)(**{**plan.to_json(), "outcome": "error_unknown"})
        prediction = Prediction(str(uuid.uuid4()), "bfl", number, time.time(), plan, body, digest_of(body))
        self._world.ledger.add(prediction)
        if body.get("webhook_url"):
            return answer_json({"id": prediction.id, "status": "Pending", "webhook_url": body["webhook_url"], "cost": 8.0})
        port = f":{request.url.port}" if request.url.port else ""
        url = f"{request.scheme}://{self._config['polling_host']}{port}/bfl/v1/get_result?id={prediction.id}"
        return answer_json({"id": prediction.id, "polling_url": url, "cost": 8.0, "input_mp": 1.05, "output_mp": 1.0})

    async def get_result(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refuse(request):
            return refused
        prediction = self._world.ledger.get("bfl", request.query.get("id", ""))
        if prediction is not None:
            self._world.ledger.polled(prediction.id)
        body: dict[str, Any] = {"id": request.query.get("id"), "result": None, "progress": None, "details": None, "preview": None}
        if prediction is None or prediction.polls < self._config["not_found_polls"]:
            return answer_json({**body, "status": "Task not found"}, int(self._config["status_codes"].get("Task not found", 404)))
        body["status"] = status = _status(prediction)
        if status == "Ready":
            body["result"] = self._result(request, prediction)
            body["cost"] = 8.0
        if "Moderated" in status and self._config["details"]:
            body["details"] = _REASONS
        return answer_json(body, int(self._config["status_codes"].get(status, 200)))

    def _result(self, request: web.Request, prediction: Prediction) -> dict[str, Any]:
        plan, asked = prediction.plan, prediction.input
        extension = asked.get("output_format") or "png"
        sample: Any = (
            f"{request.scheme}://{request.host}/bfl/delivery/{prediction.id}/sample.{extension}?se=2099&sp=r&sig=simulated"
        )
        if plan.output_shape in ("null", "object"):
            sample = None if plan.output_shape == "null" else {"url": sample}
        return {
            "sample": sample, "prompt": asked["prompt"], "seed": asked.get("seed"), "start_time": prediction.created_at,
            "end_time": prediction.created_at + plan.delay_seconds, "duration": plan.delay_seconds,
        }  # fmt: skip

    async def credits(self, request: web.Request) -> web.StreamResponse:
        return self._refuse(request) or answer_json({"credits": self._credits_left()})

    async def download(self, request: web.Request) -> web.StreamResponse:
        prediction = self._world.ledger.get("bfl", request.match_info["id"])
        if "x-key" in request.headers:
            return web.Response(status=400, text="do not send the key here")
        alive = prediction is not None and prediction.state() == "succeeded" and self._world.link_is_alive(prediction)
        if prediction is None or not alive or "sig" not in request.query:
            return web.Response(status=403)
        images = [prediction.input[name] for name in _IMAGES if prediction.input.get(name)]
        data = await self._world.picture(prediction, images)
        return web.Response(body=data, content_type=f"image/{request.match_info['extension']}")


def _status(prediction: Prediction) -> str:
    state = prediction.state()
    if state == "succeeded":
        return "Ready"
    if state == "failed":
        moderated = {"moderated_input": "Request Moderated", "moderated_output": "Content Moderated"}
        return moderated.get(prediction.plan.outcome, "Error")
    return str(prediction.plan.odd_status) if state == "odd" else "Pending"


def _violations(body: Any) -> list[dict[str, Any]]:
    """What FastAPI would say (2.9)."""
    if not isinstance(body, dict):
        return [{"loc": ["body"], "msg": "Input should be a valid dictionary", "type": "model_attributes_type"}]
    found: list[dict[str, Any]] = []
    if not isinstance(body.get("prompt"), str):
        found.append({"loc": ["body", "prompt"], "msg": "Field required", "type": "missing"})
    tolerance = body.get("safety_tolerance", 2)
    if not isinstance(tolerance, int) or tolerance < 0:
        message = "Input should be greater than or equal to 0"
        found.append({"loc": ["body", "safety_tolerance"], "msg": message, "type": "greater_than_equal"})
    elif tolerance > 6:
        message = "Input should be less than or equal to 6"
        found.append({"loc": ["body", "safety_tolerance"], "msg": message, "type": "less_than_equal"})
    if body.get("output_format") not in (None, "jpeg", "png", "webp"):
        message = "Input should be 'jpeg', 'png' or 'webp'"
        found.append({"loc": ["body", "output_format"], "msg": message, "type": "enum"})
    ratio = body.get("aspect_ratio")
    if ratio is not None:
        numbers = re.fullmatch(r"(\d+):(\d+)", str(ratio))
        fits = numbers and int(numbers[2]) and 9 / 21 <= int(numbers[1]) / int(numbers[2]) <= 21 / 9
        if not fits:
            message = "Aspect ratio must be between 21:9 and 9:21"
            found.append({"loc": ["body", "aspect_ratio"], "msg": message, "type": "value_error"})
    if body.get("seed") is not None and not isinstance(body["seed"], int):
        found.append({"loc": ["body", "seed"], "msg": "Input should be a valid integer", "type": "int_type"})
    return found
