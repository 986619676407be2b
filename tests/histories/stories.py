"""The stories whose histories are kept: between them they take every step that the orchestrators know."""

from collections.abc import Callable
from typing import Any

import orchestrators
from devhost.bench import Bench
from shared import names
from tests.orchestrators import story
from tests.orchestrators.story import RUNNING, Told, always, by_generator, by_index, one_after_another

#: Each instance is stamped as the host stamps it.
BENCH: dict[str, Any] = {"default_version": str(names.STORY_VERSION)}
LAST_SEND_LOST = story.submitted("open", "accepted")
TRANSIENT = story.failed(story.down("unknown"), resubmits=2)


#: Shorter than those of a real job: the steps are the same, and the histories a tenth as long.
SHORT: dict[str, Any] = {"generation_timeout_seconds": 30, "leftover_timeout_seconds": 90}


def tell(order: Any = None, *, bench: dict[str, Any] | None = None, **how: Any) -> Told:
    return story.tell(order, bench=BENCH | (bench or {}), **how)


# ---- a picture that is made ----


def goods() -> Told:
    """The gate knows how long a picture takes."""
    return tell(activities={
        names.SUBMIT_PREDICTION: always(story.submitted(expected=12.0)),
        names.CHECK_PREDICTION: one_after_another(RUNNING, RUNNING, RUNNING, story.stored()),
    })  # fmt: skip


def goods_of_unknown_time() -> Told:
    return tell(activities={names.CHECK_PREDICTION: one_after_another(*[RUNNING] * 20, story.stored())})


def ppl_told_by_webhook() -> Told:
    return tell(
        events=[(15.0, names.ended_event(1), {})],
        activities={
            names.SUBMIT_PREDICTION: always(story.submitted(told=True, expected=15.0)),
            names.CHECK_PREDICTION: one_after_another(RUNNING, RUNNING, story.stored()),
        },
    )  # fmt: skip


def handle_that_storage_took_late() -> Told:
    tries = iter(range(3))

    def away_at_first(_: Any) -> Any:
        if next(tries) < 2:
            raise OSError("storage away")
        return {"recorded": True}

    return tell(activities={
        names.SUBMIT_PREDICTION: always({**story.submitted(), "is_recorded": False}), names.RECORD_PREDICTION: away_at_first,
    })  # fmt: skip


def translated_at_the_third_try() -> Told:
    """While its image had been prepared for long."""
    asked = story.job_order()
    asked["translation"] = {"pauses_seconds": [1, 2], "last_after_seconds": 8}
    return tell(asked, activities={
        names.TRANSLATE_PROMPT: one_after_another({"state": "again"}, {"state": "again"}, {"state": "decided"}),
    })  # fmt: skip


def four_pictures_of_which_one_fails() -> Told:
    made = [one_after_another(*[RUNNING] * (looks + 1), story.stored(looks)) for looks in range(4)]
    made[2] = one_after_another(RUNNING, story.failed())
    return tell(story.job_order(4), activities={names.CHECK_PREDICTION: by_index(*made)})


# ---- what comes between the wish and the prediction ----


def unreadable_image() -> Told:
    return tell(activities={names.PREPARE_IMAGE: always({"problem": story.MODERATED})})


def waited_for_a_slot() -> Told:
    """Looked twice by itself, then was told."""
    return tell(
        events=[(70.0, names.slot_event(3), {})],
        activities={
            names.SUBMIT_PREDICTION: one_after_another(*[story.waiting()] * 3, story.submitted(expected=12.0)),
            names.CHECK_PREDICTION: one_after_another(RUNNING, story.stored()),
        },
    )  # fmt: skip


def waited_in_vain() -> Told:
    return tell(activities={names.SUBMIT_PREDICTION: always(story.waiting(300.0))})


def refusals_and_a_lost_send() -> Told:
    return tell(activities={
        names.SUBMIT_PREDICTION: one_after_another(
            story.refused_for_now(3.0), story.refused_for_now(is_down=True), story.lost(), story.lost(10.0), LAST_SEND_LOST,
        ),
        names.CHECK_PREDICTION: one_after_another(RUNNING, story.stored()),
    })  # fmt: skip


def refused_for_good() -> Told:
    return tell(activities={names.SUBMIT_PREDICTION: always(story.refused())})


def fallback() -> Told:
    return tell(
        story.job_order(has_other=True),
        activities={
            names.SUBMIT_PREDICTION: by_generator(always(story.refused_for_now(is_down=True)), always(story.submitted())),
            names.CHECK_PREDICTION: one_after_another(RUNNING, story.stored()),
        },
    )  # fmt: skip


def steps_that_raise() -> Told:
    """Each is tried again, and the picture is made."""
    error = RuntimeError("storage is away")
    return tell(activities={
        names.PREPARE_IMAGE: one_after_another(error, {"blob": "prepared.png"}),
        names.SUBMIT_PREDICTION: one_after_another(error, error, story.submitted()),
        names.CHECK_PREDICTION: one_after_another(error, RUNNING, error, story.stored(left_gate=False)),
        names.LEAVE_GATE: one_after_another(error, {"woken": 0}),
        names.FINISH_JOB: one_after_another(error, error, {"status": "succeeded"}),
    })  # fmt: skip


def submit_that_always_raises() -> Told:
    return tell(activities={names.SUBMIT_PREDICTION: always(RuntimeError("storage is away"))})


# ---- what may become of a prediction ----


def moderated() -> Told:
    return tell(activities={names.CHECK_PREDICTION: one_after_another(RUNNING, story.failed())})


def third_prediction_made_it() -> Told:
    return tell(activities={
        names.CHECK_PREDICTION: one_after_another(RUNNING, TRANSIENT, RUNNING, TRANSIENT, RUNNING, story.stored()),
    })  # fmt: skip


def not_found_for_a_while() -> Told:
    return tell(activities={names.CHECK_PREDICTION: one_after_another(RUNNING, story.MISSING, story.MISSING, story.stored())})


def gone() -> Told:
    """Its provider does not know it any more: left, and watched on."""
    looks = one_after_another(RUNNING, story.MISSING)
    return tell(story.job_order(**SHORT | {"generation_timeout_seconds": 60}), activities={names.CHECK_PREDICTION: looks})


def fetched_at_last() -> Told:
    return tell(activities={names.CHECK_PREDICTION: one_after_another(RUNNING, *[story.unstored()] * 4, story.stored())})


def unusable() -> Told:
    return tell(activities={names.CHECK_PREDICTION: one_after_another(RUNNING, story.unstored(is_final=True))})


def timed_out_and_canceled() -> Told:
    return tell(story.job_order(**SHORT), activities={names.CHECK_PREDICTION: always(RUNNING)})


def recorded_by_an_earlier_run() -> Told:
    return tell(
        story.job_order(start=1), activities={names.SUBMIT_PREDICTION: always(story.had_ended(story.stored(), "paid"))}
    )  # fmt: skip


# ---- cancels and what is left over ----


def canceled_while_waiting() -> Told:
    return tell(cancel_at=40.0, activities={
        names.SUBMIT_PREDICTION: one_after_another(*[story.waiting()] * 2, story.canceled()),
    })  # fmt: skip


def canceled_at_the_provider() -> Told:
    return tell(cancel_at=4.5, activities={names.CHECK_PREDICTION: always(RUNNING)})


def canceled_but_finished() -> Told:
    return tell(cancel_at=2.5, activities={
        **story.FINISHED, names.CHECK_PREDICTION: one_after_another(RUNNING, RUNNING, story.stored()),
    })  # fmt: skip


def leftover() -> Told:
    """It cannot be canceled, and its picture comes after the job has ended."""
    return tell(cancel_at=4.5, activities={
        **story.GOES_ON, names.CHECK_PREDICTION: one_after_another(*[RUNNING] * 7, story.stored()),
    })  # fmt: skip


def leftover_that_never_ends() -> Told:
    return tell(story.job_order(**SHORT), activities={**story.GOES_ON, names.CHECK_PREDICTION: always(RUNNING)})


def three_pictures_and_a_leftover_told_to_the_job() -> Told:
    slow = one_after_another(*[RUNNING] * 22, story.stored(1))
    return tell(story.job_order(3, **SHORT), activities={
        **story.GOES_ON,
        names.CHECK_PREDICTION: by_index(one_after_another(RUNNING, story.stored(0)), slow, one_after_another(story.stored(2))),
    })  # fmt: skip


def three_pictures_canceled() -> Told:
    return tell(story.job_order(3), cancel_at=6.5, activities={names.CHECK_PREDICTION: by_index(
        one_after_another(RUNNING, story.stored(0)), always(RUNNING), always(RUNNING),
    )})  # fmt: skip


# ---- workers that die ----


def _kills(instance: str, *episodes: int) -> Callable[[str], bool]:
    """The worker dies in these episodes of an instance, of all its executions together."""
    seen = 0

    def kills(current: str) -> bool:
        nonlocal seen
        seen += current == instance
        return current == instance and seen in episodes

    return kills


def child_called_again() -> Told:
    child = names.picture_instance_id(story.JOB, 1, 2)
    looks = one_after_another(RUNNING, RUNNING, story.stored(1))
    return tell(
        story.job_order(2), bench={"before_episode": _kills(child, 4)},
        activities={names.CHECK_PREDICTION: by_index(one_after_another(RUNNING, story.stored(0)), looks)},
    )  # fmt: skip


def child_that_always_dies() -> Told:
    child = names.picture_instance_id(story.JOB, 0, 2)
    return tell(story.job_order(2), bench={"before_episode": _kills(child, *range(1, 100))})


# ---- the janitor ----


def janitor() -> Told:
    """Its last look: those before it are of executions that are gone."""
    bench = Bench(orchestrators.blueprints, **BENCH)
    order = {"look_again_seconds": 15, "patience": story.PATIENCE}
    look = one_after_another({"left": 2}, RuntimeError("storage is away"), {"left": 0})
    outcome = bench.run(names.FORGET_JOBS, order, instance_id=names.JANITOR, activities={names.FORGET_DELETED: look})
    return Told(outcome, [], bench)


# ---- the end of a job, told to its owner's address ----


def webhook_told_at_last() -> Told:
    bench = Bench(orchestrators.blueprints, **BENCH)
    order = {"job_id": story.JOB, "traceparent": None, "patience": story.PATIENCE["lasting"]}
    tries = one_after_another(
        {"wait_seconds": 5.0}, OSError("storage is away"), {"wait_seconds": 36_000.0}, {"wait_seconds": None}
    )
    outcome = bench.run(
        names.DELIVER_WEBHOOK, order, instance_id=names.webhook_instance_id(story.JOB), until=72_000.0,
        activities={str(names.SEND_WEBHOOK): tries},
    )  # fmt: skip
    return Told(outcome, [], bench)


STORIES: tuple[Callable[[], Told], ...] = (
    goods, goods_of_unknown_time, ppl_told_by_webhook, handle_that_storage_took_late, translated_at_the_third_try,
    four_pictures_of_which_one_fails,
    unreadable_image, waited_for_a_slot,
    waited_in_vain, refusals_and_a_lost_send, refused_for_good, fallback, steps_that_raise, submit_that_always_raises, moderated,
    third_prediction_made_it, not_found_for_a_while, gone, fetched_at_last, unusable, timed_out_and_canceled,
    recorded_by_an_earlier_run, canceled_while_waiting, canceled_at_the_provider, canceled_but_finished, leftover,
    leftover_that_never_ends, three_pictures_and_a_leftover_told_to_the_job, three_pictures_canceled, child_called_again,
    child_that_always_dies, janitor, webhook_told_at_last,
)  # fmt: skip
