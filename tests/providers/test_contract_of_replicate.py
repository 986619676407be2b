"""What Replicate is sent, as the simulator received it over HTTP: the providers reference, 1.1 to 1.3."""

import base64
import json
from typing import Any

import pytest

from shared.domain.generation import ASPECT_RATIOS, SEED_MAX
from tests.providers.orders import JPEG, PNG, order

JPEG_URI = f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}"
PNG_URI = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
INPUT = {
    "prompt": "a hero", "input_image_1": JPEG_URI, "input_image_2": PNG_URI, "aspect_ratio": "1:1", "output_format": "png",
    "safety_tolerance": 2, "seed": 5,
}  # fmt: skip
HOOK = "https://app.example/api/webhooks/replicate?instance=job_1&submission=1"
#: Changes of the order, and what they change in `input`.
FIELDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    *(({"prompt": text}, {"prompt": text}) for text in ("머그컵을 든 영웅 \U0001f600", 'says "hi" \\ {0}\n<b>', "x" * 2000)),
    ({"images": (PNG, JPEG)}, {"input_image_1": PNG_URI, "input_image_2": JPEG_URI}),
    *(({"aspect_ratio": ratio}, {"aspect_ratio": ratio}) for ratio in ASPECT_RATIOS),
    ({"output_format": "png"}, {"output_format": "png"}),
    ({"output_format": "jpeg"}, {"output_format": "jpg"}),
    *(({"safety_tolerance": level}, {"safety_tolerance": level}) for level in (0, 1, 2)),
    *(({"seed": seed}, {"seed": seed}) for seed in (0, 1, SEED_MAX)),
]


def sent(generators: Any, sim: Any, timeout_seconds: int = 120, **changes: Any) -> Any:
    """The one request that a submit made."""
    with sim.recording() as received:
        generators["replicate"].submit(order("replicate", **changes), timeout_seconds=timeout_seconds)
    (request,) = received
    return request


def as_text(body: Any) -> str:
    """Unlike ==, tells 2 from 2.0 and from true."""
    return json.dumps(body, sort_keys=True)


@pytest.mark.parametrize(("changes", "expected"), FIELDS, ids=lambda given: ",".join(given))
def test_the_body_holds_exactly_the_order(generators: Any, sim: Any, changes: dict, expected: dict) -> None:
    request = sent(generators, sim, **changes)

    assert as_text(json.loads(request.body)) == as_text({"input": {**INPUT, **expected}})
    assert (request.method, request.path) == (
        "POST", "/replicate/v1/models/flux-kontext-apps/multi-image-kontext-max/predictions",
    )  # fmt: skip


def test_a_webhook_is_asked_for_once_at_the_end(generators: Any, sim: Any) -> None:
    body = json.loads(sent(generators, sim, webhook_url=HOOK).body)

    assert as_text(body) == as_text({"input": INPUT, "webhook": HOOK, "webhook_events_filter": ["completed"]})


@pytest.mark.parametrize(("timeout_seconds", "cancel_after"), [(120, "180s"), (1, "61s"), (0, "60s"), (-58, "5s")])
def test_the_headers_are_exactly_these(generators: Any, sim: Any, timeout_seconds: int, cancel_after: str) -> None:
    headers = sent(generators, sim, timeout_seconds=timeout_seconds).headers
    ours = {
        "authorization": "Bearer r8_right", "cancel-after": cancel_after, "content-type": "application/json",
        "accept-encoding": "identity",
    }  # fmt: skip

    assert len(headers) == len(dict(headers))
    assert {name: value for name, value in headers if name in ours} == ours
    # The HTTP library's own; no `Prefer`: the answer is not waited for.
    assert {name for name, _ in headers} - set(ours) == {
        "host", "user-agent", "accept", "connection", "content-length",
    }  # fmt: skip


def test_the_key_is_nowhere_but_in_its_header(generators: Any, sim: Any) -> None:
    request = sent(generators, sim, webhook_url=HOOK)

    assert "r8_right" not in request.path
    assert b"r8_right" not in request.body
    assert [name for name, value in request.headers if "r8_right" in value] == ["authorization"]


def test_what_comes_after_carries_the_key_and_nothing_else(generators: Any, sim: Any) -> None:
    generator = generators["replicate"]
    sim.configure(replicate={"outcome": "never"})
    handle = generator.submit(order("replicate"), timeout_seconds=60)
    with sim.recording() as received:
        generator.look(handle)
        generator.cancel(handle)
        generator.check_account()
        generator.webhook_secret()

    assert [(request.method, request.path.removeprefix("/replicate/v1"), request.body) for request in received] == [
        ("GET", f"/predictions/{handle.id}", b""), ("POST", f"/predictions/{handle.id}/cancel", b""), ("GET", "/account", b""),
        ("GET", "/webhooks/default/secret", b""),
    ]  # fmt: skip
    assert {dict(request.headers)["authorization"] for request in received} == {"Bearer r8_right"}
