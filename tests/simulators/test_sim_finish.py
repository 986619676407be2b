"""What is under way ends when a test says so, as its outcome says."""

from typing import Any

import pytest
import requests

from simulators import Simulators
from tests.patience import PATIENCE
from tests.simulators.test_sim_webhooks import Receiver, receiver

__all__ = ["receiver"]


@pytest.mark.parametrize(
    ("outcome", "shown"), [("succeed", "Ready"), ("moderated_output", "Content Moderated"), ("failed", "Failed")]
)
def test_it_ends_as_its_outcome_says(sim: Simulators, client: Any, outcome: str, shown: str) -> None:
    sim.configure(bfl={"outcome": outcome, "start_seconds": 60, "delay_seconds": 600})
    created = client.bfl_create().json()
    assert client.poll("bfl", created).json()["status"] == "Pending"

    answer = requests.post(f"{sim.url}/_sim/finish", timeout=PATIENCE)

    assert answer.json() == {"finished": 1}
    found = client.poll("bfl", created).json()
    assert found["status"] == shown
    assert sim.stats()["bfl"]["active"] == 0
    if outcome == "succeed":
        assert requests.get(found["result"]["sample"], timeout=PATIENCE).content[:4] == b"\x89PNG"


def test_neither_what_has_ended_nor_what_never_ends_nor_what_comes_later(sim: Simulators, client: Any) -> None:
    ended = client.bfl_create().json()
    endless = {"outcome": "never", "start_seconds": 60, "delay_seconds": 600}
    sim.configure(bfl=endless, replicate=endless)
    running = {provider: client.create(provider).json() for provider in ("bfl", "replicate")}
    assert sim.finish() == 0
    assert client.poll("bfl", ended).json()["status"] == "Ready"
    assert [client.poll(provider, created).json()["status"] for provider, created in running.items()] == ["Pending", "starting"]
    sim.configure(bfl={"outcome": "succeed", "delay_seconds": 600})
    assert client.poll("bfl", client.bfl_create().json()).json()["status"] == "Pending"


def test_what_was_begun_first_ends_first(sim: Simulators, client: Any) -> None:
    sim.configure(bfl={"delay_seconds": 600})
    created = [client.bfl_create().json() for _ in range(3)]

    assert requests.post(f"{sim.url}/_sim/finish?most=2", timeout=PATIENCE).json() == {"finished": 2}
    assert [client.poll("bfl", each).json()["status"] for each in created] == ["Ready", "Ready", "Pending"]
    assert requests.post(f"{sim.url}/_sim/finish?most=two", timeout=PATIENCE).status_code == 400
    assert sim.finish(5) == 1


def test_who_asked_is_told(sim: Simulators, client: Any, helpers: dict[str, Any], receiver: Receiver) -> None:
    sim.configure(replicate={"delay_seconds": 600})
    assert client.replicate_create(top={"webhook": receiver.url, "webhook_events_filter": ["completed"]}).ok
    assert sim.finish() == 1
    helpers["until"](lambda: receiver.got)
    assert [body["status"] for body in receiver.bodies()] == ["succeeded"]
