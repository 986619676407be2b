"""Jobs of several pictures: a child for each, side by side, and one story when one of them is told again."""

from collections import Counter
from typing import Any

import pytest

from devhost.bench import Bench
from shared import names
from shared.domain.problem import Problem
from tests.orchestrators.story import (
    GOES_ON,
    JOB,
    MODERATED,
    RUNNING,
    always,
    by_index,
    failed,
    job_order,
    one_after_another,
    stored,
    submitted,
    tell,
    unstored,
)

LOOK, SUBMIT = names.CHECK_PREDICTION, names.SUBMIT_PREDICTION


class Deaths:
    """Kills the worker in episodes of one instance: `when` says by their number, from 1."""

    def __init__(self, instance: str, when: Any) -> None:
        self._instance, self._when = instance, when
        self._episodes: Counter[str] = Counter()

    def __call__(self, instance: str) -> bool:
        self._episodes[instance] += 1
        return instance == self._instance and self._when(self._episodes[instance])


def test_several_pictures_are_made_side_by_side() -> None:
    told = tell(job_order(3))

    assert [output["index"] for output in told.job["outputs"]] == [0, 1, 2]
    assert (told.job["status"], told.job["attempts"]) == ("succeeded", 3)
    assert told.ended_at < 3


def test_each_picture_holds_a_slot_by_its_own_orchestration() -> None:
    told = tell(job_order(3))

    assert sorted(order["instance"] for order in told.called(SUBMIT)) == [f"{JOB}-{n}" for n in range(3)]


def test_images_are_prepared_once_for_all_pictures() -> None:
    told = tell(job_order(3))

    assert len(told.called(names.PREPARE_IMAGE)) == 1
    assert {tuple(order["images"]) for order in told.called(SUBMIT)} == {("prepared.png",)}


def test_some_pictures_are_better_than_none() -> None:
    told = tell(job_order(2), activities={LOOK: by_index(stored(0), failed(MODERATED))})

    assert (told.job["status"], len(told.job["outputs"]), told.job["error"]["code"]) == ("succeeded", 1, "content_moderated")


def test_the_error_of_several_pictures_says_the_worst_charge() -> None:
    told = tell(job_order(2), activities={LOOK: by_index(failed(MODERATED), unstored(is_final=True))})

    error = told.job["error"]
    assert (error["code"], error["charged"]) == ("content_moderated", "yes")
    assert (told.job["charges"], told.job["usage"]["cost_usd"]) == ({"0": "no", "1": "yes"}, 0.08)


@pytest.mark.parametrize("seed", range(5))
def test_activities_that_run_twice_and_answers_in_any_order_change_no_ending(seed: int) -> None:
    told = tell(job_order(3), bench={"duplicate_activities": 2, "shuffle": seed})

    assert told.outcome.output == {"status": "succeeded"}


def test_several_pictures_begin_below_the_progress_of_each() -> None:
    told = tell(job_order(2))

    assert [status["progress"] for _, status in told.outcome.custom_statuses if "progress" in status] == [5, 5]


def test_a_picture_whose_steps_fail_for_good_takes_no_other_with_it() -> None:
    told = tell(job_order(3), activities={SUBMIT: by_index(submitted(), RuntimeError("bug"), submitted())})

    assert told.outcome.output == {"status": "succeeded"}
    ends = told.ending["pictures"]
    assert [end["state"] for end in ends] == ["stored", "failed", "stored"]
    problem = ends[1]["problem"]
    assert problem is not None
    # What its sends owe is asked of the records.
    assert (problem["code"], ends[1]["sends"]) == ("internal", None)


# ---- a child that fails ----


def test_a_failed_child_is_called_again_and_tells_its_story_from_the_records() -> None:
    told = tell(job_order(3), bench={"before_episode": Deaths(f"{JOB}-1", lambda n: n == 3)})

    assert [output["index"] for output in told.job["outputs"]] == [0, 1, 2]
    first, second = told.called(SUBMIT, 1)
    assert (first["may_be_sent"], second["may_be_sent"]) == (False, True)
    assert first["call"] < 1000 < second["call"]
    assert first["attempt"] == second["attempt"] == 1


def test_a_child_that_dies_whenever_it_begins_is_called_again_five_times_and_then_its_records_speak() -> None:
    told = tell(job_order(2), bench={"before_episode": Deaths(f"{JOB}-1", lambda n: True)})

    first, second = told.ending["pictures"]
    problem = second["problem"]
    assert problem is not None
    assert (first["state"], second["state"], problem["code"], second["sends"]) == ("stored", "failed", "internal", None)
    assert told.called(SUBMIT, 1) == []


def test_the_starts_of_each_child_are_counted_apart() -> None:
    first, second = (Deaths(f"{JOB}-{n}", lambda n: n % 3 == 0 and n < 12) for n in range(2))
    told = tell(job_order(2), bench={"before_episode": lambda instance: first(instance) | second(instance)})

    assert [output["index"] for output in told.job["outputs"]] == [0, 1]


def test_a_watch_that_dies_is_taken_up_again() -> None:
    looks = by_index(one_after_another(*[RUNNING] * 12, stored(0)), stored(1))
    order = job_order(2, generation_timeout_seconds=10)
    answers = by_index(one_after_another(submitted(), submitted(age=15.0, is_wanted=False)), submitted())

    def at_once(bench: Bench) -> None:
        bench.at(15.0, lambda: dying.append(f"{JOB}-0"))

    dying: list[str] = []
    told = tell(
        order, before=at_once, activities={**GOES_ON, LOOK: looks, SUBMIT: answers},
        bench={"before_episode": lambda instance: bool(dying) and dying[0] == instance and bool(dying.pop())},
    )  # fmt: skip

    assert told.ended_at < 15
    assert len(told.called(SUBMIT, 0)) == 2, "the child was called again"
    assert [output["index"] for output in told.job["outputs"]] == [0, 1]


def test_a_canceled_picture_does_not_end_its_sisters() -> None:
    looks = by_index(RUNNING, one_after_another(*[RUNNING] * 6, stored(1)))
    told = tell(
        job_order(2), activities={LOOK: looks},
        before=lambda bench: bench.at(2.5, lambda: bench.raise_event(f"{JOB}-0", names.EVENT_CANCEL, {})),
    )  # fmt: skip

    assert (told.job["status"], [output["index"] for output in told.job["outputs"]]) == ("succeeded", [1])


def test_a_job_of_which_one_picture_failed_and_the_other_was_canceled_has_failed() -> None:
    moderated = failed(Problem("content_moderated", charged="no").to_payload())
    told = tell(
        job_order(2), activities={LOOK: by_index(RUNNING, moderated)},
        before=lambda bench: bench.at(2.5, lambda: bench.raise_event(f"{JOB}-0", names.EVENT_CANCEL, {})),
    )  # fmt: skip

    assert (told.job["status"], told.job["error"]["code"]) == ("failed", "content_moderated")


def test_all_pictures_canceled_is_a_canceled_job() -> None:
    told = tell(job_order(2), cancel_at=2.5, activities={LOOK: always(RUNNING)})

    assert (told.job["status"], told.job["error"], len(told.called(names.CANCEL_PREDICTION))) == ("canceled", None, 2)
