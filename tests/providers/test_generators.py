"""Both generators against the simulators over HTTP. What holds for any provider is tested for every one in the registry."""

import io
import socket
import threading
import time
from typing import Any

import pytest
from PIL import Image

from shared.providers.provider import Failed, ProviderError, Ready, Running
from shared.providers.registry import PROVIDERS
from tests.patience import PATIENCE
from tests.providers.orders import order, until_ended

every_generator = pytest.mark.parametrize("name", [generator.name for generator in PROVIDERS])


@every_generator
@pytest.mark.parametrize("output_format", ["png", "jpeg"])
def test_an_order_becomes_a_picture_of_its_format(generators: Any, name: str, output_format: str) -> None:
    generator = generators[name]
    look = until_ended(generator, generator.submit(order(name, output_format=output_format), timeout_seconds=60))

    assert isinstance(look, Ready)
    assert Image.open(io.BytesIO(generator.download(look))).format == output_format.upper()


@every_generator
def test_a_missing_key_is_told_before_anything_is_sent(generators: Any, sim: Any, keys: dict[str, str], name: str) -> None:
    keys.clear()
    with pytest.raises(ProviderError) as caught:
        generators[name].require_key()

    assert caught.value.problem.code == "missing_api_key"
    with pytest.raises(ProviderError):
        generators[name].submit(order(name), timeout_seconds=60)
    assert sim.stats()[name]["submits"] == 0


@every_generator
def test_a_rotated_key_is_read_again_when_the_old_one_is_refused(
    generators: Any, sim: Any, keys: dict[str, str], name: str
) -> None:
    generator = generators[name]
    generator.require_key()
    sim.configure(**{name: {"keys": ["newer"]}})
    keys[generator.secret_name] = "newer"

    handle = generator.submit(order(name), timeout_seconds=60)

    assert isinstance(until_ended(generator, handle), Ready)
    assert sim.stats()[name]["submits"] == 1


@every_generator
def test_a_refused_key_is_an_auth_failure_and_costs_nothing(generators: Any, sim: Any, name: str) -> None:
    sim.configure(**{name: {"keys": ["another"]}})
    with pytest.raises(ProviderError) as caught:
        generators[name].submit(order(name), timeout_seconds=60)

    assert (caught.value.problem.code, caught.value.problem.charged) == ("provider_auth_failed", "no")
    assert not caught.value.maybe_done
    with pytest.raises(ProviderError):
        generators[name].check_account()


@every_generator
@pytest.mark.parametrize(
    ("status", "code", "retryable", "maybe_done"),
    [
        (400, "provider_bad_response", False, False),
        (402, "provider_quota_exhausted", False, False),
        (404, "provider_bad_response", False, False),
        (408, "provider_unavailable", True, False),
        (409, "provider_unavailable", True, False),
        (422, "provider_bad_response", False, False),
        (429, "provider_unavailable", True, False),
        (500, "provider_unavailable", True, True),
        (502, "provider_unavailable", True, True),
        (503, "provider_unavailable", True, False),
        (504, "provider_unavailable", True, True),
    ],
)
def test_every_refusal_of_a_submit_has_a_class(
    generators: Any, sim: Any, name: str, status: int, code: str, retryable: bool, maybe_done: bool
) -> None:
    sim.configure(**{name: {"faults": [{"on": "create", "kind": "status", "status": status, "times": 1}]}})
    with pytest.raises(ProviderError) as caught:
        generators[name].submit(order(name), timeout_seconds=60)

    error = caught.value
    assert (error.problem.code, error.problem.is_retryable, error.maybe_done) == (code, retryable, maybe_done)


@every_generator
def test_retry_after_is_handed_on(generators: Any, sim: Any, name: str) -> None:
    fault = {"on": "create", "kind": "status", "status": 429, "retry_after": 7, "header": True, "times": 1}
    sim.configure(**{name: {"faults": [fault]}})
    with pytest.raises(ProviderError) as caught:
        generators[name].submit(order(name), timeout_seconds=60)

    assert caught.value.retry_after == 7


@every_generator
@pytest.mark.parametrize("kind", ["disconnect_before", "disconnect_after", "truncated_json", "garbage", "html"])
def test_a_lost_or_unreadable_answer_to_a_submit_may_have_been_one(generators: Any, sim: Any, name: str, kind: str) -> None:
    sim.configure(**{name: {"faults": [{"on": "create", "kind": kind, "times": 1}]}})
    with pytest.raises(ProviderError) as caught:
        generators[name].submit(order(name), timeout_seconds=60)

    assert caught.value.maybe_done
    assert caught.value.problem.charged == "unknown"


@every_generator
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500}, {"kind": "status", "status": 429},
        {"kind": "status", "status": 401}, {"kind": "disconnect_before"}, {"kind": "garbage"}, {"kind": "truncated_json"}, {"kind": "html"},  # noqa: E501 - a row of a table
    ],
    ids=lambda fault: "-".join(str(v) for v in fault.values()),
)  # fmt: skip
def test_no_trouble_with_a_poll_fails_a_prediction(generators: Any, sim: Any, name: str, fault: dict) -> None:
    generator = generators[name]
    handle = generator.submit(order(name), timeout_seconds=60)
    sim.configure(**{name: {"faults": [{"on": "poll", "times": 1, **fault}]}})

    look = generator.look(handle)
    assert isinstance(look, Running)
    assert look.trouble
    assert isinstance(until_ended(generator, handle), Ready)


@every_generator
@pytest.mark.parametrize("status", [429, 503])
def test_a_poll_that_is_refused_tells_for_how_long(generators: Any, sim: Any, name: str, status: int) -> None:
    handle = generators[name].submit(order(name), timeout_seconds=60)
    sim.configure(**{name: {"faults": [{"on": "poll", "kind": "status", "status": status, "retry_after": 7, "header": True}]}})

    assert generators[name].look(handle).retry_after == 7


@every_generator
def test_no_key_travels_with_a_download(generators: Any, sim: Any, name: str) -> None:
    generator = generators[name]
    generator.download(until_ended(generator, generator.submit(order(name), timeout_seconds=60)))

    for request in sim.requests():
        if "/delivery/" in request["path"]:
            assert not request["key"], request


@pytest.mark.parametrize("shape", ["string", "list", "data_uri"])
def test_replicate_output_is_read_in_every_documented_shape(generators: Any, sim: Any, shape: str) -> None:
    sim.configure(replicate={"output_shape": shape})
    generator = generators["replicate"]
    look = until_ended(generator, generator.submit(order("replicate"), timeout_seconds=60))

    assert Image.open(io.BytesIO(generator.download(look))).format == "PNG"


@pytest.mark.parametrize(
    ("outcome", "code", "resubmits"),
    [
        ("moderated_input", "content_moderated", 0), ("error_E003", "provider_unavailable", 2),
        ("error_PA", "provider_unavailable", 2), ("error_E8765", "provider_unavailable", 2),
        ("error_E1001", "provider_unavailable", 1), ("error_E4875", "provider_unavailable", 0),
        ("error_unknown", "provider_unavailable", 0),
    ],
)  # fmt: skip
def test_replicate_failures_have_a_class(generators: Any, sim: Any, outcome: str, code: str, resubmits: int) -> None:
    sim.configure(replicate={"outcome": outcome})
    generator = generators["replicate"]
    look = until_ended(generator, generator.submit(order("replicate"), timeout_seconds=60))

    assert isinstance(look, Failed)
    assert (look.problem.code, look.problem.charged, look.resubmits) == (code, "unknown", resubmits)


@pytest.mark.parametrize(("outcome", "words"), [("moderated_input", "the input"), ("moderated_output", "the generated picture")])
def test_bfl_moderation_says_what_was_refused_and_is_free(generators: Any, sim: Any, outcome: str, words: str) -> None:
    sim.configure(bfl={"outcome": outcome})
    generator = generators["bfl"]
    look = until_ended(generator, generator.submit(order("bfl"), timeout_seconds=60))

    assert isinstance(look, Failed)
    assert (look.problem.code, look.problem.charged) == ("content_moderated", "no")
    assert words in look.problem.to_document("en")["detail"]


def test_replicate_cancels_and_bfl_cannot(generators: Any, sim: Any) -> None:
    sim.configure(replicate={"outcome": "never"}, bfl={"outcome": "never"})
    assert generators["replicate"].cancel(generators["replicate"].submit(order("replicate"), timeout_seconds=60)) == "canceled"
    assert generators["bfl"].cancel(generators["bfl"].submit(order("bfl"), timeout_seconds=60)) == "going on"


def test_bfl_polls_the_host_that_the_answer_names_unless_it_breaks_the_rules(generators: Any) -> None:
    generator = generators["bfl"]
    handle = generator.submit(order("bfl"), timeout_seconds=60)
    assert "localhost" in handle.poll_url
    for given in ("https://evil.example/v1/get_result?id=task-0001", "https://api.eu2.bfl.ai/v1/other?id=task-0001",
                  "https://api.eu2.bfl.ai/v1/get_result?id=another", None, 7):  # fmt: skip
        assert generator._poll_url("task-0001", given).endswith("/bfl/v1/get_result?id=task-0001")
    good = "https://api.eu2.bfl.ai/v1/get_result?id=task-0001"
    assert generator._poll_url("task-0001", good) == good


def test_bfl_credits_used_up_are_seen_before_a_submit(generators: Any, sim: Any) -> None:
    sim.configure(bfl={"credits": 1})
    with pytest.raises(ProviderError) as caught:
        generators["bfl"].check_account()

    assert caught.value.problem.code == "provider_quota_exhausted"


def test_an_answer_that_drips_is_given_up_in_time(sim: Any, generators: Any) -> None:
    from shared.providers.http import ProviderHttp, Unreachable

    sim.configure(replicate={"faults": [{"on": "account", "kind": "slow", "seconds": 120, "times": 1}]})
    quick = ProviderHttp(total_seconds=0.5, read_seconds=5)
    began = time.monotonic()
    with pytest.raises(Unreachable):
        quick.get(f"{sim.url}/replicate/v1/account", {"Authorization": "Bearer r8_right"})
    assert time.monotonic() - began < 60


def test_a_refused_connection_was_never_sent() -> None:
    from local.ports import free_port
    from shared.providers.http import ProviderHttp, Unreachable

    with pytest.raises(Unreachable) as caught:
        ProviderHttp().post(f"http://127.0.0.1:{free_port()}/", {}, {})
    assert caught.value.never_sent


def test_a_name_that_leads_to_a_private_address_gets_no_byte_and_no_key() -> None:
    from shared.providers.http import ProviderHttp, Unreachable

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/v1/predictions"
        with pytest.raises(Unreachable) as caught:
            ProviderHttp().get(url, {"Authorization": "Bearer r8_secret"})
        assert caught.value.never_sent
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            assert connection.recv(1) == b""


def test_hosts_for_local_work_may_be_private() -> None:
    from shared.providers.http import ProviderHttp, Unreachable

    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"

        def say_hello() -> None:
            connection, _ = listener.accept()
            with connection:
                seen.append(connection.recv(1))

        seen: list[bytes] = []
        server = threading.Thread(target=say_hello)
        server.start()
        with pytest.raises(Unreachable):
            ProviderHttp((host,)).get(f"https://{host}/", {})
        server.join(PATIENCE)
    # A TLS handshake begins with 0x16.
    assert seen == [b"\x16"]


def test_replicate_is_told_whom_to_call(build: Any, generators: Any) -> None:
    generator = build("replicate", PUBLIC_BASE_URL="https://app.example")
    url = generator.webhook_url("job_1-2", 3)
    assert url == "https://app.example/api/webhooks/replicate?instance=job_1-2&submission=3"
    assert generators["bfl"].webhook_url("job_1", 1) is None


def test_the_signing_secret_is_read_from_replicate(generators: Any, sim: Any) -> None:
    assert generators["replicate"].webhook_secret().startswith("whsec_")
    sim.configure(replicate={"faults": [{"on": "secret", "kind": "html"}]})
    with pytest.raises(ProviderError):
        generators["replicate"].webhook_secret()


def test_a_cancel_that_comes_too_late_says_so(generators: Any, sim: Any) -> None:
    generator = generators["replicate"]
    handle = generator.submit(order("replicate"), timeout_seconds=60)
    until_ended(generator, handle)
    assert generator.cancel(handle) == "finished"
