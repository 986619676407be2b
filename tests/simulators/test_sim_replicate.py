"""Replicate over plain HTTP: providers reference, section 1."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulators import Simulators
from tests.patience import PATIENCE


def test_a_new_prediction_looks_as_documented(client: Any, sim: Simulators) -> None:
    sim.configure(replicate={"start_seconds": 5, "delay_seconds": 10})
    answer = client.replicate_create()
    body = answer.json()

    assert answer.status_code == 201
    assert (body["status"], body["version"], body["output"], body["data_removed"]) == ("starting", "hidden", None, False)
    assert len(body["id"]) == 26
    assert body["urls"]["get"] == f"{sim.url}/replicate/v1/predictions/{body['id']}"
    assert answer.headers["ratelimit-remaining"] == "599"


def test_a_finished_one_has_times_and_metrics(client: Any) -> None:
    body = client.ended("replicate", client.replicate_create(seed=41).json())

    assert body["status"] == "succeeded"
    assert body["output"].endswith(".png")
    assert body["metrics"]["image_count"] == 1
    assert body["logs"].startswith("Using seed: 41\nGenerating...")
    assert body["created_at"] <= body["started_at"] <= body["completed_at"]


@pytest.mark.parametrize(
    ("changes", "entry"),
    [
        ({"output_format": "webp"}, ("enum", "input.output_format", 'output_format must be one of the following: "jpg", "png"')),
        ({"aspect_ratio": "7:5"}, ("enum", "input.aspect_ratio", None)),
        ({"safety_tolerance": 3}, ("number_lte", "input.safety_tolerance", "Must be less than or equal to 2")),
        ({"prompt": None}, ("required", "input", "prompt is required")),
        ({"input_image_2": None}, ("required", "input", "input_image_2 is required")),
        ({"input_image_1": "/tmp/x.png"}, ("format", "input.input_image_1", "Does not match format 'uri'")),
        ({"seed": "1"}, ("invalid_type", "input.seed", None)),
        ({"top": {"model": "x"}}, ("additional_property_not_allowed", "", "Additional property model is not allowed")),
    ],
)  # fmt: skip
def test_what_breaks_the_schema_is_refused_by_name(client: Any, sim: Simulators, changes: dict, entry: tuple) -> None:
    answer = client.replicate_create(**changes)
    body = answer.json()

    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")
    (found,) = body["invalid_fields"]
    assert (found["type"], found["field"]) == entry[:2]
    assert entry[2] in (None, found["description"])
    assert found["description"] in body["detail"]
    assert (sim.stats()["replicate"]["submits"], sim.stats()["replicate"]["refused"]) == (0, 1)


def test_all_violations_come_in_one_answer(client: Any) -> None:
    body = client.replicate_create(prompt=None, seed="x", output_format="gif").json()
    assert len(body["invalid_fields"]) == body["detail"].count("\n") == 3


def test_models_and_versions(client: Any, sim: Simulators) -> None:
    base, given = sim.replicate_base_url, client.replicate_create().json()["input"]
    unknown = client.http.post(
        f"{base}/v1/models/a/b/predictions", json={"input": given}, headers=client.replicate_key, timeout=PATIENCE
    )
    assert unknown.status_code == 404
    for version, status in (("flux-kontext-apps/multi-image-kontext-max", 201), ("nobody/knows", 422), (None, 422)):
        body = {"input": given, "version": version} if version else {"input": given}
        answer = client.http.post(f"{base}/v1/predictions", json=body, headers=client.replicate_key, timeout=PATIENCE)
        assert answer.status_code == status


def test_an_unreadable_image_fails_the_run(client: Any) -> None:
    body = client.ended("replicate", client.replicate_create(input_image_1="data:image/png;base64,aGVsbG8=").json())
    assert body["status"] == "failed"
    assert "image" in body["error"]


@pytest.mark.parametrize(("shape", "kind"), [("string", str), ("list", list), ("null", type(None)), ("object", dict)])
def test_output_shapes(client: Any, sim: Simulators, shape: str, kind: type) -> None:
    sim.configure(replicate={"output_shape": shape})
    assert isinstance(client.ended("replicate", client.replicate_create().json())["output"], kind)


@pytest.mark.parametrize(("prefer", "seconds"), [("wait=1", 0.3), ("wait", 0.3)])
def test_prefer_wait_holds_the_answer(client: Any, sim: Simulators, prefer: str, seconds: float) -> None:
    sim.configure(replicate={"delay_seconds": seconds})
    answer = client.replicate_create(headers={"Prefer": prefer})
    assert (answer.status_code, answer.headers["Preference-Applied"], answer.json()["status"]) == (201, prefer, "succeeded")


def test_wait_mode_may_show_output_before_succeeded(client: Any, sim: Simulators) -> None:
    sim.configure(replicate={"delay_seconds": 4, "early_output": True})
    body = client.replicate_create(headers={"Prefer": "wait=5"}).json()
    assert body["status"] == "processing"
    assert client.get(body["output"]).status_code == 200


def test_a_wait_that_runs_out_answers_what_is(client: Any, sim: Simulators) -> None:
    sim.configure(replicate={"outcome": "never"})
    body = client.replicate_create(headers={"Prefer": "wait=1"}).json()
    assert (body["status"], body["output"]) == ("processing", None)


def test_cancel_is_final_and_counted(client: Any, sim: Simulators) -> None:
    sim.configure(replicate={"outcome": "never"})
    created = client.replicate_create().json()
    for _ in range(2):
        answer = client.http.post(created["urls"]["cancel"], headers=client.replicate_key, timeout=PATIENCE)
        assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
    stats = sim.stats()["replicate"]
    assert (stats["cancels"], stats["canceled"], stats["billed"], stats["active"]) == (1, 1, 1, 0)


def test_cancel_after_is_echoed_and_has_a_least(client: Any) -> None:
    assert client.replicate_create(headers={"Cancel-After": "1m30s"}).json()["deadline"]
    assert client.replicate_create(headers={"Cancel-After": "99999999999999h"}).json()["deadline"]
    for bad in ("4", "soon", "-5"):
        assert client.replicate_create(headers={"Cancel-After": bad}).status_code == 400


def test_a_lost_answer_is_found_in_the_list(client: Any, sim: Simulators) -> None:
    since = datetime.now(UTC) - timedelta(seconds=1)
    created = client.replicate_create().json()

    def listed(when: datetime) -> list[str]:
        url = f"{sim.replicate_base_url}/v1/predictions"
        page = client.get(url, params={"created_after": when.isoformat()}, headers=client.replicate_key).json()
        return [item["id"] for item in page["results"]]

    assert listed(since) == [created["id"]]
    assert listed(since + timedelta(hours=1)) == []


def test_data_goes_after_the_retention_time(client: Any, sim: Simulators) -> None:
    created = client.replicate_create().json()
    url = client.ended("replicate", created)["output"]
    sim.configure(replicate={"retention_seconds": 0, "link_seconds": 0})

    body = client.poll("replicate", created).json()
    assert (body["status"], body["output"], body["data_removed"], body["input"]) == ("succeeded", None, True, {})
    assert client.get(url).status_code == 404


def test_low_credit_allows_one_then_six_a_minute(client: Any, sim: Simulators) -> None:
    sim.configure(replicate={"low_credit": True, "retry_after_header": True})
    assert client.replicate_create().status_code == 201
    refused = client.replicate_create()
    assert (refused.status_code, refused.headers["Retry-After"], refused.json()["retry_after"]) == (429, "10", 10)
    assert refused.json()["detail"] == "Request was throttled. Your rate limit resets in ~10s."


def test_credit_used_up_is_402(client: Any, sim: Simulators) -> None:
    sim.configure(replicate={"credit_usd": 0.08})
    client.ended("replicate", client.replicate_create().json())
    answer = client.replicate_create()
    assert (answer.status_code, answer.json()["title"]) == (402, "Insufficient credit")


@pytest.mark.parametrize(("with_id", "end"), [(False, "(E005)"), (True, ")")])
def test_moderation_text_with_and_without_an_id(client: Any, sim: Simulators, with_id: bool, end: str) -> None:
    sim.configure(replicate={"outcome": "moderated_output", "moderation_id": with_id})
    error = client.ended("replicate", client.replicate_create().json())["error"]
    assert "flagged as sensitive" in error
    assert error.endswith(end)
    assert error.endswith("(E005)") != with_id


def test_long_inputs_are_echoed_as_a_url(client: Any, sim: Simulators) -> None:
    sim.configure(replicate={"echo_limit_bytes": 10})
    echo = client.replicate_create().json()["input"]
    assert client.get(echo["input_image_1"]).headers["Content-Type"] == "image/jpeg"


def test_billing_counts_pictures_and_duplicates(client: Any, sim: Simulators) -> None:
    sim.configure(replicate={"outcome_sequence": ["succeed", "error_E003", "moderated_output", "succeed"]})
    for _ in range(4):
        client.ended("replicate", client.replicate_create().json())
    client.ended("replicate", client.replicate_create(prompt="another").json())

    stats = sim.stats()["replicate"]
    assert (stats["submits"], stats["succeeded"], stats["failed"], stats["moderated"]) == (5, 3, 1, 1)
    assert (stats["billed"], stats["cost_usd"], stats["duplicates"]) == (3, 0.24, 3)


def test_throttling_by_prompt_passes_at_the_third_try(client: Any) -> None:
    assert [client.replicate_create(prompt="x [[429]]").status_code for _ in range(4)] == [429, 429, 201, 201]


def test_started_runs_show_processing(client: Any, sim: Simulators) -> None:
    odd = {"delay_seconds": 600, "odd_statuses": ["queued-somewhere"]}
    sim.configure(replicate={"start_seconds": 600, **odd})
    assert client.replicate_create().json()["status"] == "starting"
    sim.configure(replicate={"start_seconds": 0, **odd})
    assert client.poll("replicate", client.replicate_create().json()).json()["status"] == "queued-somewhere"


def test_the_list_lags_behind_the_creates(client: Any, sim: Simulators, helpers: dict[str, Any]) -> None:
    sim.configure(replicate={"list_lag_seconds": 600})
    began = time.time()
    created = client.replicate_create().json()

    def listed() -> list[str]:
        url = f"{sim.replicate_base_url}/v1/predictions"
        return [found["id"] for found in client.get(url, headers=client.replicate_key).json()["results"]]

    assert client.poll("replicate", created).ok
    assert listed() == []
    sim.configure(replicate={"list_lag_seconds": 0.5})
    assert helpers["until"](listed) == [created["id"]]
    assert time.time() - began >= 0.5


def test_a_page_of_whole_images_is_sent_in_parts(client: Any, sim: Simulators, helpers: dict[str, Any]) -> None:
    sim.configure(replicate={"echo_limit_bytes": 10_000_000, "outcome": "never"})
    # What follows a picture's end is not looked at, so a big one is drawn quickly.
    image = helpers["data_uri"](helpers["png"]() + bytes(1_500_000))
    ids = [client.replicate_create(input_image_1=image, seed=seed).json()["id"] for seed in range(6)]
    answer = client.get(f"{sim.replicate_base_url}/v1/predictions", headers=client.replicate_key)

    assert answer.headers.get("Transfer-Encoding") == "chunked"
    assert [found["id"] for found in answer.json()["results"]] == ids[::-1]
    assert {found["input"]["input_image_1"] for found in answer.json()["results"]} == {image}


def test_whole_requests_are_kept_while_a_test_asks(client: Any, sim: Simulators) -> None:
    with sim.recording() as received:
        client.replicate_create(prompt="kept")
    client.replicate_create(prompt="not kept")

    (request,) = received
    assert (request.method, request.path.split("/")[-1]) == ("POST", "predictions")
    assert ("authorization", "Bearer r8_test") in request.headers
    assert b'"kept"' in request.body
