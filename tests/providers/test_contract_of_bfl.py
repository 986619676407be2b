"""What BFL is sent, as the simulator received it over HTTP: the providers reference, 2.1 and 2.2."""

import base64
import json
from typing import Any

import pytest

from shared.domain.generation import ASPECT_RATIOS, SEED_MAX
from tests import pictures
from tests.providers.orders import JPEG, PNG, order

WEBP = pictures.webp(300, 300)
JPEG_TEXT, PNG_TEXT, WEBP_TEXT = (base64.b64encode(image).decode() for image in (JPEG, PNG, WEBP))
BODY = {
    "prompt": "a hero", "input_image": JPEG_TEXT, "aspect_ratio": "1:1", "output_format": "png", "safety_tolerance": 2,
    "seed": 5,
}  # fmt: skip
#: Changes of the order, and what they change in the body; None takes a field away.
FIELDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    *(({"prompt": text}, {"prompt": text}) for text in ("머그컵을 든 영웅 \U0001f600", 'says "hi" \\ {0}\n<b>', "x" * 2000)),
    ({"images": (PNG,)}, {"input_image": PNG_TEXT}),
    ({"images": (JPEG, PNG)}, {"input_image": JPEG_TEXT, "input_image_2": PNG_TEXT}),
    ({"images": (PNG, JPEG)}, {"input_image": PNG_TEXT, "input_image_2": JPEG_TEXT}),
    (
        {"images": (WEBP, JPEG, PNG, WEBP)},
        {"input_image": WEBP_TEXT, "input_image_2": JPEG_TEXT, "input_image_3": PNG_TEXT, "input_image_4": WEBP_TEXT},
    ),
    # The ratio of the input image is what BFL takes when none is given.
    ({"aspect_ratio": "match_input_image"}, {"aspect_ratio": None}),
    *(({"aspect_ratio": ratio}, {"aspect_ratio": ratio}) for ratio in ASPECT_RATIOS if ":" in ratio),
    ({"output_format": "png"}, {"output_format": "png"}),
    ({"output_format": "jpeg"}, {"output_format": "jpeg"}),
    *(({"safety_tolerance": level}, {"safety_tolerance": level}) for level in (0, 1, 2)),
    *(({"seed": seed}, {"seed": seed}) for seed in (0, 1, SEED_MAX)),
    # A webhook would take the polling URL out of the answer (2.3).
    ({"webhook_url": "https://app.example/hook"}, {}),
]


def sent(generators: Any, sim: Any, **changes: Any) -> Any:
    """The one request that a submit made."""
    with sim.recording() as received:
        generators["bfl"].submit(order("bfl", **changes), timeout_seconds=60)
    (request,) = received
    return request


def as_text(body: Any) -> str:
    """Unlike ==, tells 2 from 2.0 and from true."""
    return json.dumps(body, sort_keys=True)


@pytest.mark.parametrize(("changes", "expected"), FIELDS, ids=lambda given: ",".join(given))
def test_the_body_holds_exactly_the_order(generators: Any, sim: Any, changes: dict, expected: dict) -> None:
    request = sent(generators, sim, **changes)

    wanted = {name: value for name, value in {**BODY, **expected}.items() if value is not None}
    assert as_text(json.loads(request.body)) == as_text(wanted)
    assert (request.method, request.path) == ("POST", "/bfl/v1/flux-kontext-max")


def test_the_headers_are_exactly_these(generators: Any, sim: Any) -> None:
    headers = sent(generators, sim).headers
    ours = {
        "x-key": "right", "content-type": "application/json", "accept-encoding": "identity",
    }  # fmt: skip

    assert len(headers) == len(dict(headers))
    assert {name: value for name, value in headers if name in ours} == ours
    # The HTTP library's own; there is neither `Cancel-After` nor `Prefer` here (2.6).
    assert {name for name, _ in headers} - set(ours) == {
        "host", "user-agent", "accept", "connection", "content-length",
    }  # fmt: skip


def test_the_key_is_nowhere_but_in_its_header(build: Any, sim: Any, keys: dict[str, str]) -> None:
    keys["BFL_API_KEY"] = "bfl-key-0123456789"
    request = sent({"bfl": build("bfl")}, sim)

    assert "bfl-key-0123456789" not in request.path
    assert b"bfl-key-0123456789" not in request.body
    assert [name for name, value in request.headers if "bfl-key-0123456789" in value] == ["x-key"]


def test_what_comes_after_carries_the_key_and_nothing_else(generators: Any, sim: Any) -> None:
    generator = generators["bfl"]
    handle = generator.submit(order("bfl"), timeout_seconds=60)
    with sim.recording() as received:
        generator.look(handle)
        generator.cancel(handle)
        generator.check_account()

    # There is no way to cancel (2.6), so nothing is sent.
    assert [(request.method, request.path, request.body) for request in received] == [
        ("GET", f"/bfl/v1/get_result?id={handle.id}", b""), ("GET", "/bfl/v1/credits", b""),
    ]  # fmt: skip
    assert {dict(request.headers)["x-key"] for request in received} == {"right"}
