"""The story of a job, driven in memory: the clock jumps to each timer, two minutes of polling take milliseconds."""

import itertools
from typing import Any

import pytest

import orchestrators
from devhost.bench import Bench
from shared import names
from shared.domain.problem import Problem, moderated

JOB = "job_00000000000000000000000001"
HANDLE = {"id": "p-1", "poll_url": "https://api.example/p-1"}
LIMITS = {
    "poll_interval_seconds": 1.0, "poll_max_attempts": 120, "generation_timeout_seconds": 120, "queue_timeout_seconds": 600,
    "fetch_timeout_seconds": 300, "leftover_timeout_seconds": 900, "max_attempts": 3, "may_wait_when_down": True,
}  # fmt: skip
BUSY = Problem("provider_unavailable", params={"provider": "Fake"}).to_payload()
SUBMITTED = {
    "state": "submitted", "handle": HANDLE, "possible_duplicate": False, "is_unsettled": False, "will_be_told": False,
}  # fmt: skip
GRANTED = {"state": "granted", "expected_seconds": 10.0}
RUNNING = {"state": "running", "trouble": None}


def job_input(pictures: int = 1, **limits: Any) -> dict[str, Any]:
    return {
        "job_id": JOB, "traceparent": None,
        "generators": [{"name": "fake", "expected_seconds": 10}], "images": {"input_image": "in.png"},
        "label": "none", "pictures": [{"index": i, "seed": i, "preset": None} for i in range(pictures)],
        "limits": LIMITS | limits,
    }  # fmt: skip


def waits(after_seconds: float | None, *, failed: bool = False, lost: bool = False) -> dict[str, Any]:
    """A submit that the provider refused for now (and `failed`: it is down), or whose answer was lost."""
    return {
        "state": "wait", "after_seconds": after_seconds, "problem": BUSY | {"charged": "unknown" if lost else "no"},
        "provider_failed": failed, "is_lost": lost, "possible_duplicate": False, "is_unsettled": lost,
    }  # fmt: skip


def refused(problem: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"state": "failed", "problem": problem, "possible_duplicate": False, "is_unsettled": False, **changes}


def stored(index: int = 0) -> dict[str, Any]:
    return {"state": "stored", "output": {"index": index, "blob": f"{index}.png"}, "ready_at": "2026-01-01T00:00:09+00:00"}


def one_after_another(*answers: Any) -> Any:
    """An activity that gives these answers in turn, then the last one for ever; an exception is raised."""
    waiting = list(answers)

    def activity(payload: dict[str, Any]) -> Any:
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return activity


def run(job: dict[str, Any] | None = None, *, events: Any = (), bench: dict[str, Any] | None = None, **activities: Any) -> Any:
    fakes = {
        names.PREPARE_IMAGE: lambda payload: {"blob": "prepared.png"},
        names.ENTER_GATE: lambda payload: GRANTED,
        names.SUBMIT_PREDICTION: lambda payload: SUBMITTED,
        names.CHECK_PREDICTION: one_after_another(RUNNING, RUNNING, stored()),
        names.CANCEL_PREDICTION: lambda payload: {"state": "canceled", "retryable": False},
        names.LEAVE_GATE: lambda payload: {"woken": 0},
        names.FINISH_JOB: lambda payload: {"status": payload["status"]},
        names.KEEP_LEFTOVER: lambda payload: {"state": payload["look"]["state"]},
    } | activities
    made = Bench(orchestrators.blueprints, **(bench or {}))
    return made.run(
        names.GENERATE_JOB, input=job or job_input(), instance_id=JOB, activities=fakes, events=list(events), until=7200.0
    )


def ending(outcome: Any) -> dict[str, Any]:
    """What finish_job was told, once."""
    assert outcome.status == "Completed", outcome.output
    (told,) = outcome.called(names.FINISH_JOB)
    return dict(told)


def test_a_job_is_prepared_submitted_once_looked_at_and_finished() -> None:
    outcome = run()

    assert outcome.status == "Completed", outcome.output
    assert [name for name, *_ in outcome.calls] == [
        names.PREPARE_IMAGE, names.ENTER_GATE, names.SUBMIT_PREDICTION, *[names.CHECK_PREDICTION] * 3,
        names.FINISH_JOB, names.LEAVE_GATE,
    ]  # fmt: skip
    told = ending(outcome)
    assert (told["status"], told["outputs"], told["problem"]) == ("succeeded", [stored()["output"]], None)
    assert outcome.output == {"status": "succeeded"}


def test_a_bad_image_fails_the_job_before_anything_is_sent() -> None:
    problem = Problem("unsupported_image").to_payload()
    outcome = run(**{names.PREPARE_IMAGE: lambda payload: {"problem": problem}})

    assert ending(outcome)["problem"]["code"] == "unsupported_image"
    assert outcome.called(names.SUBMIT_PREDICTION) == []


def test_every_image_is_prepared() -> None:
    job = job_input() | {"images": {"input_image_1": "a", "input_image_2": "b"}}
    outcome = run(job, **{names.PREPARE_IMAGE: lambda payload: {"blob": payload["blob"] + ".png"}})

    (submitted,) = outcome.called(names.SUBMIT_PREDICTION)
    assert submitted["images"] == ["a.png", "b.png"]


def test_a_pause_that_the_provider_asks_for_between_looks_is_kept_until_the_deadline() -> None:
    busy = RUNNING | {"after_seconds": 40.0}
    outcome = run(**{names.CHECK_PREDICTION: one_after_another(busy, busy, stored())})
    assert (ending(outcome)["status"], len(outcome.called(names.CHECK_PREDICTION))) == ("succeeded", 3)
    assert 79 <= outcome.seconds <= 85

    outcome = run(**{names.CHECK_PREDICTION: lambda payload: RUNNING | {"after_seconds": 3600.0}})
    assert ending(outcome)["problem"]["code"] == "generation_timeout"
    assert 119 <= outcome.seconds <= 125


def test_it_gives_up_at_the_deadline_and_cancels_the_prediction() -> None:
    outcome = run(**{names.CHECK_PREDICTION: lambda payload: RUNNING})

    told = ending(outcome)
    assert (told["status"], told["problem"]["code"], told["problem"]["charged"]) == ("failed", "generation_timeout", "unknown")
    assert told["problem"]["params"]["limit_ko"] == "2분"
    assert len(outcome.called(names.CANCEL_PREDICTION)) == 1
    assert 119 <= outcome.seconds <= 125


def test_it_gives_up_after_the_last_poll_that_the_settings_allow() -> None:
    outcome = run(job_input(poll_max_attempts=4), **{names.CHECK_PREDICTION: lambda payload: RUNNING})

    assert ending(outcome)["problem"]["code"] == "generation_timeout"
    assert len(outcome.called(names.CHECK_PREDICTION)) == 4


def test_timers_that_fire_early_change_nothing_but_a_poll_or_two() -> None:
    outcome = run(
        job_input(generation_timeout_seconds=8),
        **{names.CHECK_PREDICTION: lambda payload: RUNNING},
    )

    assert ending(outcome)["problem"]["code"] == "generation_timeout"
    assert outcome.seconds >= 7


def test_polling_starts_every_second_and_slows() -> None:
    outcome = run(**{names.CHECK_PREDICTION: lambda payload: RUNNING})

    times = [at for name, _, at in outcome.calls if name == names.CHECK_PREDICTION]
    gaps = [round(b - a, 3) for a, b in itertools.pairwise(times[:-1])]
    assert gaps[0] == 1.0
    assert gaps == sorted(gaps)
    assert len(times) <= 120


def test_a_moderated_prediction_ends_the_job_at_once() -> None:
    failed = {"state": "failed", "problem": moderated("Fake", "input", "no").to_payload(), "resubmits": 0}
    outcome = run(**{names.CHECK_PREDICTION: lambda payload: failed})

    told = ending(outcome)
    assert (told["problem"]["code"], told["problem"]["charged"], told["attempts"]) == ("content_moderated", "no", 1)
    assert len(outcome.called(names.SUBMIT_PREDICTION)) == 1


def test_a_failure_that_the_provider_calls_transient_is_submitted_anew_as_the_next_attempt() -> None:
    failed = {"state": "failed", "problem": BUSY, "resubmits": 2}
    outcome = run(**{names.CHECK_PREDICTION: one_after_another(failed, failed, stored())})

    assert [order["attempt"] for order in outcome.called(names.SUBMIT_PREDICTION)] == [1, 2, 3]
    assert (ending(outcome)["status"], ending(outcome)["attempts"]) == ("succeeded", 3)


def test_transient_failures_end_with_the_attempts() -> None:
    failed = {"state": "failed", "problem": BUSY, "resubmits": 2}
    outcome = run(**{names.CHECK_PREDICTION: lambda payload: failed})

    assert len(outcome.called(names.SUBMIT_PREDICTION)) == LIMITS["max_attempts"]
    assert ending(outcome)["problem"]["code"] == "provider_unavailable"


def test_a_refused_submit_waits_as_long_as_the_provider_asks() -> None:
    wait = waits(40)
    outcome = run(**{names.SUBMIT_PREDICTION: one_after_another(wait, SUBMITTED)})

    first, second = (at for name, _, at in outcome.calls if name == names.SUBMIT_PREDICTION)
    assert 40 <= second - first <= 51
    assert any(status["stage"] == "waiting" for _, status in outcome.custom_statuses)
    assert ending(outcome)["status"] == "succeeded"


def test_waiting_for_the_provider_has_a_deadline_of_its_own() -> None:
    wait = waits(None)
    outcome = run(**{names.SUBMIT_PREDICTION: lambda payload: wait})

    assert ending(outcome)["problem"]["code"] == "provider_unavailable"
    assert 500 <= outcome.seconds <= 610


def test_a_submit_whose_outcome_is_unknown_is_not_given_up_with_the_queue() -> None:
    lost = waits(5, failed=True, lost=True)
    outcome = run(job_input(queue_timeout_seconds=8), **{names.SUBMIT_PREDICTION: one_after_another(lost, lost, lost, SUBMITTED)})

    assert ending(outcome)["status"] == "succeeded"
    endless = run(job_input(queue_timeout_seconds=8), **{names.SUBMIT_PREDICTION: lambda payload: lost})
    assert ending(endless)["problem"]["charged"] == "unknown"
    assert endless.seconds < 8 + LIMITS["generation_timeout_seconds"]


def test_cancel_while_a_submits_outcome_is_unknown_first_finds_out_and_then_cancels_what_was_made() -> None:
    lost = waits(5, failed=True, lost=True)
    outcome = run(
        events=[(1.0, names.EVENT_CANCEL, {})],
        **{names.SUBMIT_PREDICTION: one_after_another(lost, SUBMITTED), names.CHECK_PREDICTION: lambda payload: RUNNING},
    )

    assert ending(outcome)["status"] == "canceled"
    assert len(outcome.called(names.CANCEL_PREDICTION)) == 1


def test_a_finished_picture_is_fetched_beyond_the_deadline() -> None:
    unstored = {"state": "unstored", "problem": BUSY, "ready_at": "2026-01-01T00:00:09+00:00"}
    outcome = run(
        job_input(generation_timeout_seconds=3), **{names.CHECK_PREDICTION: one_after_another(*[unstored] * 5, stored())}
    )

    told = ending(outcome)
    assert (told["status"], told["ready_at"]) == ("succeeded", "2026-01-01T00:00:09+00:00")
    assert outcome.called(names.CANCEL_PREDICTION) == []
    assert outcome.custom_statuses[-1][1]["stage"] == "storing"


def test_a_picture_that_cannot_be_fetched_at_all_fails_as_charged() -> None:
    unstored = {"state": "unstored", "problem": BUSY | {"charged": "yes"}, "ready_at": "2026-01-01T00:00:09+00:00"}
    outcome = run(**{names.CHECK_PREDICTION: lambda payload: unstored})

    assert (ending(outcome)["status"], ending(outcome)["problem"]["charged"]) == ("failed", "yes")
    assert outcome.seconds >= LIMITS["fetch_timeout_seconds"]


def test_cancel_while_generating_stops_the_prediction() -> None:
    outcome = run(events=[(5.5, names.EVENT_CANCEL, {})], **{names.CHECK_PREDICTION: lambda payload: RUNNING})

    assert ending(outcome)["status"] == "canceled"
    assert len(outcome.called(names.CANCEL_PREDICTION)) == 1
    assert outcome.seconds < 10


def test_cancel_while_waiting_to_submit_costs_nothing() -> None:
    wait = waits(60)
    outcome = run(events=[(5.5, names.EVENT_CANCEL, {})], **{names.SUBMIT_PREDICTION: lambda payload: wait})

    assert (ending(outcome)["status"], ending(outcome)["attempts"]) == ("canceled", 0)
    assert outcome.called(names.CANCEL_PREDICTION) == []
    assert outcome.seconds < 10


def test_cancel_before_the_first_wait_is_not_forgotten() -> None:
    outcome = run(events=[(0.0, names.EVENT_CANCEL, {})], **{names.CHECK_PREDICTION: lambda payload: RUNNING})

    assert ending(outcome)["status"] == "canceled"


def test_a_cancel_that_comes_with_the_finished_picture_does_not_lose_it() -> None:
    unstored = {"state": "unstored", "problem": BUSY, "ready_at": "2026-01-01T00:00:09+00:00"}
    outcome = run(
        events=[(1.5, names.EVENT_CANCEL, {})], **{names.CHECK_PREDICTION: one_after_another(unstored, unstored, stored())}
    )

    assert ending(outcome)["status"] == "succeeded"


def test_an_activity_that_raises_is_repeated_and_the_job_goes_on() -> None:
    outcome = run(
        **{
            names.PREPARE_IMAGE: one_after_another(RuntimeError("storage away"), {"blob": "prepared.png"}),
            names.SUBMIT_PREDICTION: one_after_another(RuntimeError("storage away"), SUBMITTED),
            names.CHECK_PREDICTION: one_after_another(RuntimeError("storage away"), stored()),
            names.FINISH_JOB: one_after_another(RuntimeError("storage away"), {"status": "succeeded"}),
        }
    )

    assert outcome.output == {"status": "succeeded"}


def test_an_activity_that_always_raises_ends_the_job_as_internal() -> None:
    outcome = run(**{names.PREPARE_IMAGE: one_after_another(RuntimeError("token=secret"))})

    told = ending(outcome)
    assert (told["status"], told["problem"]["code"], told["problem"]["charged"]) == ("failed", "internal", "no")
    assert "secret" not in str(told)


def test_a_look_that_always_raises_does_not_fail_a_job_before_its_deadline() -> None:
    outcome = run(**{names.CHECK_PREDICTION: one_after_another(*[RuntimeError("bug")] * 9, stored())})

    assert ending(outcome)["status"] == "succeeded"


def test_progress_never_goes_back_and_every_status_has_a_stage() -> None:
    outcome = run(**{names.CHECK_PREDICTION: one_after_another(*[RUNNING] * 30, stored())})

    progress = [status["progress"] for _, status in outcome.custom_statuses]
    assert progress == sorted(progress)
    assert all(status["stage"] and status["started_at"] for _, status in outcome.custom_statuses)


def test_several_pictures_are_made_side_by_side() -> None:
    outcome = run(job_input(3), **{names.CHECK_PREDICTION: lambda payload: stored(payload["index"])})

    told = ending(outcome)
    assert [output["index"] for output in told["outputs"]] == [0, 1, 2]
    assert (told["status"], told["attempts"]) == ("succeeded", 3)


def test_some_pictures_are_better_than_none() -> None:
    failed = {"state": "failed", "problem": moderated("Fake", "output", "no").to_payload(), "resubmits": 0}
    outcome = run(job_input(2), **{names.CHECK_PREDICTION: lambda p: stored(0) if p["index"] == 0 else failed})

    told = ending(outcome)
    assert (told["status"], len(told["outputs"]), told["problem"]["code"]) == ("succeeded", 1, "content_moderated")


def test_a_possible_duplicate_is_told() -> None:
    outcome = run(**{names.SUBMIT_PREDICTION: lambda payload: SUBMITTED | {"possible_duplicate": True}})

    assert ending(outcome)["possible_duplicate"] is True


@pytest.mark.parametrize("seed", range(5))
def test_activities_that_run_twice_and_answers_in_any_order_change_no_ending(seed: int) -> None:
    outcome = run(
        job_input(3), bench={"duplicate_activities": 2, "shuffle": seed}, **{names.CHECK_PREDICTION: lambda p: stored(p["index"])}
    )

    assert outcome.output == {"status": "succeeded"}


# ---- the gate ----

WAITING_THIRD = {"state": "waiting", "position": 3, "wait_seconds": 20.0, "look_again_seconds": 30.0, "problem": None}


def test_a_job_waits_for_its_slot_and_goes_on_the_moment_it_is_told() -> None:
    outcome = run(events=[(7.0, names.slot_event(1), {})], **{names.ENTER_GATE: lambda payload: WAITING_THIRD})

    assert ending(outcome)["status"] == "succeeded"
    assert len(outcome.called(names.ENTER_GATE)) == 1
    (submitted_at,) = (at for name, _, at in outcome.calls if name == names.SUBMIT_PREDICTION)
    assert 7 <= submitted_at < 8
    assert any(status["stage"] == "waiting" and status["eta_seconds"] == 30 for _, status in outcome.custom_statuses)


def test_a_job_that_nobody_tells_looks_by_itself() -> None:
    outcome = run(**{names.ENTER_GATE: one_after_another(WAITING_THIRD, WAITING_THIRD, GRANTED)})

    assert ending(outcome)["status"] == "succeeded"
    asked = outcome.called(names.ENTER_GATE)
    # Each wait has an event of its own: an early event of an old wait must not end a new one.
    assert [entry["event"] for entry in asked] == [names.slot_event(n) for n in (1, 2, 3)]
    assert 60 <= outcome.seconds <= 70


def test_waiting_at_the_gate_has_a_deadline_of_its_own_and_the_place_is_given_up() -> None:
    outcome = run(**{names.ENTER_GATE: lambda payload: WAITING_THIRD})

    problem = ending(outcome)["problem"]
    assert (problem["code"], problem["stage"], problem["charged"]) == ("generation_timeout", "waiting", "no")
    assert problem["params"]["limit_ko"] == "10분"
    assert 600 <= outcome.seconds <= 605
    assert [left["outcome"] for left in outcome.called(names.LEAVE_GATE)] == [None]
    assert outcome.called(names.SUBMIT_PREDICTION) == []


def test_waiting_for_a_provider_that_is_down_ends_with_what_is_wrong_with_it() -> None:
    outcome = run(**{names.ENTER_GATE: lambda payload: WAITING_THIRD | {"problem": BUSY}})

    assert (ending(outcome)["problem"]["code"], ending(outcome)["problem"]["charged"]) == ("provider_unavailable", "no")


def test_cancel_while_waiting_at_the_gate_gives_up_the_place_and_sends_nothing() -> None:
    outcome = run(events=[(5.5, names.EVENT_CANCEL, {})], **{names.ENTER_GATE: lambda payload: WAITING_THIRD})

    assert ending(outcome)["status"] == "canceled"
    assert outcome.called(names.SUBMIT_PREDICTION) == []
    assert len(outcome.called(names.LEAVE_GATE)) == 1
    assert outcome.seconds < 10


def test_a_closed_gate_ends_the_job_without_a_place_to_give_up() -> None:
    closed = {"state": "closed", "problem": Problem("provider_quota_exhausted", params={"provider": "Fake"}).to_payload()}
    outcome = run(**{names.ENTER_GATE: lambda payload: closed})

    assert ending(outcome)["problem"]["code"] == "provider_quota_exhausted"
    assert outcome.called(names.LEAVE_GATE) == outcome.called(names.SUBMIT_PREDICTION) == []


def test_a_slot_is_given_back_with_what_the_provider_did() -> None:
    assert [left["outcome"] for left in run().called(names.LEAVE_GATE)] == ["ok"]
    for problem, resubmits, outcome in (
        (moderated("Fake", "input", "no").to_payload(), 0, "ok"),
        (BUSY, 0, "failed"),
        (Problem("provider_bad_response").to_payload(), 0, None),
    ):
        look = {"state": "failed", "problem": problem, "resubmits": resubmits}
        told = run(**{names.CHECK_PREDICTION: lambda payload, look=look: look}).called(names.LEAVE_GATE)
        assert [left["outcome"] for left in told] == [outcome]


def test_several_pictures_each_hold_a_slot_and_each_give_it_back_once() -> None:
    entered, left = [], []

    def enter(payload: dict[str, Any]) -> Any:
        entered.append(payload["instance"])
        return GRANTED

    def leave(payload: dict[str, Any]) -> Any:
        left.append(payload["index"])
        return {"woken": 0}

    checks = {names.CHECK_PREDICTION: lambda payload: stored(payload["index"])}
    run(job_input(3), **checks, **{names.ENTER_GATE: enter, names.LEAVE_GATE: leave})

    assert (sorted(entered), sorted(left)) == ([f"{JOB}-{n}" for n in range(3)], [0, 1, 2])


def test_a_provider_that_is_down_is_told_to_the_gate_before_the_next_try() -> None:
    wait = waits(None, failed=True)
    outcome = run(**{names.SUBMIT_PREDICTION: one_after_another(wait, wait, SUBMITTED)})

    assert [entry["failed"] for entry in outcome.called(names.ENTER_GATE)] == [False, True, True]
    assert ending(outcome)["status"] == "succeeded"


# ---- another provider ----


def with_fallback(**limits: Any) -> dict[str, Any]:
    job = job_input(**limits)
    return job | {"generators": [*job["generators"], {"name": "other", "expected_seconds": 12}]}


def by_generator(fake: Any, other: Any) -> Any:
    return lambda payload: (fake if payload["generator"] == "fake" else other)(payload)


@pytest.mark.parametrize(
    "trouble",
    [
        {names.ENTER_GATE: by_generator(lambda p: {"state": "closed", "problem": BUSY}, lambda p: GRANTED)},
        {names.SUBMIT_PREDICTION: by_generator(lambda p: waits(1, failed=True), lambda p: SUBMITTED)},
        {names.SUBMIT_PREDICTION: by_generator(lambda p: refused(BUSY), lambda p: SUBMITTED)},
        {
            names.CHECK_PREDICTION: by_generator(
                lambda p: {"state": "failed", "problem": BUSY, "resubmits": 2}, lambda p: stored()
            )
        },
    ],
    ids=["gate shut", "does not answer", "refuses the key", "fails each run"],
)
def test_a_provider_that_is_down_is_left_for_the_other(trouble: dict[str, Any]) -> None:
    outcome = run(with_fallback(), **trouble)

    told = ending(outcome)
    assert (told["status"], told["generator"], told["fallback_used"]) == ("succeeded", "other", True)
    assert outcome.called(names.ENTER_GATE)[-1]["generator"] == "other"
    submissions = [(sent["generator"], sent["attempt"]) for sent in outcome.called(names.SUBMIT_PREDICTION)]
    # The record of a submission is never that of another provider's.
    assert len({attempt for name, attempt in submissions if name == "fake"} & {a for n, a in submissions if n == "other"}) == 0


@pytest.mark.parametrize(
    "problem", [moderated("Fake", "input", "no"), Problem("provider_unavailable", charged="unknown", params={"provider": "Fake"})]
)
def test_moderation_and_what_may_be_paid_for_never_go_to_the_other_provider(problem: Problem) -> None:
    outcome = run(
        with_fallback(),
        **{names.CHECK_PREDICTION: lambda p: {"state": "failed", "problem": problem.to_payload(), "resubmits": 0}},
    )

    assert (ending(outcome)["status"], ending(outcome)["fallback_used"]) == ("failed", False)


# ---- a send whose answer was lost ----

LOST = waits(5.0, failed=True, lost=True)
REFUSED = refused(Problem("provider_quota_exhausted").to_payload())
#: A refusal of the repeat of a lost send.
REPEAT_REFUSED = refused(REFUSED["problem"] | {"charged": "unknown"}, is_unsettled=True)


def test_a_refusal_after_a_lost_send_does_not_say_that_nothing_is_charged_nor_goes_to_the_other_provider() -> None:
    outcome = run(with_fallback(), **{names.SUBMIT_PREDICTION: one_after_another(LOST, REPEAT_REFUSED)})

    told = ending(outcome)
    assert (told["problem"]["code"], told["problem"]["charged"]) == ("provider_quota_exhausted", "unknown")
    assert told["fallback_used"] is False


def test_a_gate_that_is_closed_after_a_lost_send_does_not_say_that_nothing_is_charged() -> None:
    closed = {"state": "closed", "problem": BUSY}
    repeat_refused = waits(1.0, failed=True) | {"is_unsettled": True}
    outcome = run(
        with_fallback(),
        **{
            names.SUBMIT_PREDICTION: one_after_another(LOST, repeat_refused),
            names.ENTER_GATE: one_after_another(GRANTED, closed),
        },
    )

    assert (ending(outcome)["problem"]["charged"], ending(outcome)["fallback_used"]) == ("unknown", False)


SHUT = WAITING_THIRD | {"problem": BUSY}


@pytest.mark.parametrize(
    ("job", "submits", "gate"),
    [
        (with_fallback(), [waits(1, failed=True), waits(1, failed=True), LOST, SUBMITTED], [GRANTED]),
        (job_input(), [LOST, SUBMITTED], [GRANTED, {"state": "closed", "problem": BUSY}]),
        (job_input(), [LOST, SUBMITTED], [GRANTED, SHUT]),
    ],
    ids=["third refusal with another provider at hand", "gate closed", "breaker open"],
)
def test_a_lost_send_is_looked_for_whatever_becomes_of_the_gate(job: Any, submits: list[Any], gate: list[Any]) -> None:
    outcome = run(job, **{names.SUBMIT_PREDICTION: one_after_another(*submits), names.ENTER_GATE: one_after_another(*gate)})

    assert (ending(outcome)["status"], ending(outcome)["fallback_used"]) == ("succeeded", False)
    assert len(outcome.called(names.SUBMIT_PREDICTION)) == len(submits)


def test_two_lost_sends_are_a_failure_of_the_provider_for_the_gate() -> None:
    both = refused(LOST["problem"], possible_duplicate=True, is_unsettled=True)
    outcome = run(**{names.SUBMIT_PREDICTION: one_after_another(LOST, LOST, both)})

    assert (ending(outcome)["possible_duplicate"], ending(outcome)["problem"]["charged"]) == (True, "unknown")
    assert [slot["outcome"] for slot in outcome.called(names.LEAVE_GATE)] == ["failed"]


@pytest.mark.parametrize("submits", [[LOST, RuntimeError("away")], [RuntimeError("away")]], ids=["after a lost one", "at first"])
def test_a_submit_that_raises_for_good_may_have_been_paid_for(submits: list[Any]) -> None:
    outcome = run(**{names.SUBMIT_PREDICTION: one_after_another(*submits)})

    assert (ending(outcome)["problem"]["code"], ending(outcome)["problem"]["charged"]) == ("internal", "unknown")


@pytest.mark.parametrize(
    "then",
    [
        {names.SUBMIT_PREDICTION: one_after_another(SUBMITTED, REFUSED)},
        {names.ENTER_GATE: one_after_another(GRANTED, WAITING_THIRD)},
    ],
    ids=["refused", "no slot"],
)
def test_an_end_does_not_forget_that_an_earlier_prediction_may_be_charged(then: dict[str, Any]) -> None:
    failed = {"state": "failed", "problem": BUSY | {"charged": "unknown"}, "resubmits": 2}
    outcome = run(**{names.CHECK_PREDICTION: lambda payload: failed, **then})

    assert (ending(outcome)["status"], ending(outcome)["problem"]["charged"]) == ("failed", "unknown")


def test_nor_does_the_end_at_the_other_provider() -> None:
    failed = {"state": "failed", "problem": BUSY | {"charged": "unknown"}, "resubmits": 2}
    free = {"state": "failed", "problem": moderated("Other", "input", "no").to_payload(), "resubmits": 0}
    outcome = run(with_fallback(), **{names.CHECK_PREDICTION: by_generator(lambda payload: failed, lambda payload: free)})

    told = ending(outcome)
    assert (told["fallback_used"], told["problem"]["code"], told["problem"]["charged"]) == (True, "content_moderated", "unknown")


def test_the_end_of_a_possible_duplicate_does_not_speak_for_the_lost_one() -> None:
    free = {"state": "failed", "problem": moderated("Fake", "input", "no").to_payload(), "resubmits": 0}
    again = SUBMITTED | {"possible_duplicate": True, "is_unsettled": True}
    outcome = run(**{names.SUBMIT_PREDICTION: one_after_another(LOST, again), names.CHECK_PREDICTION: lambda payload: free})

    assert ending(outcome)["problem"]["charged"] == "unknown"


def test_a_lost_send_that_was_found_leaves_the_charge_as_its_end_says() -> None:
    free = {"state": "failed", "problem": moderated("Fake", "input", "no").to_payload(), "resubmits": 0}
    outcome = run(**{names.SUBMIT_PREDICTION: one_after_another(LOST, SUBMITTED), names.CHECK_PREDICTION: lambda payload: free})

    assert ending(outcome)["problem"]["charged"] == "no"


# ---- what goes on at the provider ----

GOES_ON = {names.CANCEL_PREDICTION: lambda payload: {"state": "going on", "retryable": False}}


def test_what_cannot_be_canceled_is_watched_and_its_picture_kept_after_the_job_has_ended() -> None:
    outcome = run(
        events=[(1.5, names.EVENT_CANCEL, {})],
        **GOES_ON,
        **{names.CHECK_PREDICTION: one_after_another(RUNNING, RUNNING, RUNNING, stored())},
    )

    assert ending(outcome)["status"] == "canceled"
    (kept,) = outcome.called(names.KEEP_LEFTOVER)
    assert kept["look"]["output"] == stored()["output"]
    ended, left = (next(at for name, _, at in outcome.calls if name == which) for which in (names.FINISH_JOB, names.LEAVE_GATE))
    assert outcome.custom_statuses[-1][1] == {"job_ended": True}
    # The user is told at once; the slot stays taken for as long as the provider counts it.
    assert ended < 3 < left
    assert [slot["outcome"] for slot in outcome.called(names.LEAVE_GATE)] == ["ok"]


def test_a_cancel_that_is_refused_is_tried_three_times_and_then_its_picture_is_waited_for() -> None:
    refusing = {names.CANCEL_PREDICTION: lambda payload: {"state": "going on", "retryable": True}}
    outcome = run(
        events=[(1.5, names.EVENT_CANCEL, {})], **refusing, **{names.CHECK_PREDICTION: one_after_another(RUNNING, stored())}
    )

    assert ending(outcome)["status"] == "canceled"
    assert len(outcome.called(names.CANCEL_PREDICTION)) == 3
    (ended,) = (at for name, _, at in outcome.calls if name == names.FINISH_JOB)
    # Two and four seconds between them, and nobody waits after the last.
    assert 7.5 <= ended <= 1.5 + (2 + 4) * 1.25 + 0.5
    assert len(outcome.called(names.KEEP_LEFTOVER)) == 1


def test_a_leftover_that_fails_says_what_it_cost() -> None:
    failed = {"state": "failed", "problem": moderated("Fake", "output", "no").to_payload(), "resubmits": 0}
    outcome = run(
        job_input(generation_timeout_seconds=3), **GOES_ON, **{names.CHECK_PREDICTION: one_after_another(*[RUNNING] * 4, failed)}
    )

    assert ending(outcome)["problem"]["code"] == "generation_timeout"
    assert [kept["look"]["problem"]["charged"] for kept in outcome.called(names.KEEP_LEFTOVER)] == ["no"]


def test_a_leftover_that_never_ends_is_given_up_and_frees_its_slot() -> None:
    outcome = run(job_input(generation_timeout_seconds=3), **GOES_ON, **{names.CHECK_PREDICTION: lambda payload: RUNNING})

    assert outcome.called(names.KEEP_LEFTOVER) == []
    assert [slot["outcome"] for slot in outcome.called(names.LEAVE_GATE)] == [None]
    assert 900 <= outcome.seconds <= 940


def test_leftovers_of_several_pictures_are_watched_together() -> None:
    seen: dict[int, int] = {}

    def check(payload: dict[str, Any]) -> Any:
        seen[payload["index"]] = seen.get(payload["index"], 0) + 1
        return stored(payload["index"]) if seen[payload["index"]] > 6 + payload["index"] else RUNNING

    outcome = run(job_input(2, generation_timeout_seconds=3), **GOES_ON, **{names.CHECK_PREDICTION: check})

    assert ending(outcome)["status"] == "failed"
    assert sorted(kept["index"] for kept in outcome.called(names.KEEP_LEFTOVER)) == [0, 1]
    assert sorted(slot["index"] for slot in outcome.called(names.LEAVE_GATE)) == [0, 1]


def test_a_picture_that_was_quicker_than_its_cancel_is_not_lost() -> None:
    finished = {names.CANCEL_PREDICTION: lambda payload: {"state": "finished", "retryable": False}}
    outcome = run(
        events=[(1.5, names.EVENT_CANCEL, {})], **finished, **{names.CHECK_PREDICTION: one_after_another(RUNNING, stored())}
    )

    assert (ending(outcome)["status"], ending(outcome)["outputs"]) == ("succeeded", [stored()["output"]])


# ---- being told by the provider ----

TOLD = {names.SUBMIT_PREDICTION: lambda payload: SUBMITTED | {"will_be_told": True}}


def test_a_job_looks_the_moment_it_is_told_and_hardly_before() -> None:
    outcome = run(events=[(6.0, names.ended_event(1), {})], **TOLD, **{names.CHECK_PREDICTION: lambda payload: stored()})

    (looked,) = (at for name, _, at in outcome.calls if name == names.CHECK_PREDICTION)
    assert 6 <= looked < 6.5
    assert ending(outcome)["status"] == "succeeded"


def test_an_early_hint_is_only_a_hint_and_polling_goes_on() -> None:
    outcome = run(
        events=[(0.0, names.ended_event(1), {}), (2.0, names.ended_event(1), {})], **TOLD,
        **{names.CHECK_PREDICTION: one_after_another(RUNNING, RUNNING, stored())},
    )  # fmt: skip

    assert ending(outcome)["status"] == "succeeded"
    assert len(outcome.called(names.CHECK_PREDICTION)) == 3
    # Looked for as without calls from then on, not ten times slower.
    assert outcome.seconds <= 5


def test_a_hint_that_never_comes_costs_only_time() -> None:
    outcome = run(**TOLD, **{names.CHECK_PREDICTION: lambda payload: stored()})

    assert ending(outcome)["status"] == "succeeded"
    assert 9 <= outcome.seconds <= 12


# ---- nothing that is paid for is thrown away ----

UNSTORED = {"state": "unstored", "problem": BUSY | {"charged": "yes"}, "ready_at": "2026-01-01T00:00:09+00:00"}


def test_a_slot_that_cannot_be_given_back_costs_no_picture() -> None:
    def leave(payload: dict[str, Any]) -> Any:
        if payload["index"] == 1 and len(left) < 6:
            left.append(payload)
            raise RuntimeError("Conflict")
        return {"woken": 0}

    left: list[Any] = []
    outcome = run(job_input(3), **{names.CHECK_PREDICTION: lambda p: stored(p["index"]), names.LEAVE_GATE: leave})

    assert (ending(outcome)["status"], len(ending(outcome)["outputs"])) == ("succeeded", 3)
    # Four tries of its own, then the job's: two more, and one that it took.
    assert (len(left), [slot["index"] for slot in outcome.called(names.LEAVE_GATE)]) == (6, [1, 1, 1])


def test_a_picture_whose_orchestration_dies_takes_no_other_with_it() -> None:
    def enter(payload: dict[str, Any]) -> Any:
        # Whoever reads this dies at once, long before the others have their pictures.
        return GRANTED if payload["index"] != 1 else {"state": "granted"}

    outcome = run(job_input(3), **{names.ENTER_GATE: enter, names.CHECK_PREDICTION: lambda payload: stored(payload["index"])})

    told = ending(outcome)
    assert (told["status"], len(told["outputs"]), told["problem"]["code"]) == ("succeeded", 2, "internal")
    assert told["problem"]["charged"] == "unknown"


def test_a_job_waits_for_hours_for_the_storage_that_its_end_is_written_to() -> None:
    outcome = run(**{names.FINISH_JOB: one_after_another(*[RuntimeError("storage away")] * 17, {"status": "succeeded"})})

    assert outcome.status == "Completed"
    assert 3600 <= outcome.seconds <= 7200
    # The slot is given back meanwhile, once.
    assert len(outcome.called(names.LEAVE_GATE)) == 1


def test_a_picture_that_could_not_be_fetched_in_time_is_fetched_on_after_the_end() -> None:
    outcome = run(**{names.CHECK_PREDICTION: one_after_another(*[UNSTORED] * 20, stored())})

    told = ending(outcome)
    assert (told["status"], told["problem"]["charged"], told["pictures_charged"]) == ("failed", "yes", 1)
    (kept,) = outcome.called(names.KEEP_LEFTOVER)
    assert kept["look"]["state"] == "stored"


def test_a_finished_picture_is_fetched_though_a_later_look_tells_nothing() -> None:
    looks = one_after_another(RUNNING, UNSTORED, UNSTORED, RUNNING, RuntimeError("away"), stored())
    outcome = run(job_input(generation_timeout_seconds=3), **{names.CHECK_PREDICTION: looks})

    assert ending(outcome)["status"] == "succeeded"
    assert outcome.called(names.CANCEL_PREDICTION) == []


def test_one_leftover_that_cannot_be_looked_at_holds_up_no_other() -> None:
    def check(payload: dict[str, Any]) -> Any:
        seen[payload["index"]] = seen.get(payload["index"], 0) + 1
        if seen[payload["index"]] <= 4:
            return RUNNING
        if payload["index"] == 1:
            raise RuntimeError("bug")
        return stored(0)

    seen: dict[int, int] = {}
    outcome = run(job_input(2, generation_timeout_seconds=3), **GOES_ON, **{names.CHECK_PREDICTION: check})

    assert [kept["index"] for kept in outcome.called(names.KEEP_LEFTOVER)] == [0]
    assert sorted(slot["index"] for slot in outcome.called(names.LEAVE_GATE)) == [0, 1]


def test_the_error_of_several_pictures_says_the_worst_charge() -> None:
    free = {"state": "failed", "problem": moderated("Fake", "input", "no").to_payload(), "resubmits": 0}
    outcome = run(job_input(2), **{names.CHECK_PREDICTION: lambda p: free if p["index"] == 0 else UNSTORED})

    told = ending(outcome)
    assert (told["problem"]["code"], told["problem"]["charged"], told["pictures_charged"]) == ("content_moderated", "yes", 1)
    assert told["charges"] == {"0": "no", "1": "yes"}


def test_who_was_canceled_before_its_picture_could_be_woken_is_told_by_the_gate() -> None:
    outcome = run(job_input(2), **{names.ENTER_GATE: lambda payload: {"state": "canceled"}})

    assert ending(outcome)["status"] == "canceled"
    assert (outcome.called(names.SUBMIT_PREDICTION), outcome.called(names.LEAVE_GATE)) == ([], [])


def test_progress_does_not_go_back_when_a_picture_is_tried_again() -> None:
    failed = {"state": "failed", "problem": BUSY, "resubmits": 2}
    outcome = run(
        **{
            names.CHECK_PREDICTION: one_after_another(*[RUNNING] * 4, failed, RUNNING, stored()),
            names.SUBMIT_PREDICTION: one_after_another(waits(4), SUBMITTED),
        }
    )

    shown = [status["progress"] for _, status in outcome.custom_statuses]
    assert shown == sorted(shown)
    assert ending(outcome)["progress"] == shown[-1] > 30


def test_several_pictures_begin_below_the_progress_of_each() -> None:
    outcome = run(job_input(2), **{names.CHECK_PREDICTION: lambda payload: stored(payload["index"])})

    assert [status["progress"] for _, status in outcome.custom_statuses] == [5, 5]


# ---- what is known to be paid, and what time is left, outlives a later step ----

PAID_AND_GONE = {"state": "failed", "problem": BUSY | {"charged": "unknown"}, "resubmits": 0}
FAILED_RUN = {"state": "failed", "problem": BUSY | {"charged": "unknown"}, "resubmits": 2}


@pytest.mark.parametrize("last", [RUNNING, PAID_AND_GONE], ids=["no answer", "not found any more"])
def test_a_leftover_that_was_ready_once_is_told_as_paid_whatever_its_last_look_says(last: dict[str, Any]) -> None:
    looks = one_after_another(RUNNING, *[UNSTORED] * 4, last)
    outcome = run(events=[(1.5, names.EVENT_CANCEL, {})], **GOES_ON, **{names.CHECK_PREDICTION: looks})

    (kept,) = outcome.called(names.KEEP_LEFTOVER)
    assert (kept["look"]["state"], kept["look"]["problem"]["charged"]) == ("unstored", "yes")


@pytest.mark.parametrize("then", [FAILED_RUN, PAID_AND_GONE], ids=["failed", "not found any more"])
def test_a_finished_picture_that_is_told_to_have_failed_is_paid_for_and_not_ordered_again(then: dict[str, Any]) -> None:
    outcome = run(**{names.CHECK_PREDICTION: one_after_another(UNSTORED, then)})

    assert len(outcome.called(names.SUBMIT_PREDICTION)) == 1
    assert (ending(outcome)["problem"]["charged"], ending(outcome)["pictures_charged"]) == ("yes", 1)


@pytest.mark.parametrize(
    "trouble",
    [
        {names.ENTER_GATE: one_after_another(GRANTED, {"state": "closed", "problem": BUSY})},
        {names.SUBMIT_PREDICTION: one_after_another(SUBMITTED, waits(1, failed=True))},
        {names.SUBMIT_PREDICTION: one_after_another(SUBMITTED, REFUSED)},
    ],
    ids=["closed gate", "refusals", "no credit"],
)
def test_after_a_failed_prediction_too_a_provider_that_is_down_is_left_for_the_other(trouble: dict[str, Any]) -> None:
    well = {names.ENTER_GATE: lambda payload: GRANTED, names.SUBMIT_PREDICTION: lambda payload: SUBMITTED}
    ((name, fake),) = trouble.items()
    outcome = run(with_fallback(), **{
        names.CHECK_PREDICTION: by_generator(lambda payload: FAILED_RUN, lambda payload: stored()),
        name: by_generator(fake, well[name]),
    })  # fmt: skip

    assert (ending(outcome)["status"], ending(outcome)["fallback_used"]) == ("succeeded", True)


@pytest.mark.parametrize(
    "hindrance",
    [
        {names.ENTER_GATE: one_after_another(GRANTED, *[WAITING_THIRD | {"look_again_seconds": 60.0}] * 6, GRANTED)},
        {names.SUBMIT_PREDICTION: one_after_another(SUBMITTED, waits(200), SUBMITTED)},
    ],
    ids=["the gate", "the provider"],
)
def test_no_prediction_is_started_after_the_time_of_the_first(hindrance: dict[str, Any]) -> None:
    outcome = run(**{names.CHECK_PREDICTION: one_after_another(FAILED_RUN, stored()), **hindrance})

    sent = [at for name, _, at in outcome.calls if name == names.SUBMIT_PREDICTION]
    finished = [at for name, _, at in outcome.calls if name == names.FINISH_JOB]
    assert ending(outcome)["problem"]["code"] == "provider_unavailable"
    assert max(sent) < 120
    assert max(finished) < 130, "nobody waits for what will not be sent"


def test_a_slot_that_cannot_be_given_back_does_not_lose_sight_of_a_leftover() -> None:
    def leave(payload: dict[str, Any]) -> dict[str, Any]:
        if payload["index"] == 0:
            raise RuntimeError("the gate cannot be written")
        return {"woken": 0}

    looks = {names.CHECK_PREDICTION: lambda payload: stored(0) if payload["index"] == 0 else RUNNING}
    outcome = run(job_input(2, generation_timeout_seconds=20), **GOES_ON, **looks, **{names.LEAVE_GATE: leave})

    (finished,) = [at for name, _, at in outcome.calls if name == names.FINISH_JOB]
    seen = [at for name, payload, at in outcome.calls if name == names.CHECK_PREDICTION and payload["index"] == 1]
    assert any(finished < at < finished + 60 for at in seen)


def test_a_canceled_job_says_what_it_has_paid_for() -> None:
    unusable = {"state": "failed", "problem": Problem("provider_bad_response", charged="yes").to_payload(), "resubmits": 0}
    outcome = run(events=[(1.5, names.EVENT_CANCEL, {})], **{
        names.CANCEL_PREDICTION: lambda payload: {"state": "finished", "retryable": False},
        names.CHECK_PREDICTION: one_after_another(RUNNING, unusable),
    })  # fmt: skip

    told = ending(outcome)
    assert (told["status"], told["problem"], told["charges"], told["pictures_charged"]) == ("canceled", None, {"0": "yes"}, 1)


def test_a_cancel_that_finds_a_failed_prediction_does_not_go_to_the_other_provider() -> None:
    failed = {"state": "failed", "problem": BUSY, "resubmits": 2}
    outcome = run(with_fallback(), events=[(1.5, names.EVENT_CANCEL, {})], **{
        names.CANCEL_PREDICTION: lambda payload: {"state": "finished", "retryable": False},
        names.CHECK_PREDICTION: one_after_another(RUNNING, failed),
    })  # fmt: skip

    assert (ending(outcome)["status"], len(outcome.called(names.SUBMIT_PREDICTION))) == ("canceled", 1)


def test_a_leftover_grows_old() -> None:
    outcome = run(events=[(1.5, names.EVENT_CANCEL, {})], **GOES_ON, **{names.CHECK_PREDICTION: lambda payload: RUNNING})

    ages = [payload["age_seconds"] for payload in outcome.called(names.CHECK_PREDICTION)]
    assert ages == sorted(ages)
    assert ages[-1] > 800


def test_a_place_that_was_taken_without_an_answer_is_given_up() -> None:
    outcome = run(**{names.ENTER_GATE: one_after_another(RuntimeError("storage away after the gate was written"))})

    assert ending(outcome)["problem"]["code"] == "internal"
    assert len(outcome.called(names.LEAVE_GATE)) == 1
