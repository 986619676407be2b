"""Keys that no request can carry: told by the setting's name, with nothing sent, and mended as soon as the vault is."""

from typing import Any

import pytest

from local.ports import free_port
from shared.providers.http import ProviderHttp, Unreachable
from shared.providers.provider import Handle, ProviderError, Running
from shared.providers.registry import PROVIDERS
from tests.providers.orders import order

every_generator = pytest.mark.parametrize("name", [generator.name for generator in PROVIDERS])
bad_keys = pytest.mark.parametrize(
    "key",
    ["r8_\u200bright", "\u200br8_right", "r8_\nright", "r8_right\r\nX-Other: 1", "r8_r\u00efght", "r8_\x00", "\ud55c\uae00"],
    ids=ascii,
)


def problem_of(call: Any) -> Any:
    with pytest.raises(ProviderError) as caught:
        call()
    assert not caught.value.maybe_done
    return caught.value.problem


@every_generator
@bad_keys
def test_a_key_that_no_header_can_hold_is_told_by_every_call_and_nothing_is_sent(
    build: Any, sim: Any, keys: dict[str, str], name: str, key: str
) -> None:
    generator = build(name)
    keys[generator.secret_name] = key
    handle = Handle("0" * 26, f"{sim.url}/bfl/v1/get_result?id=1" if name == "bfl" else f"{sim.url}/replicate/v1/predictions/1")
    with sim.recording() as received:
        problems = [
            problem_of(generator.require_key),
            problem_of(generator.check_account),
            problem_of(lambda: generator.submit(order(name), timeout_seconds=60)),
        ]
        look = generator.look(handle)

    assert received == []
    assert isinstance(look, Running)
    assert look.trouble
    for problem in problems:
        assert (problem.code, problem.charged) == ("provider_auth_failed", "no")
        assert problem.params == {"provider": generator.label, "setting": generator.secret_name}
        assert generator.secret_name in problem.to_document("ko")["detail"]
        assert generator.secret_name in problem.to_document("en")["detail"]
        assert key not in str(problem.to_document("en"))


@every_generator
def test_a_key_that_was_mended_is_used_at_once(build: Any, sim: Any, keys: dict[str, str], name: str) -> None:
    generator = build(name)
    right, keys[generator.secret_name] = keys[generator.secret_name], "r8_\u200bright"
    problem_of(generator.require_key)
    keys[generator.secret_name] = right

    assert generator.submit(order(name), timeout_seconds=60)


@every_generator
def test_a_refused_key_that_was_replaced_by_a_bad_one_is_told_the_same_way(
    build: Any, sim: Any, keys: dict[str, str], name: str
) -> None:
    generator = build(name)
    generator.require_key()
    sim.configure(**{name: {"keys": ["another"]}})
    keys[generator.secret_name] = "r8_\u200bright"

    problem = problem_of(lambda: generator.submit(order(name), timeout_seconds=60))
    assert (problem.code, problem.params["setting"]) == ("provider_auth_failed", generator.secret_name)


@every_generator
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_the_key_names_the_setting_too(generators: Any, sim: Any, name: str, status: int) -> None:
    generator = generators[name]
    sim.configure(**{name: {"faults": [{"on": "any", "kind": "status", "status": status}]}})

    for call in (generator.check_account, lambda: generator.submit(order(name), timeout_seconds=60)):
        assert problem_of(call).params == {"provider": generator.label, "setting": generator.secret_name}


@pytest.mark.parametrize("value", ["a\u200bb", "a\nb", "\ud55c", " a"], ids=ascii)
def test_what_the_http_library_refuses_to_write_was_never_sent(value: str) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    for call in (lambda: ProviderHttp().post(url, {"x-key": value}, {}), lambda: ProviderHttp().get(url, {"x-key": value})):
        with pytest.raises(Unreachable) as caught:
            call()
        assert caught.value.never_sent
