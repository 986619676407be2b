"""Finding the prediction of a lost submit in Replicate's list, whatever the list holds and however long it is."""

import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.generators.generator import Order
from shared.generators.registry import MODELS
from shared.providers.provider import Handle, ProviderError, Ready
from tests import pictures
from tests.providers.orders import order, until_ended

HOOK = "https://app.example/api/webhooks/replicate?instance=job_1&submission="
#: Quickly drawn by the simulator, as nobody looks behind a picture's end; never to be compressed.
BIG = tuple(pictures.photo_jpeg(64, 64) + bytes([number]) * 1_000_000 for number in (1, 2))
WHOLE = {"echo_limit_bytes": 10_000_000, "outcome": "never", "create_per_minute": None}


@pytest.fixture
def generator(generators: Any) -> Any:
    return generators["replicate"]


def lost(generator: Any, sim: Any, **changes: Any) -> Order:
    """An order whose submit was made and not answered."""
    sim.configure(replicate={"faults": [{"on": "create", "kind": "disconnect_after", "times": 1}]})
    sent = order("replicate", **changes)
    with pytest.raises(ProviderError):
        generator.submit(sent, timeout_seconds=60)
    return sent


def found(generator: Any, sent: Order, since: datetime) -> list[str]:
    return [handle.id for handle in generator.find(sent, since)]


def told_list(sim: Any, *items: Any, **page: Any) -> None:
    """What the list answers from now on."""
    body = {"previous": None, "next": None, "results": list(items), **page}
    sim.configure(replicate={"faults": [{"on": "list", "kind": "status", "status": 200, "json": body}]})


def item(sent: Order, prediction_id: str, **changes: Any) -> dict[str, Any]:
    """As the list shows a prediction of `sent` whose images come back as links."""
    given = {"prompt": sent.prompt, "aspect_ratio": sent.aspect_ratio, "output_format": sent.output_format,
             "safety_tolerance": sent.safety_tolerance, "seed": sent.seed}  # fmt: skip
    return {"id": prediction_id, "input": given, "created_at": datetime.now(UTC).isoformat(), **changes}


def test_a_prediction_whose_answer_was_lost_is_found_by_its_input(generator: Any, sim: Any) -> None:
    since = datetime.now(UTC)
    sent = lost(generator, sim, seed=99)
    (handle,) = generator.find(sent, since)

    assert isinstance(until_ended(generator, handle), Ready)
    assert found(generator, order("replicate", seed=98), since) == []
    assert found(generator, sent, since + timedelta(hours=1)) == []


@pytest.mark.parametrize("echo", ["whole", "link"])
@pytest.mark.parametrize(
    "change",
    [{"prompt": "a villain"}, {"aspect_ratio": "16:9"}, {"output_format": "jpeg"}, {"safety_tolerance": 1}, {"seed": 6}],
    ids=lambda change: next(iter(change)),
)
def test_any_other_field_makes_it_another_prediction(generator: Any, sim: Any, echo: str, change: dict) -> None:
    sim.configure(replicate={"echo_limit_bytes": 10_000_000 if echo == "whole" else 0})
    since, sent = datetime.now(UTC), lost(generator, sim)

    assert len(found(generator, sent, since)) == 1
    assert found(generator, order("replicate", **change), since) == []


def test_images_that_are_echoed_whole_are_compared(generator: Any, sim: Any) -> None:
    sim.configure(replicate={"echo_limit_bytes": 10_000_000})
    since, sent = datetime.now(UTC), lost(generator, sim)

    assert found(generator, order("replicate", images=sent.images[::-1]), since) == []


def test_every_prediction_of_the_same_input_is_a_candidate_the_newest_first(generator: Any) -> None:
    since = datetime.now(UTC)
    made = [generator.submit(order("replicate"), timeout_seconds=60).id for _ in range(3)]

    assert found(generator, order("replicate"), since) == made[::-1]


def test_an_earlier_send_within_the_skew_is_among_them(generator: Any) -> None:
    earlier = generator.submit(order("replicate"), timeout_seconds=60).id

    assert found(generator, order("replicate"), datetime.now(UTC) + timedelta(seconds=50)) == [earlier]
    assert found(generator, order("replicate"), datetime.now(UTC) + timedelta(seconds=70)) == []


def test_our_webhook_decides_alone(generator: Any) -> None:
    since = datetime.now(UTC)
    # With our webhook and another seed, as no other prediction can have it; twice, as a repeat has it too.
    ours = [generator.submit(order("replicate", webhook_url=f"{HOOK}1", seed=1), timeout_seconds=60).id for _ in range(2)]
    generator.submit(order("replicate", webhook_url=f"{HOOK}2"), timeout_seconds=60)
    bare = generator.submit(order("replicate"), timeout_seconds=60).id

    assert found(generator, order("replicate", webhook_url=f"{HOOK}1"), since) == ours[::-1]
    # Those that tell somebody else's webhook are never candidates, those that tell none are.
    assert found(generator, order("replicate", webhook_url=f"{HOOK}3"), since) == [bare]
    assert found(generator, order("replicate"), since) == [bare]


def test_the_list_may_lag(generator: Any, sim: Any) -> None:
    sim.configure(replicate={"list_lag_seconds": 600})
    since, sent = datetime.now(UTC), lost(generator, sim)

    assert found(generator, sent, since) == []
    sim.configure(replicate={"list_lag_seconds": 0})
    assert len(found(generator, sent, since)) == 1


def test_all_pages_are_read(generator: Any, sim: Any) -> None:
    since, sent = datetime.now(UTC), lost(generator, sim, seed=99)
    sim.configure(replicate={"outcome": "never", "page_size": 2})
    for seed in range(6):
        generator.submit(order("replicate", seed=seed), timeout_seconds=60)

    assert len(found(generator, sent, since)) == 1
    assert sim.stats()["replicate"]["lists"] == 4


def test_a_next_page_elsewhere_is_not_asked(generator: Any, sim: Any) -> None:
    told_list(sim, next="https://evil.example/v1/predictions?cursor=1")
    with pytest.raises(ProviderError) as caught:
        found(generator, order("replicate"), datetime.now(UTC))
    assert "untrusted https://evil.example" in caught.value.note


def test_a_list_without_an_end_is_given_up_and_is_not_an_answer(generator: Any, sim: Any) -> None:
    told_list(sim, next=f"{sim.url}/replicate/v1/predictions?cursor=MA==")
    with pytest.raises(ProviderError) as caught:
        found(generator, order("replicate"), datetime.now(UTC))
    assert caught.value.problem.is_retryable


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "UPPER/../x"}, {"id": None}, {"created_at": "yesterday"}, {"created_at": None}, {"input": None}, {"input": {}},
        {"created_at": "2020-01-01T00:00:00"}, {"webhook": {"url": HOOK}},
    ],
    ids=lambda change: ",".join(f"{name}={value}" for name, value in change.items()),
)  # fmt: skip
def test_items_of_another_shape_are_passed_over(generator: Any, sim: Any, changes: dict) -> None:
    sent = order("replicate")
    told_list(sim, {**item(sent, "badbadbadbad"), **changes}, 7, None, [[]], item(sent, "goodgoodgood"))

    assert found(generator, sent, datetime.now(UTC)) == ["goodgoodgood"]


@pytest.mark.parametrize("digits", ["", ".1", ".123456", ".123456789"])
@pytest.mark.parametrize("zone", ["Z", "+00:00", ""])
def test_times_are_read_as_they_come(generator: Any, sim: Any, digits: str, zone: str) -> None:
    sent = order("replicate")
    told_list(sim, item(sent, "goodgoodgood", created_at=f"2026-11-22T10:00:00{digits}{zone}"))

    assert found(generator, sent, datetime(2026, 11, 22, 10, tzinfo=UTC)) == ["goodgoodgood"]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "html"}, {"kind": "garbage"}, {"kind": "truncated_json"}, {"kind": "truncated_body"},
        {"kind": "disconnect_before"},
        {"kind": "status", "status": 500}, {"kind": "status", "status": 429, "retry_after": 7},
        {"kind": "status", "status": 200, "json": []}, {"kind": "status", "status": 200, "json": {"detail": "no"}},
        {"kind": "status", "status": 200, "json": {"results": None}}, {"kind": "status", "status": 200, "text": ""},
    ],
    ids=lambda fault: json.dumps(list(fault.values())),
)  # fmt: skip
def test_no_list_is_trouble_and_never_an_empty_list(generator: Any, sim: Any, fault: dict) -> None:
    since, sent = datetime.now(UTC), lost(generator, sim)
    sim.configure(replicate={"faults": [{"on": "list", "times": 1, **fault}]})

    with pytest.raises(ProviderError) as caught:
        found(generator, sent, since)
    assert caught.value.problem.is_retryable
    assert caught.value.retry_after == fault.get("retry_after")
    assert len(found(generator, sent, since)) == 1


def test_a_rotated_key_is_read_again_for_the_list_too(generator: Any, sim: Any, keys: dict[str, str]) -> None:
    since, sent = datetime.now(UTC), lost(generator, sim)
    sim.configure(replicate={"keys": ["newer"]})
    keys["REPLICATE_API_TOKEN"] = "newer"

    assert len(found(generator, sent, since)) == 1


@pytest.mark.parametrize("others", [13, 99])
def test_megabytes_of_echoed_images_are_read_in_little_memory(generator: Any, sim: Any, others: int) -> None:
    sim.configure(replicate=WHOLE)
    since = datetime.now(UTC)
    sent = lost(generator, sim, images=BIG, seed=4711)
    for seed in range(others):
        generator.submit(order("replicate", images=BIG, seed=seed), timeout_seconds=60)

    tracemalloc.start()
    try:
        (handle,) = generator.find(sent, since)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(handle, Handle)
    # The list is 2.7 MB for each prediction, so 37 and 270 MB; the simulator in this process, which renders it, is counted too.
    assert peak < 100 * 1024 * 1024


def test_reading_stops_where_the_caller_does(generator: Any, sim: Any) -> None:
    sim.configure(replicate={**WHOLE, "page_size": 2})
    since = datetime.now(UTC)
    for seed in range(4):
        generator.submit(order("replicate", images=BIG, seed=seed, webhook_url=f"{HOOK}{seed}"), timeout_seconds=60)

    assert next(iter(generator.find(order("replicate", images=BIG, webhook_url=f"{HOOK}3"), since)))
    assert sim.stats()["replicate"]["lists"] == 1


def test_one_endless_item_is_given_up(generator: Any, sim: Any) -> None:
    body = '{"results": [{"id": "' + "x" * (33 * 1024 * 1024)
    sim.configure(replicate={"faults": [{"on": "list", "kind": "status", "status": 200, "text": body}]})
    with pytest.raises(ProviderError) as caught:
        found(generator, order("replicate"), datetime.now(UTC))
    assert "too large" in caught.value.note


def test_bfl_has_no_list(generators: Any) -> None:
    assert list(generators["bfl"].find(order("bfl"), datetime.now(UTC))) == []


@pytest.mark.parametrize("echo", ["whole", "link"])
@pytest.mark.parametrize("model", [model.id for model in MODELS if model.provider == "replicate"])
def test_the_lost_prediction_of_every_model_is_found(build: Any, sim: Any, model: str, echo: str) -> None:
    sim.configure(replicate={"echo_limit_bytes": 10_000_000 if echo == "whole" else 0})
    since, generator = datetime.now(UTC), build(model)
    sent = lost(generator, sim)

    assert len(found(generator, sent, since)) == 1
    assert found(generator, order("replicate", seed=77), since) == []


A, B, C = (f"data:image/png;base64,{text}==" for text in ("AA", "BB", "CC"))


@pytest.mark.parametrize(
    ("sent", "echo", "is_it"),
    [
        (A, "https://x.example/a", True), ([A], ["https://x.example/a"], True), ([A, B], [A, "https://x.example/b"], True),
        ([A, B], [C, "https://x.example/b"], False), ([A], ["https://x.example/a", "https://x.example/b"], False),
        (A, C, False), ("a prompt of words", "https://x.example/a", False),
    ],
)  # fmt: skip
def test_images_may_come_back_as_links_under_whatever_name_a_model_gives_them(
    generators: Any, sim: Any, sent: Any, echo: Any, is_it: bool
) -> None:
    images = frozenset((A, B))
    shown = {"prompt": "a hero", "some_image_field": echo, "seed": 5}
    told_list(sim, {"id": "p" * 26, "input": shown, "created_at": datetime.now(UTC).isoformat()})
    provider: Any = generators["replicate"].provider
    looked_for = {"prompt": "a hero", "some_image_field": sent, "seed": 5}
    handles = list(provider.find("some/model", looked_for, images, None, datetime.now(UTC) - timedelta(seconds=5)))

    assert [handle.id for handle in handles] == ["p" * 26] * is_it


@pytest.mark.parametrize("model", [model.id for model in MODELS if model.provider == "replicate"])
def test_the_lost_prediction_of_a_deleted_job_is_found_without_its_images(build: Any, sim: Any, model: str) -> None:
    since, generator = datetime.now(UTC), build(model)
    lost(generator, sim, seed=41)

    assert len(found(generator, order("replicate", seed=41, images=()), since)) == 1
    assert found(generator, order("replicate", seed=42, images=()), since) == []
