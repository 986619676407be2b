"""Black Forest Labs over plain HTTP: providers reference, section 2."""

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from simulators import Simulators
from tests.patience import PATIENCE


def test_a_new_task_names_another_host_to_poll(client: Any, sim: Simulators) -> None:
    body = client.bfl_create().json()
    assert body["polling_url"] == f"http://localhost:{sim.port}/bfl/v1/get_result?id={body['id']}"
    assert (body["cost"], body["input_mp"], body["output_mp"]) == (8.0, 0.07, 1.04)


def test_the_wrong_host_does_not_know_it(client: Any, sim: Simulators) -> None:
    body = client.bfl_create().json()
    elsewhere = f"{sim.bfl_base_url}/v1/get_result?id={body['id']}"
    answer = client.get(elsewhere, headers=client.bfl_key)
    assert (answer.status_code, answer.json()["status"]) == (404, "Task not found")

    sim.configure(bfl={"wrong_host": "answer"})
    assert client.get(elsewhere, headers=client.bfl_key).json()["status"] == "Ready"


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("moderated_input", "Request Moderated"), ("moderated_output", "Content Moderated"), ("error_E003", "Error"),
        ("failed", "Failed"), ("not_found", "Task not found"),
    ],
)  # fmt: skip
def test_ends_that_are_free(client: Any, sim: Simulators, outcome: str, status: str) -> None:
    sim.configure(bfl={"outcome": outcome})
    body = client.ended("bfl", client.bfl_create().json())
    assert (body["status"], body["result"]) == (status, None)
    assert (body["details"] is not None) == ("Moderated" in status)
    assert sim.stats()["bfl"]["billed"] == 0


def test_moderation_details_may_be_null(client: Any, sim: Simulators) -> None:
    sim.configure(bfl={"outcome": "moderated_input", "moderation_reasons": None})
    assert client.ended("bfl", client.bfl_create().json())["details"] is None


def test_a_status_body_may_come_under_another_code(client: Any, sim: Simulators) -> None:
    sim.configure(bfl={"outcome": "error_unknown", "poll_status_codes": {"Error": 503}})
    answer = client.poll("bfl", client.bfl_create().json())
    assert (answer.status_code, answer.json()["status"]) == (503, "Error")


@pytest.mark.parametrize(
    ("changes", "loc"),
    [
        ({"prompt": None}, "prompt"), ({"seed": "1"}, "seed"), ({"input_image": "no base64!"}, "input_image"),
        ({"safety_tolerance": 7}, "safety_tolerance"), ({"safety_tolerance": -1}, "safety_tolerance"),
        ({"output_format": "jpg"}, "output_format"), ({"aspect_ratio": "match_input_image"}, "aspect_ratio"),
        ({"aspect_ratio": "3:1"}, "aspect_ratio"), ({"aspect_ratio": "0:1"}, "aspect_ratio"),
        ({"input_image": base64.b64encode(b"no image").decode()}, "input_image"), ({"webhook_url": "ftp://x"}, "webhook_url"),
    ],
)  # fmt: skip
def test_what_breaks_the_schema_is_a_fastapi_list(client: Any, changes: dict, loc: str) -> None:
    answer = client.bfl_create(**changes)
    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == [["body", loc]]


def test_rules_that_are_only_guessed_can_be_switched(client: Any, sim: Simulators) -> None:
    assert client.bfl_create(unknown=1).status_code == 200
    sim.configure(bfl={"forbid_extra": True, "min_image_side": 256, "bad_image": "error"})
    assert client.bfl_create(unknown=1).status_code == 422
    assert client.ended("bfl", client.bfl_create().json())["status"] == "Error"


def test_six_may_be_active_and_no_more_even_at_once(client: Any, sim: Simulators, helpers: dict[str, Any]) -> None:
    sim.configure(bfl={"outcome": "never"})
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: helpers["Client"](sim).bfl_create().status_code, range(12)))
    assert sorted(answers) == [200] * 6 + [429] * 6
    stats = sim.stats()["bfl"]
    assert (stats["active"], stats["max_active"], stats["refused"], stats["create_requests"]) == (6, 6, 6, 12)


def test_ready_consumes_credits_until_there_are_none(client: Any, sim: Simulators) -> None:
    sim.configure(bfl={"credits": 12})
    client.ended("bfl", client.bfl_create().json())
    credits = client.get(f"{sim.bfl_base_url}/v1/credits", headers=client.bfl_key).json()["credits"]
    answer = client.bfl_create()
    assert (credits, answer.status_code, answer.json()) == (4, 402, {"detail": "Insufficient credits"})


def test_links_are_signed_expire_and_refuse_keys(client: Any, sim: Simulators) -> None:
    url = client.picture_url("bfl")
    answer = client.get(url)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert client.get(url, headers=client.bfl_key).status_code == 400
    assert client.get(url.replace("sig=", "sig=0")).status_code == 403
    assert client.get(url.split("?")[0]).status_code == 403
    sim.configure(bfl={"link_seconds": 0})
    assert client.get(url).status_code == 403


def test_odd_statuses_come_before_ready(client: Any, sim: Simulators) -> None:
    sim.configure(bfl={"delay_seconds": 30, "odd_statuses": ["Reasoning"]})
    assert client.poll("bfl", client.bfl_create().json()).json()["status"] == "Reasoning"


@pytest.mark.parametrize("provider", ["replicate", "bfl"])
def test_keys_can_be_rotated(client: Any, sim: Simulators, provider: str) -> None:
    sim.configure(**{provider: {"keys": ["newer"]}})
    refused = client.create(provider)
    header = {"Authorization": "Bearer newer"} if provider == "replicate" else {"x-key": "newer"}
    assert refused.status_code == {"replicate": 401, "bfl": 403}[provider]
    assert client.create(provider, headers=header).ok
    assert client.create(provider, headers={"Authorization": "", "x-key": ""}).status_code == refused.status_code


def test_the_log_tells_where_keys_went_and_never_what_they_were(client: Any, sim: Simulators) -> None:
    client.get(client.picture_url("bfl"))
    log = sim.requests("bfl")
    assert [(entry["method"], entry["key"]) for entry in log] == [("POST", True), ("GET", True), ("GET", False)]
    assert "test" not in str([entry["headers"] for entry in log])
    assert urlsplit(f"//{log[1]['host']}").hostname == "localhost"


@pytest.mark.parametrize(
    "changes",
    [
        {"replicte": {}}, {"bfl": {"delay": 1}}, {"bfl": {"delay_seconds": "1"}}, {"bfl": {"outcome": "x"}}, {"bfl": 3},
        {"bfl": {"faults": [{"on": "create", "kind": "explode"}]}}, {"bfl": {"webhooks": {"x": 1}}},
        {"replicate": {"output_shape": "blob"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_mistyped_config_is_refused_whole(client: Any, sim: Simulators, changes: dict) -> None:
    before = sim.config()
    answer = client.http.post(f"{sim.url}/_sim/config", json={"replicate": {"delay_seconds": 9}, **changes}, timeout=PATIENCE)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert sim.config() == before
