"""The janitor: one instance that lives as long as there are deleted jobs whose stories go on."""

from typing import Any

import orchestrators
from devhost.bench import Bench, Outcome
from shared import names
from shared.domain import payloads as p
from tests.orchestrators.story import PATIENCE, one_after_another

ORDER: p.JanitorOrder = {"look_again_seconds": 15, "patience": PATIENCE}


def clean(*left: Any) -> Outcome:
    activity = one_after_another(*[{"left": n} if isinstance(n, int) else n for n in left])
    made = Bench(orchestrators.blueprints)
    return made.run(names.FORGET_JOBS, ORDER, instance_id=names.JANITOR, activities={str(names.FORGET_DELETED): activity})


def test_the_janitor_looks_until_nothing_is_left() -> None:
    outcome = clean(2, 1, 1, 0)

    assert (outcome.status, outcome.output) == ("Completed", {"left": 0})
    assert len(outcome.called(names.FORGET_DELETED)) == 4
    assert 45 <= outcome.seconds <= 50


def test_the_janitor_goes_home_at_once_when_there_is_nothing_to_do() -> None:
    assert len(clean(0).called(names.FORGET_DELETED)) == 1


def test_its_history_stays_short_however_long_it_works() -> None:
    outcome = clean(*[1] * 40, 0)

    assert len(outcome.called(names.FORGET_DELETED)) == 41
    assert len(outcome.history) < 15


def test_storage_that_is_away_does_not_stop_it() -> None:
    outcome = clean(1, RuntimeError("away"), RuntimeError("away"), 0)

    assert (outcome.status, outcome.output) == ("Completed", {"left": 0})
