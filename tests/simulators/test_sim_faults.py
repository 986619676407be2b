"""Every kind of fault does what its name says, to both providers."""

import time
from pathlib import Path
from typing import Any

import pytest
import requests

from simulators import Simulators
from simulators.faults import KINDS

both = pytest.mark.parametrize("provider", ["replicate", "bfl"])


def put(sim: Simulators, provider: str, on: str, kind: str, **fault: Any) -> None:
    sim.configure(**{provider: {"faults": [{"on": on, "kind": kind, "times": 1, **fault}]}})


@both
@pytest.mark.parametrize("body", ["json", "html", "empty", "truncated"])
def test_status_with_every_body(client: Any, sim: Simulators, provider: str, body: str) -> None:
    put(sim, provider, "create", "status", status=503, body=body)
    answer = client.create(provider)
    assert answer.status_code == 503
    assert answer.headers.get("Content-Type", "").startswith("text/html") == (body == "html")
    assert (answer.content == b"") == (body == "empty")
    if body == "json":
        assert answer.json()["detail"]
    else:
        with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
            answer.json()
    assert sim.stats()[provider]["submits"] == 0
    assert client.create(provider).ok


@both
@pytest.mark.parametrize("header", [True, False])
def test_throttling_with_and_without_the_header(client: Any, sim: Simulators, provider: str, header: bool) -> None:
    put(sim, provider, "create", "status", status=429, retry_after=2, header=header)
    answer = client.create(provider)
    assert answer.json()["retry_after"] == 2
    assert answer.headers.get("Retry-After") == ("2" if header else None)


@both
def test_an_error_after_the_work_was_done(client: Any, sim: Simulators, provider: str) -> None:
    put(sim, provider, "create", "status", status=500, after_processing=True)
    assert client.create(provider).status_code == 500
    assert (sim.stats()[provider]["submits"], sim.stats()[provider]["refused"]) == (1, 0)


@both
@pytest.mark.parametrize(("kind", "submits"), [("disconnect_before", 0), ("disconnect_after", 1)])
@pytest.mark.parametrize("reset", [False, True])
def test_disconnects(client: Any, sim: Simulators, provider: str, kind: str, submits: int, reset: bool) -> None:
    put(sim, provider, "create", kind, reset=reset)
    with pytest.raises(requests.ConnectionError):
        client.create(provider)
    assert sim.stats()[provider]["submits"] == submits


@both
@pytest.mark.parametrize("kind", ["garbage", "truncated_json", "html"])
def test_unreadable_answers_to_a_create_that_worked(client: Any, sim: Simulators, provider: str, kind: str) -> None:
    put(sim, provider, "create", kind)
    answer = client.create(provider)
    assert answer.ok
    with pytest.raises(ValueError, match=r"."):
        answer.json()
    assert sim.stats()[provider]["submits"] == 1


@both
def test_slow_drips(client: Any, sim: Simulators, provider: str) -> None:
    put(sim, provider, "poll", "slow", seconds=0.5)
    created, began = client.create(provider).json(), time.monotonic()
    assert client.poll(provider, created).json()["id"] == created["id"]
    assert time.monotonic() - began > 0.4


@both
def test_a_hang_ends_without_an_answer(client: Any, sim: Simulators, provider: str) -> None:
    put(sim, provider, "account", "hang", seconds=0.2)
    url = f"{sim.replicate_base_url}/v1/account" if provider == "replicate" else f"{sim.bfl_base_url}/v1/credits"
    with pytest.raises(requests.ConnectionError):
        client.get(url, headers={**client.replicate_key, **client.bfl_key})


@both
def test_downloads_go_wrong(client: Any, sim: Simulators, provider: str) -> None:
    url = client.picture_url(provider)
    good = client.get(url).content

    put(sim, provider, "download", "wrong_content_type", content_type="application/octet-stream")
    answer = client.get(url)
    assert (answer.headers["Content-Type"], answer.content) == ("application/octet-stream", good)

    put(sim, provider, "download", "not_an_image")
    answer = client.get(url)
    assert answer.headers["Content-Type"] == "image/png"
    assert not answer.content.startswith(b"\x89PNG")

    put(sim, provider, "download", "huge_body", megabytes=8)
    assert len(client.get(url).content) == len(good) + 8 * 1024 * 1024

    put(sim, provider, "download", "truncated_body")
    with pytest.raises(requests.RequestException):
        client.get(url)

    put(sim, provider, "download", "redirect", to="http://127.0.0.1:1/evil")
    answer = client.get(url, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://127.0.0.1:1/evil")

    put(sim, provider, "download", "expired_link")
    assert client.get(url).status_code == {"replicate": 404, "bfl": 403}[provider]
    assert client.get(url).content == good


@both
def test_a_new_prediction_may_not_be_found_at_first(client: Any, sim: Simulators, provider: str) -> None:
    put(sim, provider, "poll", "not_found_after_create", times=None, polls=2)
    created = client.create(provider).json()
    assert [client.poll(provider, created).status_code for _ in range(3)] == [404, 404, 200]


@both
def test_a_new_prediction_may_not_be_found_for_a_time(
    client: Any, sim: Simulators, helpers: dict[str, Any], provider: str
) -> None:
    put(sim, provider, "poll", "not_found_after_create", times=None, seconds=600)
    created = client.create(provider).json()
    assert [client.poll(provider, created).status_code for _ in range(3)] == [404] * 3

    put(sim, provider, "poll", "not_found_after_create", times=None, seconds=0.3)
    began = time.time()
    created = client.create(provider).json()
    helpers["until"](lambda: client.poll(provider, created).status_code == 200)
    assert time.time() - began >= 0.3


@both
def test_a_seen_prediction_is_not_found_once(client: Any, sim: Simulators, provider: str) -> None:
    sim.configure(**{provider: {"delay_seconds": 600}})
    put(sim, provider, "poll", "not_found", skip=8)
    created = client.create(provider).json()
    seen = [client.poll(provider, created) for _ in range(9)]

    assert {answer.json()["status"] for answer in seen[:8]} <= {"starting", "processing", "Pending"}
    assert seen[8].status_code == 404
    assert (seen[8].json().get("status") == "Task not found") == (provider == "bfl")
    sim.finish()
    assert client.ended(provider, created)["status"] in ("succeeded", "Ready")


@both
def test_a_finished_prediction_has_no_output_once(client: Any, sim: Simulators, provider: str) -> None:
    sim.configure(**{provider: {"delay_seconds": 600}})
    put(sim, provider, "poll", "no_output")
    created = client.create(provider).json()
    # Not finished yet, so this one does not count.
    assert client.poll(provider, created).json()["status"] in ("starting", "processing", "Pending")
    sim.finish()
    first, second = client.ended(provider, created), client.poll(provider, created).json()

    assert first["status"] == second["status"]
    field = "output" if provider == "replicate" else "result"
    assert first[field] is None
    assert second[field]


@both
def test_a_late_answer_is_whole(client: Any, sim: Simulators, provider: str) -> None:
    put(sim, provider, "create", "late", seconds=0.3)
    began = time.monotonic()
    assert client.create(provider).json()["id"]
    assert time.monotonic() - began >= 0.3
    assert sim.stats()[provider]["submits"] == 1


@both
@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_link_answers_as_it_is_told(client: Any, sim: Simulators, provider: str, status: int) -> None:
    url = client.picture_url(provider)
    put(sim, provider, "download", "status", status=status)
    assert [client.get(url).status_code for _ in range(2)] == [status, 200]


@both
def test_a_link_to_an_input_cannot_be_fetched_once(client: Any, sim: Simulators, provider: str) -> None:
    put(sim, provider, "fetch", "unfetchable")
    sim.configure(**{provider: {"unfetchable_image": "422"}})
    # The picture of an earlier one, which is there.
    link = {"input_image_1" if provider == "replicate" else "input_image": client.picture_url(provider)}
    assert [client.create(provider, **link).status_code == 422 for _ in range(2)] == [True, False]


@both
def test_skip_times_match_and_probability(client: Any, sim: Simulators, provider: str) -> None:
    fault = {"on": "create", "kind": "status", "status": 503}

    def codes(count: int, prompt: str = "x", **limits: Any) -> list[int]:
        sim.configure(**{provider: {"faults": [{**fault, **limits}], "max_active": None}})
        return [200 if (answer := client.create(provider, prompt=prompt)).ok else answer.status_code for _ in range(count)]

    assert codes(5, skip=1, times=2) == [200, 503, 503, 200, 200]
    assert codes(2, prompt="unlucky", match="unlucky") == [503, 503]
    assert codes(2, prompt="lucky", match="unlucky") == [200, 200]
    drawn = codes(30, probability=0.5)
    assert set(drawn) == {200, 503}
    assert codes(30, probability=0.5) == drawn


def test_every_kind_is_tested_above() -> None:
    text = Path(__file__).read_text()
    assert [kind for kind in KINDS if f'"{kind}"' not in text] == []
