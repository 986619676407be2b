"""The course of a picture over several predictions: its time, where it goes on when it is told again, what its looks are told."""

import pytest

from devhost.bench import Bench
from shared import names
from shared.domain.problem import Problem
from tests.orchestrators.story import (
    JOB,
    RUNNING,
    always,
    by_generator,
    by_index,
    down,
    failed,
    job_order,
    one_after_another,
    refused,
    stored,
    submitted,
    tell,
)

SUBMIT, LOOK = names.SUBMIT_PREDICTION, names.CHECK_PREDICTION


def test_each_look_is_told_the_seed_and_the_preset_of_its_picture_and_the_label_of_its_job() -> None:
    order = job_order(3)
    order["label"] = "visible"
    for picture in order["pictures"]:
        picture.update(seed=70 + picture["index"], preset="mug")
    told = tell(order)

    assert sorted((look["index"], look["seed"], look["preset"], look["label"]) for look in told.called(LOOK)) == [
        (index, 70 + index, "mug", "visible") for index in range(3)
    ]


def test_no_prediction_is_begun_after_the_time_of_the_first_one_however_late_the_last_one_began() -> None:
    transient = failed(down(), 2)
    told = tell(activities={
        # The first one fails after 100 of 120 seconds, the second one well after the end of those.
        SUBMIT: one_after_another(submitted(age=100.0), submitted()),
        LOOK: one_after_another(transient, *[RUNNING] * 20, transient, stored()),
    })  # fmt: skip

    assert [order["attempt"] for order in told.called(SUBMIT)] == [1, 2]
    assert (told.job["status"], told.job["error"]["code"]) == ("failed", "provider_unavailable")
    assert 20 < told.ended_at < 120


def test_a_story_that_is_told_again_follows_its_picture_to_the_generator_that_it_went_to() -> None:
    """Though what stands in its way now is nothing that another generator would help with."""
    gone = always({"problem": Problem("internal").to_payload()})
    went_on = {**refused(down()), "followed_by": "other"}
    told = tell(job_order(start=1, has_other=True), activities={
        names.PREPARE_IMAGE: gone, SUBMIT: by_generator(lambda _: went_on, lambda _: submitted()),
    })  # fmt: skip

    assert [(order["generator"], order["attempt"]) for order in told.called(SUBMIT)] == [("fake", 1), ("other", 2)]
    assert (told.job["status"], told.job["fallback_used"]) == ("succeeded", True)


@pytest.mark.parametrize(("was_terminated", "begun"), [(True, 1), (False, 2)])
def test_a_picture_that_an_operator_has_ended_is_not_begun_again(was_terminated: bool, begun: int) -> None:
    """One that died is."""

    def end_the_first(bench: Bench) -> None:
        bench.at(5.0, lambda: bench.terminate(names.picture_instance_id(JOB, 0, 2), "an operator's wish"))

    told = tell(job_order(2), before=end_the_first, activities={
        LOOK: by_index(one_after_another(*[RUNNING] * 8, stored(0)), stored(1)),
        names.LOOK_AT_CHILD: always({"was_terminated": was_terminated}),
    })  # fmt: skip

    assert len(told.called(SUBMIT, 0)) == begun
    assert told.job["status"] == "succeeded"
    assert len(told.job["outputs"]) == begun
