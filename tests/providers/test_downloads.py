"""A picture that cannot be fetched: whether the same link is worth another try, and that it is paid for."""

from typing import Any

import pytest

from shared.providers.provider import ProviderError, Ready
from shared.providers.registry import PROVIDERS
from tests.providers.orders import order, until_ended

every_generator = pytest.mark.parametrize("name", [generator.name for generator in PROVIDERS])


def ready_but(generator: Any, sim: Any, name: str, **fault: Any) -> Ready:
    """A finished picture whose next download meets a fault."""
    ready: Ready = until_ended(generator, generator.submit(order(name), timeout_seconds=60))
    sim.configure(**{name: {"faults": [{"on": "download", "times": 1, **fault}]}})
    return ready


def refused(generator: Any, ready: Ready) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        generator.download(ready)
    # It is finished, so it is paid for.
    assert caught.value.problem.charged == "yes"
    return caught.value


@every_generator
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500}, {"kind": "status", "status": 502}, {"kind": "status", "status": 503},
        {"kind": "status", "status": 429}, {"kind": "disconnect_before"}, {"kind": "truncated_body"},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)  # fmt: skip
def test_a_download_that_fails_on_the_way_can_be_tried_again(generators: Any, sim: Any, name: str, fault: dict) -> None:
    generator = generators[name]
    ready = ready_but(generator, sim, name, **fault)
    error = refused(generator, ready)

    assert (error.is_final, error.problem.code) == (False, "provider_unavailable")
    assert generator.download(ready)


@every_generator
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 403}, {"kind": "status", "status": 404}, {"kind": "status", "status": 410},
        {"kind": "expired_link"}, {"kind": "huge_body", "megabytes": 48}, {"kind": "redirect", "to": "https://evil.example/x.png"},
        {"kind": "redirect", "to": "http://127.0.0.1:1/x.png"}, {"kind": "redirect", "to": "https://[evil/x.png"},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)  # fmt: skip
def test_a_link_that_can_never_do_better_is_final(generators: Any, sim: Any, name: str, fault: dict) -> None:
    error = refused(generators[name], ready_but(generators[name], sim, name, **fault))

    assert (error.is_final, error.problem.code) == (True, "provider_bad_response")


@every_generator
@pytest.mark.parametrize("url", ["http://evil.example/x.png", "https://replicate.delivery.evil.example/x", "https://127.0.0.1/x"])
def test_a_link_to_a_stranger_is_refused_for_good(generators: Any, name: str, url: str) -> None:
    error = refused(generators[name], Ready(url))

    assert error.is_final
    assert "untrusted" in error.note


@every_generator
@pytest.mark.parametrize("uri", ["data:image/png;base64,@@@", "data:image/png;base64,", "data:image/png,abc", "data:"])
def test_a_data_uri_that_is_no_picture_is_final(generators: Any, name: str, uri: str) -> None:
    assert refused(generators[name], Ready(uri)).is_final


def test_a_body_that_is_no_image_is_handed_on_as_it_is(generators: Any, sim: Any) -> None:
    """Whether it is a picture is for whoever stores it to say."""
    generator = generators["bfl"]
    assert b"not an image" in generator.download(ready_but(generator, sim, "bfl", kind="not_an_image"))
