"""Every durable step costs queue messages, rows of history and CPU time at each replay: no job takes more than it does now."""

import pytest

from bench.steps import Case, counted, measure
from devhost.bench import Bench
from shared import names
from tests.orchestrators import story
from tests.stack import ROOT

STARTS_AT = Bench().now


def steps_of_a_job(seconds: float, *, is_told: bool = False, expected: float | None = None) -> dict[str, int]:
    """Of a job whose prediction takes so long; `expected`: what its gate has measured before."""
    benches: list[Bench] = []

    def look(payload: object) -> object:
        age = (benches[0].now - STARTS_AT).total_seconds()
        return story.stored() if age >= seconds else story.RUNNING

    told = story.tell(
        before=benches.append, bench={"activity_seconds": {names.SUBMIT_PREDICTION: 0.4, names.CHECK_PREDICTION: 0.2}},
        events=[(seconds + 0.5, names.ended_event(1), {})] if is_told else (),
        activities={
            names.SUBMIT_PREDICTION: story.always(story.submitted(told=is_told, expected=expected)),
            names.CHECK_PREDICTION: look,
        },
    )  # fmt: skip
    steps = counted(told.outcome.history)
    return {name: getattr(steps, name) for name in ("activities", "timers", "looks", "history")}


@pytest.mark.parametrize(
    ("seconds", "expected", "most"),
    [
        (3, 3, {"activities": 5, "timers": 2, "looks": 2, "history": 32}),
        (12, 12, {"activities": 6, "timers": 3, "looks": 3, "history": 40}),
        (30, 30, {"activities": 7, "timers": 4, "looks": 4, "history": 48}),
        # A quarter longer than those before it.
        (15, 12, {"activities": 9, "timers": 6, "looks": 6, "history": 64}),
        # The first ones, of which nobody knows how long they take.
        (3, None, {"activities": 6, "timers": 3, "looks": 3, "history": 40}),
        (12, None, {"activities": 11, "timers": 8, "looks": 8, "history": 80}),
        (30, None, {"activities": 19, "timers": 16, "looks": 16, "history": 144}),
    ],
)
def test_a_goods_job_takes_no_more_steps_than_this(seconds: float, expected: float | None, most: dict[str, int]) -> None:
    took = steps_of_a_job(seconds, expected=expected)

    assert {name: count for name, count in took.items() if count > most[name]} == {}


@pytest.mark.parametrize("seconds", [1, 2, 3.5, 5, 7.3, 10, 20, 45, 60, 80, 100, 110])
def test_a_picture_whose_time_is_known_is_looked_at_five_times_at_most(seconds: float) -> None:
    took = steps_of_a_job(seconds, expected=seconds)

    assert took["looks"] <= 5
    # Of a look its activity and its timer, each of them begun and ended, and the two episodes between.
    assert took["history"] <= 16 + 8 * took["looks"]


@pytest.mark.parametrize("seconds", [5, 15, 30, 100])
def test_a_job_that_is_told_of_the_end_takes_no_more_steps_than_this(seconds: float) -> None:
    took = steps_of_a_job(seconds, is_told=True, expected=seconds)

    assert took == {"activities": 4, "timers": 1, "looks": 1, "history": 24}


@pytest.mark.stack
@pytest.mark.parametrize(
    ("case", "most"),
    [
        # Small images come prepared; a larger one takes two more: its upload, and the delete of it.
        (Case("goods", "goods", 1), 10),
        (Case("PPL", "ppl", 1), 12),
        # One more an image: its provider fetches it.
        (Case("goods by link", "goods", 1, by_link=True), 11),
        (Case("PPL by link", "ppl", 1, by_link=True), 14),
    ],
)
def test_a_job_makes_no_more_blob_operations_than_this(case: Case, most: int) -> None:
    """Of jobs that follow one another, without any look of a client."""
    (steps,) = measure(ROOT, jobs=1, warm=1, cases=[case])

    assert steps.blobs <= most
