"""Images behind links that the simulators really fetch: made from them, found by them, and told of when they cannot be had."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.generators.generator import Order
from shared.generators.image import Linked
from shared.providers.provider import Failed, ProviderError, Ready
from tests.providers.orders import JPEG, PNG, order, until_ended
from tests.simulators.test_sim_links import Shelf

#: A model of each field's shape: one image by name, several by name, a list.
MODELS = ["flux-kontext-max", "flux-2-pro", "flux-kontext-apps/multi-image-kontext-max", "black-forest-labs/flux-2-pro"]
AT_REPLICATE = MODELS[2:]

every_model = pytest.mark.parametrize("model", MODELS)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    server = Shelf()
    server.files |= {"/a.jpg": JPEG, "/b.png": PNG}
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def linked(shelf: Shelf, *paths: str, signature: str = "one", **changes: Any) -> Order:
    """Two images by default, in the order of `paths`."""
    images = tuple(Linked(JPEG, f"{shelf.url(path)}?sig={signature}") for path in paths or ("/a.jpg", "/b.png"))
    return order("replicate", **{"images": images, **changes})


def provider_of(model: str) -> str:
    return "replicate" if model in AT_REPLICATE else "bfl"


@every_model
def test_a_picture_is_made_from_what_the_links_name(build: Callable[..., Any], sim: Any, shelf: Shelf, model: str) -> None:
    generator = build(model)
    by_link = generator.submit(linked(shelf), timeout_seconds=60)
    inside = generator.submit(linked(shelf, images=(JPEG, PNG)), timeout_seconds=60)
    pictures = [generator.download(until_ended(generator, handle)) for handle in (by_link, inside)]

    assert pictures[0] == pictures[1]
    assert sorted(shelf.asked) == ["/a.jpg?sig=one", "/b.png?sig=one"]
    assert {fetch["url"]: fetch["failed"] for fetch in sim.fetches()} == {shelf.url("/a.jpg"): 0, shelf.url("/b.png"): 0}


@every_model
@pytest.mark.parametrize("status", ["422", "400"])
def test_a_refusal_of_a_link_is_about_an_image_and_costs_nothing(
    build: Callable[..., Any], sim: Any, shelf: Shelf, model: str, status: str
) -> None:
    sim.configure(**{provider_of(model): {"unfetchable_image": status}})
    with pytest.raises(ProviderError) as caught:
        build(model).submit(linked(shelf, "/gone.png", "/b.png"), timeout_seconds=60)

    error = caught.value
    assert (error.is_about_image, error.maybe_done, error.problem.charged) == (True, False, "no")
    assert error.note == f"answered {status}"
    assert "gone" not in str(error)


@every_model
@pytest.mark.parametrize(
    ("status", "detail"),
    [
        (422, [{"loc": ["body", "input_image"], "msg": "Value error", "url": "https://errors.pydantic.dev/x"}]),
        (422, "- input.input_images: Does not match format 'uri'"), (400, "Could not download the file"),
        (400, "The URL is not reachable"),
    ],
)  # fmt: skip
def test_so_is_one_that_is_worded_otherwise(
    build: Callable[..., Any], sim: Any, shelf: Shelf, model: str, status: int, detail: Any
) -> None:
    fault = {"on": "create", "kind": "status", "status": status, "json": {"detail": detail}, "times": 1}
    sim.configure(**{provider_of(model): {"faults": [fault]}})
    with pytest.raises(ProviderError) as caught:
        build(model).submit(linked(shelf), timeout_seconds=60)

    assert caught.value.is_about_image


@every_model
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (422, {"detail": [{"loc": ["body", "seed"], "msg": "not a number", "url": "https://errors.pydantic.dev/x"}]}),
        (422, {"detail": "- input.output_format: must be one of"}), (400, {"title": "no"}), (400, {"detail": [7, None]}),
        # Whatever it says: these are about us, or are tried again by themselves.
        (402, {"detail": "input_image"}), (403, {"detail": "input_image"}), (429, {"detail": "input_image"}),
        (500, {"detail": "input_image"}),
    ],
)  # fmt: skip
def test_other_refusals_are_not_about_an_image(
    build: Callable[..., Any], sim: Any, shelf: Shelf, model: str, status: int, body: Any
) -> None:
    fault = {"on": "create", "kind": "status", "status": status, "json": body, "times": 1}
    sim.configure(**{provider_of(model): {"faults": [fault]}})
    with pytest.raises(ProviderError) as caught:
        build(model).submit(linked(shelf), timeout_seconds=60)

    assert not caught.value.is_about_image


@pytest.mark.parametrize(("name", "charged", "resubmits"), [("bfl", "no", 2), ("replicate", "unknown", 0)])
def test_a_run_that_could_not_fetch_is_tried_anew_where_that_is_free(
    generators: Any, sim: Any, shelf: Shelf, name: str, charged: str, resubmits: int
) -> None:
    sim.configure(**{name: {"unfetchable_image": "error"}})
    generator = generators[name]
    look = until_ended(generator, generator.submit(linked(shelf, "/gone.png", "/b.png"), timeout_seconds=60))

    assert isinstance(look, Failed)
    assert (look.problem.code, look.problem.charged, look.resubmits) == ("provider_unavailable", charged, resubmits)


# ---- finding a lost send ----


def lost(generator: Any, sim: Any, sent: Order) -> None:
    """A submit that was made and not answered."""
    sim.configure(replicate={"faults": [{"on": "create", "kind": "disconnect_after", "times": 1}]})
    with pytest.raises(ProviderError):
        generator.submit(sent, timeout_seconds=60)


def found(generator: Any, sent: Order, since: datetime) -> list[str]:
    return [handle.id for handle in generator.find(sent, since)]


@pytest.mark.parametrize("model", AT_REPLICATE)
def test_a_lost_send_is_found_by_what_its_links_name_whatever_their_signatures(
    build: Callable[..., Any], sim: Any, shelf: Shelf, model: str
) -> None:
    generator, since = build(model), datetime.now(UTC)
    lost(generator, sim, linked(shelf))
    (handle,) = generator.find(linked(shelf, signature="two"), since)

    assert isinstance(until_ended(generator, handle), Ready)


@pytest.mark.parametrize("model", AT_REPLICATE)
@pytest.mark.parametrize("paths", [("/c.jpg", "/b.png"), ("/a.jpg", "/c.jpg"), ("/b.png", "/a.jpg"), ("/a.jpg",)])
def test_a_send_of_another_jobs_images_is_not_found(
    build: Callable[..., Any], sim: Any, shelf: Shelf, model: str, paths: tuple[str, ...]
) -> None:
    """All else being equal, the seed too."""
    if len(paths) == 1 and model == MODELS[2]:
        pytest.skip("it takes two")
    shelf.files["/c.jpg"] = JPEG
    generator, since = build(model), datetime.now(UTC)
    lost(generator, sim, linked(shelf, *paths))

    assert len(found(generator, linked(shelf, *paths), since)) == 1
    assert found(generator, linked(shelf), since) == []


@pytest.mark.parametrize("model", AT_REPLICATE)
def test_nor_is_one_that_went_inside(build: Callable[..., Any], sim: Any, shelf: Shelf, model: str) -> None:
    sim.configure(replicate={"echo_limit_bytes": 10_000_000})
    generator, since = build(model), datetime.now(UTC)
    lost(generator, sim, linked(shelf, images=(JPEG, PNG)))

    assert found(generator, linked(shelf), since) == []


@pytest.mark.parametrize("model", AT_REPLICATE)
def test_links_that_come_back_as_others_tell_nothing_of_their_images(
    build: Callable[..., Any], sim: Any, shelf: Shelf, model: str
) -> None:
    generator, since = build(model), datetime.now(UTC)
    sent = linked(shelf)
    theirs = {name: _elsewhere(value) for name, value in generator._generator.model.fields(sent).items()}
    item = {"id": "prediction1", "input": theirs, "created_at": datetime.now(UTC).isoformat()}
    body = {"previous": None, "next": None, "results": [item, {**item, "id": "prediction2", "input": {**theirs, "seed": 6}}]}
    sim.configure(replicate={"faults": [{"on": "list", "kind": "status", "status": 200, "json": body}]})

    assert found(generator, sent, since) == ["prediction1"]


def _elsewhere(value: Any) -> Any:
    if isinstance(value, list):
        return [_elsewhere(one) for one in value]
    return "https://replicate.delivery/pbxt/x.png" if str(value).startswith("http") else value
