"""POST 1 stands still between the document and its start (or before the document); POST 2 with the same key is quicker."""

from activities import forget_jobs
from shared import starting
from tests.explore.explorer import play
from tests.explore.plan import STALL, Act, Create, Fault, Job, Plan
from tests.orchestrators.house import House, do


def test_an_ended_job_is_not_started_again_by_the_slow_post() -> None:
    house = House(can_find=False)
    document = house.accept()
    do(starting.ensure_started(house.services, house.client, document, is_new=False))  # POST 2
    house.go_on()
    assert house.job()["status"] == "succeeded"
    assert not house.held
    do(starting.ensure_started(house.services, house.client, document, is_new=True))  # POST 1 wakes up
    house.bench.let_pass(60.0)
    assert not house.held, house.held


def test_a_forgotten_job_leaves_nothing_when_the_slow_post_starts_it() -> None:
    house = House(can_find=False)
    document = house.accept()
    do(starting.ensure_started(house.services, house.client, document, is_new=False))
    house.go_on()
    house.delete()
    house.go_on()
    assert house.left_of() == []
    do(starting.ensure_started(house.services, house.client, document, is_new=True))
    house.go_on()
    do(forget_jobs.forget(house.services, house.client, {"traceparent": None}))
    assert house.left_of() == []


def test_a_deleted_job_is_not_made_again_by_the_slow_post() -> None:
    """In the explorer's world: POST 1 stands still before its document for 200 s, POST 2 (after 70 s) makes, pays, and the job is
    deleted and forgotten; POST 1 wakes up."""
    wrongs = {}
    for operation in range(12):
        plan = Plan(
            seed=1, settings={"BFL_MAX_ACTIVE": "6"},
            jobs=(Job(0.0, "goods", 1, None, "key-0", "a hero", (Act(70.0, "post again"), Act(100.0, "delete"))),),
            creates={"bfl": (Create(seconds=5.0),)}, faults=(Fault("post", 0, operation, STALL, 200.0),),
        )  # fmt: skip
        verdict = play(plan)
        made = [p.owner for p in verdict.world.ledger.predictions]
        if len(made) > 1 or verdict.wrongs:
            wrongs[operation] = (made, verdict.wrongs)
    assert not wrongs, wrongs
