"""Rules of money and trust that hold for every provider: where its key may go, and what a failure owes."""

from typing import Any

import pytest

from local.ports import free_port
from shared.providers.provider import Failed, Handle, ProviderError, Running
from shared.providers.registry import PROVIDERS
from tests.providers.orders import order, until_ended

every_generator = pytest.mark.parametrize("name", [generator.name for generator in PROVIDERS])
BASE_URLS = {"replicate": "REPLICATE_API_BASE_URL", "bfl": "BFL_API_BASE_URL"}


@every_generator
@pytest.mark.parametrize("url", ["https://api.bfl.ai.evil.example/v1/get_result", "https://evilreplicate.com/v1/predictions/1"])
def test_a_key_is_not_sent_to_a_stranger_that_a_handle_names(
    generators: Any, monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    generator, asked = generators[name], []
    monkeypatch.setattr(generator._http, "get", lambda *request, **_: asked.append(request))

    look = generator.look(Handle("0" * 26, url))

    assert asked == []
    assert isinstance(look, Running)
    assert look.trouble
    assert "untrusted" in look.trouble


@every_generator
def test_proxies_of_the_machine_see_no_key(generators: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{free_port()}")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)

    assert generators[name].submit(order(name), timeout_seconds=60).id


@every_generator
def test_a_submit_that_found_nobody_made_nothing(build: Any, name: str) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    generator = build(name, **{BASE_URLS[name]: f"http://{nobody}", "PROVIDER_EXTRA_HOSTS": nobody})
    with pytest.raises(ProviderError) as caught:
        generator.submit(order(name), timeout_seconds=60)

    assert (caught.value.maybe_done, caught.value.problem.charged) == (False, "no")
    assert caught.value.provider_failed


@every_generator
@pytest.mark.parametrize(("status", "is_down"), [(429, False), (408, False), (400, False), (503, True), (500, True)])
def test_only_a_provider_that_is_down_has_failed(generators: Any, sim: Any, name: str, status: int, is_down: bool) -> None:
    sim.configure(**{name: {"faults": [{"on": "create", "kind": "status", "status": status, "times": 1}]}})
    with pytest.raises(ProviderError) as caught:
        generators[name].submit(order(name), timeout_seconds=60)

    assert caught.value.provider_failed == is_down


@pytest.mark.parametrize("outcome", ["error_unknown", "failed"])
def test_a_failed_task_of_bfl_is_free_and_worth_two_more(generators: Any, sim: Any, outcome: str) -> None:
    sim.configure(bfl={"outcome": outcome})
    look = until_ended(generators["bfl"], generators["bfl"].submit(order("bfl"), timeout_seconds=60))

    assert isinstance(look, Failed)
    assert (look.problem.code, look.problem.charged, look.resubmits) == ("provider_unavailable", "no", 2)


@pytest.mark.parametrize(("outcome", "charged"), [("aborted", "no"), ("canceled", "unknown")])
def test_a_run_that_replicate_ended_by_itself_tells_what_it_may_cost(
    generators: Any, sim: Any, outcome: str, charged: str
) -> None:
    """One that never started is free."""
    sim.configure(replicate={"outcome": outcome})
    look = until_ended(generators["replicate"], generators["replicate"].submit(order("replicate"), timeout_seconds=60))

    assert isinstance(look, Failed)
    assert (look.problem.code, look.problem.charged, look.resubmits) == ("provider_unavailable", charged, 0)
