"""Steps that are delivered once more when their story has gone on: they act for nobody any more."""

from typing import Any

import pytest

from tests.explore.explorer import Verdict, play
from tests.explore.plan import BFL, DIE_AFTER, TWICE, UNREACHABLE, Create, Fault, Job, Outage, Plan

ONE_AT_ONCE = {"GOODS_MODELS": "flux-kontext-max", "BFL_MAX_ACTIVE": "4", "BFL_KONTEXT_MAX_ACTIVE": "1"}


def made_at(verdict: Verdict) -> list[float]:
    """Seconds from the beginning."""
    began: Any = verdict.world.began
    return [(prediction.created_at - began).total_seconds() for prediction in verdict.world.ledger.predictions]


@pytest.mark.parametrize("after", [15.0, 20.0, 40.0])
def test_a_submit_of_an_attempt_that_is_over_takes_no_slot_from_the_next(after: float) -> None:
    """The next attempt is at another model of the same account."""
    refused = Create(answer="503", is_made=False)
    plan = Plan(
        seed=3, settings={**ONE_AT_ONCE, "PPL_MODELS": "flux-2-pro,flux-kontext-max", "PROVIDER_DOWN": "wait"},
        jobs=(Job(0.0, "ppl"), Job(12.0, "goods", prompt="second")),
        creates={BFL: (refused, refused, refused, *[Create(seconds=90.0)] * 8)},
        faults=(Fault("submit_prediction", 2, 50, TWICE, after),),
    )  # fmt: skip

    assert play(plan).wrongs == []


def test_a_submit_of_a_picture_that_has_ended_keeps_no_slot() -> None:
    plan = Plan(
        seed=3, settings={**ONE_AT_ONCE, "BFL_KONTEXT_MAX_ACTIVE": "2"},
        creates={BFL: (Create(seconds=5.0), Create(seconds=110.0), Create(seconds=5.0))},
        jobs=(Job(0.0, "goods", 2), Job(25.0, "goods", prompt="second")),
        faults=(Fault("submit_prediction", 0, 60, TWICE, 20.0),),
    )  # fmt: skip
    verdict = play(plan)

    assert verdict.wrongs == []
    assert made_at(verdict)[2] < 30, "the other picture leaves one of two slots"


def test_a_submit_that_waits_at_a_later_call_is_told_of_its_slot_by_that() -> None:
    plan = Plan(
        seed=3, settings=ONE_AT_ONCE, creates={BFL: (Create(seconds=24.0),) * 8},
        jobs=(Job(0.0, "goods"), Job(1.0, "goods", prompt="second")), faults=(Fault("submit_prediction", 1, 50, TWICE, 17.0),),
    )  # fmt: skip
    verdict = play(plan)

    assert verdict.wrongs == []
    first, second = made_at(verdict)
    assert second - first < 26, "it was told when the first one had ended"


@pytest.mark.parametrize("operation", [3, 5, 7])
@pytest.mark.parametrize(
    ("create", "outages", "status"),
    [
        (Create(seconds=1.0), (Outage(BFL, 4.0, 1500.0, UNREACHABLE),), "failed"),
        (Create(seconds=5.0, downloads=tuple((number, "403") for number in range(1, 60))), (), "succeeded"),
    ],
    ids=["a provider that is away from then on", "a link that has ended"],
)
def test_a_picture_that_a_look_stored_before_it_died_is_the_jobs(
    create: Create, outages: tuple[Outage, ...], status: str, operation: int
) -> None:
    plan = Plan(
        seed=3, settings={"GOODS_MODELS": "flux-kontext-max"}, jobs=(Job(0.0, "goods"),), creates={BFL: (create,) * 4},
        outages=outages,
        faults=tuple(Fault("check_prediction", run, operation, DIE_AFTER) for run in (0, 1)),
    )  # fmt: skip
    verdict = play(plan)
    store = verdict.world.store
    (job,) = [store.document(name) for name in store.documents if name.endswith("job.json")]

    assert verdict.wrongs == []
    assert (job["status"], len(job["outputs"]), job["usage"]["cost_usd"]) == (status, 1, 0.08)
