"""A send whose answer was lost is looked for, claimed by one attempt only, and repeated at most once."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from activities.submit_prediction import submit
from shared.domain.ledger import Ledger
from shared.domain.problem import Problem
from shared.generators.generator import Order
from shared.providers.provider import Handle, ProviderError
from tests.activities.orders import BUSY, LOST, Clock, submit_order
from tests.fakes import FakeGenerator, make_job, make_services


class Listing(FakeGenerator):
    """Lists what it made, to whoever looks for a prediction of the same input."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: list[str] = []
        self.asked_since: list[datetime] = []
        self.fails_with: Exception | None = None

    def find(self, order: Order, since: datetime) -> Iterator[Handle]:
        self.asked_since.append(since)
        if self.fails_with:
            raise self.fails_with
        return iter([Handle(name, f"https://fake/{name}") for name in self.listed])


@pytest.fixture
def generator() -> Listing:
    return Listing()


def again(call: int, **changes: Any) -> Any:
    return submit_order(call=call, may_be_sent=True, **changes)


async def test_a_lost_send_is_looked_for_after_5_15_and_40_seconds(
    services: Any, client: Any, generator: Listing, clock: Clock
) -> None:
    generator.on_submit = [LOST]
    waits = []
    answer: Any = await submit(services, client, submit_order())
    for call in range(2, 5):
        waits.append(answer["after_seconds"])
        clock.pass_(answer["after_seconds"])
        answer = await submit(services, client, again(call))
        assert len(generator.asked_since) == call - 1

    assert waits == [5, 10, 25]
    # Only then is it repeated.
    assert (answer["state"], answer["sends"], len(generator.submitted)) == ("submitted", ["open", "accepted"], 2)


@pytest.mark.parametrize("looks", [1, 2, 3])
async def test_a_prediction_that_its_list_shows_late_is_found_and_not_repeated(
    services: Any, client: Any, generator: Listing, clock: Clock, looks: int
) -> None:
    generator.on_submit = [LOST]
    answer: Any = await submit(services, client, submit_order())
    for call in range(2, 2 + looks):
        if call == 1 + looks:
            generator.listed = ["p-found"]
        clock.pass_(answer["after_seconds"])
        answer = await submit(services, client, again(call))

    assert (answer["state"], answer["handle"]["id"], answer["sends"]) == ("submitted", "p-found", ["accepted"])
    assert len(generator.submitted) == 1
    # And so it stays.
    assert (await submit(services, client, again(9)))["sends"] == ["accepted"]


async def test_find_never_adopts_what_another_attempt_has(services: Any, client: Any, generator: Listing, clock: Clock) -> None:
    first: Any = await submit(services, client, submit_order())
    generator.on_submit, generator.listed = [LOST], [first["handle"]["id"]]
    await submit(services, client, submit_order(attempt=2, call=2))
    clock.pass_(5)
    answer: Any = await submit(services, client, again(3, attempt=2))
    assert answer["state"] == "again"

    generator.listed = [first["handle"]["id"], "p-second"]
    clock.pass_(10)
    answer = await submit(services, client, again(4, attempt=2))
    assert (answer["handle"]["id"], len(generator.submitted)) == ("p-second", 2)


async def test_find_never_adopts_what_another_job_has(services: Any, client: Any, generator: Listing, clock: Clock) -> None:
    make_job(services, "job_2")
    generator.on_submit, generator.listed = [LOST, LOST], ["p-a", "p-b"]
    for job in ("job_1", "job_2"):
        await submit(services, client, submit_order(job_id=job))
    clock.pass_(5)
    found: Any = [await submit(services, client, again(2, job_id=job)) for job in ("job_1", "job_2")]

    # A double click with one seed: each has a prediction of its own, so a cancel of the one leaves the other alone.
    assert [answer["handle"]["id"] for answer in found] == ["p-a", "p-b"]


async def test_what_was_taken_for_anothers_is_not_claimed_by_its_own_send(
    services: Any, client: Any, generator: Listing, clock: Clock
) -> None:
    make_job(services, "job_2")
    generator.on_submit, generator.listed = [LOST], ["p-late"]
    await submit(services, client, submit_order())
    clock.pass_(5)
    assert (await submit(services, client, again(2)))["state"] == "submitted"
    # The answer of the other job's send comes now: its prediction was adopted meanwhile, so its own is to be found.
    generator.on_submit = [Handle("p-late", "https://fake/p-late")]
    answer = await submit(services, client, submit_order(job_id="job_2"))

    assert (answer["state"], answer["sends"]) == ("again", ["open"])


async def test_a_lost_send_of_a_canceled_job_is_looked_for_and_never_repeated(
    services: Any, client: Any, generator: Listing, clock: Clock
) -> None:
    generator.on_submit = [LOST]
    await submit(services, client, submit_order())
    services.jobs.update("job_1", lambda job: job | {"cancel_requested_at": "2026-01-01T00:00:01+00:00"})
    clock.pass_(5)
    assert (await submit(services, client, again(2, is_over=True)))["state"] == "again", "the list may lag"
    clock.pass_(40)
    answer = await submit(services, client, again(3, is_over=True))

    # What it owes stays on record.
    assert (answer, len(generator.submitted)) == ({"state": "canceled", "sends": ["open"]}, 1)
    assert Ledger().noted("fake", 1, answer["sends"]).charged == "unknown"


async def test_a_lost_send_of_a_canceled_job_that_is_found_is_told_so_that_it_can_be_stopped(
    services: Any, client: Any, generator: Listing, clock: Clock
) -> None:
    generator.on_submit, generator.listed = [LOST], ["p-9"]
    await submit(services, client, submit_order())
    services.jobs.update("job_1", lambda job: job | {"cancel_requested_at": "2026-01-01T00:00:01+00:00"})
    clock.pass_(5)
    answer: Any = await submit(services, client, again(2, is_over=True))

    assert (answer["state"], answer["handle"]["id"], answer["is_wanted"]) == ("submitted", "p-9", False)


@pytest.mark.parametrize("can_find", [True, False])
async def test_a_send_that_nobody_knows_is_repeated_once_and_flagged(client: Any, clock: Clock, can_find: bool) -> None:
    generator = FakeGenerator(can_find=can_find)
    services: Any = make_services(generator, clock)
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    generator.on_submit = [LOST, LOST]
    answers: list[Any] = []
    for call in (1, 2, 3):
        answers.append(await submit(services, client, submit_order(call=call, may_be_sent=call > 1)))
        clock.pass_(60)

    assert [(answer["state"], answer["sends"]) for answer in answers] == [
        ("again", ["open"]), ("again", ["open", "open"]), ("failed", ["open", "open"]),
    ]  # fmt: skip
    assert len(generator.submitted) == 2
    ledger = Ledger().noted("fake", 1, answers[-1]["sends"])
    assert (ledger.charged, ledger.possible_duplicate) == ("unknown", True)


@pytest.mark.parametrize("code", ["provider_bad_response", "provider_auth_failed", "provider_unavailable"])
async def test_a_refused_repeat_does_not_make_the_lost_send_before_it_free(
    services: Any, client: Any, generator: Listing, clock: Clock, code: str
) -> None:
    generator.on_submit = [LOST, ProviderError(Problem(code, params={"provider": "Fake"}))]
    await submit(services, client, submit_order())
    clock.pass_(60)
    answer = await submit(services, client, again(2))

    assert answer["sends"] == ["open", "refused"]
    ledger = Ledger().noted("fake", 1, answer["sends"])
    assert (ledger.charged, ledger.possible_duplicate) == ("unknown", False)


async def test_a_refusal_of_the_repeat_does_not_reset_the_count_of_sends(
    services: Any, client: Any, generator: Listing, clock: Clock
) -> None:
    generator.on_submit = [LOST, ProviderError(BUSY, retry_after=3), LOST]
    answers: list[Any] = []
    for call in range(1, 6):
        answers.append(await submit(services, client, submit_order(call=call, may_be_sent=call > 1)))
        clock.pass_(60)

    assert [answer["sends"] for answer in answers] == [
        ["open"], ["open", "refused"], ["open", "open"], ["open", "open"], ["open", "open"],
    ]  # fmt: skip
    assert (answers[-1]["state"], len(generator.submitted)) == ("failed", 3)


async def test_a_list_that_cannot_be_read_for_good_is_no_reason_to_send_again(
    services: Any, client: Any, generator: Listing, clock: Clock
) -> None:
    generator.on_submit = [LOST]
    generator.fails_with = ProviderError(Problem("provider_auth_failed", params={"provider": "Fake"}))
    await submit(services, client, submit_order())
    clock.pass_(5)
    answer = await submit(services, client, again(2))
    assert (answer["state"], answer["sends"], len(generator.submitted)) == ("failed", ["open"], 1)
    assert answer["problem"]["charged"] == "unknown"

    # Nor later, when the key was mended.
    generator.fails_with = None
    assert (await submit(services, client, again(3))) == answer
    assert len(generator.submitted) == 1


async def test_a_list_that_is_away_is_asked_again(services: Any, client: Any, generator: Listing, clock: Clock) -> None:
    generator.on_submit, generator.fails_with = [LOST], ProviderError(BUSY, retry_after=2)
    await submit(services, client, submit_order())
    clock.pass_(5)
    answer = await submit(services, client, again(2))
    assert (answer["state"], answer["sends"]) == ("again", ["open"])

    generator.fails_with, generator.listed = None, ["p-found"]
    clock.pass_(2)
    assert (await submit(services, client, again(3)))["state"] == "submitted"


async def test_it_looks_for_what_was_sent_since_the_first_send_of_the_attempt(
    services: Any, client: Any, generator: Listing, clock: Clock
) -> None:
    began = clock()
    generator.on_submit = [LOST, LOST]
    for call in (1, 2, 3):
        await submit(services, client, submit_order(call=call, may_be_sent=call > 1))
        clock.pass_(60)

    assert set(generator.asked_since) == {began}


class Telling(FakeGenerator):
    """Tells whoever sent, and lists a prediction by whom it tells."""

    def webhook_url(self, instance: str, submission: int) -> str:
        return f"https://app/{instance}/{submission}"

    def find(self, order: Order, since: datetime) -> Iterator[Handle]:
        made = [n for n, sent in enumerate(self.submitted, start=1) if sent.webhook_url == order.webhook_url]
        return iter([Handle(f"p-{n}", f"https://fake/p-{n}") for n in made])


async def test_a_lost_send_of_an_earlier_start_is_found_by_the_instance_that_sent_it(client: Any, clock: Clock) -> None:
    services: Any = make_services(generator := Telling(), clock)
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    generator.on_submit = [LOST]
    await submit(services, client, submit_order(instance="job_1-0"))
    clock.pass_(5)
    answer = await submit(services, client, again(2001, instance="job_1-0-1"))

    assert (answer["state"], answer["sends"]) == ("submitted", ["accepted"])
    # The provider tells the former instance, which is gone: this one has to look by itself.
    assert answer["will_be_told"] is False


@pytest.mark.parametrize("instance", ["job_1-0", "job_1-0-1"])
async def test_only_the_instance_that_sent_is_told_of_the_end(client: Any, clock: Clock, instance: str) -> None:
    services: Any = make_services(Telling(), clock)
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    first: Any = await submit(services, client, submit_order(instance="job_1-0"))
    again_: Any = await submit(services, client, again(2001, instance=instance))

    assert (first["will_be_told"], again_["will_be_told"]) == (True, instance == "job_1-0")
