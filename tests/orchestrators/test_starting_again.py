"""A story that is told again: which instances this code takes, and how it goes on from what the records answer."""

from typing import Any

import pytest

import orchestrators
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
    closed,
    failed,
    had_ended,
    job_order,
    one_after_another,
    stored,
    submitted,
    tell,
)

SUBMIT, LOOK = names.SUBMIT_PREDICTION, names.CHECK_PREDICTION


@pytest.mark.parametrize("orchestrator", [names.GENERATE_JOB, names.MAKE_PICTURE])
@pytest.mark.parametrize("version", ["1", "1.9", "0"])
def test_an_instance_of_an_older_story_ends_at_once(orchestrator: str, version: str) -> None:
    made = Bench(orchestrators.blueprints, default_version=version)
    outcome = made.run(orchestrator, job_order(), instance_id=JOB)

    # Failed, so that whoever sees it starts it again from its records; no step of it has run.
    assert (outcome.status, outcome.calls) == ("Failed", [])
    assert f"begun by version {version}" in outcome.output


@pytest.mark.parametrize("version", [None, str(names.STORY_VERSION), "3", "canary"])
def test_an_instance_of_this_story_or_a_later_one_is_told(version: str | None) -> None:
    told = tell(bench={"default_version": version})

    assert told.job["status"] == "succeeded"


def test_the_children_of_a_later_start_have_names_and_calls_of_their_own() -> None:
    told = tell(job_order(2, start=2))

    orders = told.called(SUBMIT)
    assert sorted(order["instance"] for order in orders) == [f"{JOB}-0-2", f"{JOB}-1-2"]
    # Above all that the children of two former starts can have had, however often each was called again.
    assert {order["call"] for order in orders} == {12_001}
    assert all(order["may_be_sent"] for order in orders)


def test_a_first_start_does_not_ask_for_what_nobody_can_have_sent() -> None:
    told = tell(job_order(2))

    assert [order["may_be_sent"] for order in told.called(SUBMIT)] == [False, False]


def test_pictures_that_were_made_before_are_not_made_again() -> None:
    answers = by_index(had_ended(stored(0), "paid"), had_ended(failed(MODERATED), "free"), submitted())
    told = tell(job_order(3, start=1), activities={SUBMIT: answers})

    assert told.called(LOOK, 0) == told.called(LOOK, 1) == []
    assert [output["index"] for output in told.job["outputs"]] == [0, 2]
    assert (told.job["usage"]["cost_usd"], told.job["charges"]) == (0.16, {"1": "no"})


def test_a_story_told_again_looks_after_what_it_sent_though_its_images_are_gone() -> None:
    gone = {names.PREPARE_IMAGE: always({"problem": Problem("internal").to_payload()})}
    told = tell(job_order(start=1), activities={**gone, LOOK: one_after_another(RUNNING, stored())})

    (asked,) = told.called(SUBMIT)
    # Only what is on record already.
    assert (asked["is_over"], told.job["status"]) == (True, "succeeded")


@pytest.mark.parametrize("pictures", [1, 2])
def test_a_story_told_again_without_its_images_sends_nothing_new(pictures: int) -> None:
    told = tell(job_order(pictures, start=1), activities={
        names.PREPARE_IMAGE: always(RuntimeError("the upload is gone")), SUBMIT: _only_verdicts,
    })  # fmt: skip

    assert (told.job["status"], told.job["error"]["code"], told.job["error"]["charged"]) == ("failed", "internal", "no")


def _only_verdicts(payload: Any) -> Any:
    assert payload["is_over"], "nothing was to be sent"
    return closed(payload["over_problem"])


def test_a_watch_that_is_taken_up_again_ends_its_job_once_and_keeps_what_comes() -> None:
    answers = always(submitted(age=200.0, is_wanted=False))
    told = tell(job_order(start=1), activities={
        **GOES_ON, SUBMIT: answers, LOOK: one_after_another(*[RUNNING] * 3, stored()),
        names.FINISH_JOB: always({"status": "failed"}),
    })  # fmt: skip

    # As the document says, whatever this run would have made of it.
    assert told.outcome.output == {"status": "failed"}
    assert [order["picture"]["state"] for order in told.called(names.KEEP_LEFTOVER)] == ["stored"]
