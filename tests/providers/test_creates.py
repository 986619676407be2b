"""How long a create is waited for: longer than any other call, as giving one up buys the picture twice."""

import time
from typing import Any

import pytest

from shared.providers import http
from shared.providers.http import ProviderHttp
from shared.providers.provider import ProviderError, Running
from shared.providers.registry import PROVIDERS
from tests.patience import PATIENCE
from tests.providers.orders import order

every_generator = pytest.mark.parametrize("name", [generator.name for generator in PROVIDERS])


def connections(sim: Any, **seconds: float) -> ProviderHttp:
    """With a twentieth of the real times."""
    scaled = {
        "read_seconds": http.READ_SECONDS / 20, "total_seconds": http.TOTAL_SECONDS / 20,
        "create_read_seconds": http.CREATE_READ_SECONDS / 20, "create_seconds": http.CREATE_SECONDS / 20, **seconds,
    }  # fmt: skip
    return ProviderHttp((sim.url.removeprefix("http://"),), **scaled)


def patient(sim: Any, **seconds: float) -> ProviderHttp:
    """The same, where a create is given all the time that a busy machine takes: more than any other request, which is all that
    can be seen here."""
    return connections(sim, **{"create_read_seconds": PATIENCE, "create_seconds": PATIENCE, **seconds})


def answers_after(sim: Any, name: str, seconds: float, on: str = "create") -> None:
    sim.configure(**{name: {"faults": [{"on": on, "kind": "late", "seconds": seconds / 20, "times": 1}]}})


def test_a_create_is_given_half_a_minute() -> None:
    assert (http.CREATE_READ_SECONDS, http.CREATE_SECONDS) == (30.0, 35.0)
    assert (http.READ_SECONDS, http.TOTAL_SECONDS) == (15.0, 20.0)


@every_generator
def test_a_create_that_takes_16_seconds_succeeds(build: Any, sim: Any, name: str) -> None:
    answers_after(sim, name, 16)

    assert build(name, patient(sim)).submit(order(name), timeout_seconds=60).id
    assert sim.stats()[name]["submits"] == 1


@every_generator
def test_a_create_that_drips_for_25_seconds_succeeds(build: Any, sim: Any, name: str) -> None:
    sim.configure(**{name: {"faults": [{"on": "create", "kind": "slow", "seconds": 25 / 20, "times": 1}]}})

    assert build(name, patient(sim)).submit(order(name), timeout_seconds=60).id


@every_generator
def test_an_answer_that_is_there_in_full_counts_however_late(build: Any, sim: Any, name: str) -> None:
    answers_after(sim, name, 16)

    assert build(name, patient(sim, create_seconds=0.1)).submit(order(name), timeout_seconds=60).id


@every_generator
def test_a_create_that_takes_longer_may_have_been_made(build: Any, sim: Any, name: str) -> None:
    answers_after(sim, name, 60)
    with pytest.raises(ProviderError) as caught:
        build(name, connections(sim)).submit(order(name), timeout_seconds=60)

    assert (caught.value.maybe_done, caught.value.problem.charged) == (True, "unknown")


@every_generator
def test_a_create_that_drips_is_given_up_in_time(build: Any, sim: Any, name: str) -> None:
    sim.configure(**{name: {"faults": [{"on": "create", "kind": "slow", "seconds": 120, "times": 1}]}})
    began = time.monotonic()
    with pytest.raises(ProviderError) as caught:
        build(name, connections(sim)).submit(order(name), timeout_seconds=60)

    assert caught.value.maybe_done
    assert time.monotonic() - began < 60


@every_generator
def test_a_look_is_not_waited_for_as_long(build: Any, sim: Any, name: str) -> None:
    generator = build(name, connections(sim))
    handle = generator.submit(order(name), timeout_seconds=60)
    answers_after(sim, name, 25, on="poll")

    look = generator.look(handle)
    assert isinstance(look, Running)
    assert look.trouble == "ReadTimeout"


@every_generator
@pytest.mark.parametrize("to", ["https://evil.example/", "https://[evil/x", "http://127.0.0.1:1/"])
def test_a_create_that_is_redirected_may_have_been_made_and_is_not_sent_on(generators: Any, sim: Any, name: str, to: str) -> None:
    sim.configure(**{name: {"faults": [{"on": "create", "kind": "redirect", "to": to, "status": 307, "times": 1}]}})
    with pytest.raises(ProviderError) as caught:
        generators[name].submit(order(name), timeout_seconds=60)

    assert (caught.value.maybe_done, caught.value.note) == (True, "answered 307")
