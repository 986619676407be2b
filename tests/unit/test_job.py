"""How a job ends: what came of its pictures, what they owe all together, and what is still to come."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.job import (
    amended,
    asked_to_cancel,
    charged,
    deleted,
    finished,
    given_up,
    is_deleted,
    is_terminal,
    is_wanted,
    is_watched,
    status_at,
    unfinished_picture,
    without_watch,
)
from shared.domain.ledger import SendState
from shared.domain.payloads import FinishOrder, PictureEnd
from shared.domain.problem import Charged, Problem

CREATED = datetime(2026, 6, 1, 12, tzinfo=UTC)
ENDED = CREATED + timedelta(seconds=20)
PRICES = {"replicate": 0.08, "bfl": 0.05}
TIMED_OUT = Problem("generation_timeout").to_payload()
MODERATED = Problem("content_moderated").to_payload()


def at(seconds: float) -> str:
    return (CREATED + timedelta(seconds=seconds)).isoformat()


def document(n: int = 1, **changes: Any) -> dict[str, Any]:
    """A job that runs."""
    return {
        "id": "job_1", "status": "processing", "created_at": at(0), "input": {"n": n}, "seeds": list(range(n)),
        "outputs": [], "error": None, "provider": "replicate", "model": "replicate-model", "attempts": 0, "polls": 0,
        "possible_duplicate": False, "cancel_requested_at": None,
        "usage": {"cost_usd": 0.08 * n, "estimated": True, "settled": False}, **changes,
    }  # fmt: skip


def output(index: int = 0) -> dict[str, Any]:
    return {"index": index, "blob": f"job_1/{index}.png"}


def rows(states: list[SendState], generator: str = "replicate", attempt: int = 1) -> list[Any]:
    return [{"generator": generator, "attempt": attempt, "state": state} for state in states]


def end(state: str, sent: list[SendState], index: int = 0, **changes: Any) -> PictureEnd:
    """The end of a picture whose one attempt sent this."""
    return {
        "index": index, "state": state, "output": output(index) if state == "stored" else None,
        "problem": TIMED_OUT if state == "failed" else None, "sends": rows(sent), "generator": "replicate",
        "made_by": {"provider": changes.get("generator", "replicate"), "model": f"{changes.get('generator', 'replicate')}-model"},
        "fallback_used": False, "looks": 3, "submitted_at": at(2), "ready_at": at(12) if state == "stored" else None,
        "progress": 80, "is_watched": False, **changes,
    }  # type: ignore[typeddict-item,return-value]  # fmt: skip


def finish(*pictures: PictureEnd, problem: Any = None, **changes: Any) -> dict[str, Any]:
    """A job that ended with these pictures."""
    ends: list[PictureEnd] = [{**picture, "index": i} for i, picture in enumerate(pictures)]
    for i, picture in enumerate(ends):
        picture["output"] = picture["output"] and output(i)  # type: ignore[typeddict-item]
    order: FinishOrder = {
        "job_id": "job_1", "traceparent": None, "started_at": at(1), "problem": problem, "pictures": ends,
    }  # fmt: skip
    return finished(document(len(pictures) or 1, **changes), order, PRICES, ENDED, 14)


MADE = end("stored", ["paid"])
REFUSED = end("failed", ["free"], problem=MODERATED)
LOST = end("failed", ["open", "open"])
STOPPED = end("failed", ["may be charged"])
PAID_FOR_NOTHING = end("failed", ["paid"])
GOING_ON = end("failed", ["accepted"], is_watched=True)
CANCELED = end("canceled", [])
CANCELED_LATE = end("canceled", ["may be charged"])
CANCELED_LOST = end("canceled", ["open"])
CANCELED_PAID = end("canceled", ["paid"])
CANCELED_GOING_ON = end("canceled", ["accepted"], is_watched=True)


# ---- how it ends ----


@pytest.mark.parametrize(
    ("pictures", "status", "code", "told", "owed", "cost", "settled"),
    [
        # pictures                        status       code of the error     its charge  all owed  cost  settled
        ([MADE], "succeeded", None, None, "yes", 0.08, True),
        ([MADE, MADE, MADE], "succeeded", None, None, "yes", 0.24, True),
        ([REFUSED], "failed", "content_moderated", "no", "no", 0, True),
        ([LOST], "failed", "generation_timeout", "unknown", "unknown", 0, False),
        ([STOPPED], "failed", "generation_timeout", "unknown", "unknown", 0, False),
        ([PAID_FOR_NOTHING], "failed", "generation_timeout", "yes", "yes", 0.08, True),
        ([GOING_ON], "failed", "generation_timeout", "unknown", "unknown", 0, False),
        ([CANCELED], "canceled", None, None, "no", 0, True),
        ([CANCELED_LATE], "canceled", None, None, "unknown", 0, False),
        ([CANCELED_LOST], "canceled", None, None, "unknown", 0, False),
        ([CANCELED_PAID], "canceled", None, None, "yes", 0.08, True),
        ([CANCELED, CANCELED_PAID], "canceled", None, None, "yes", 0.08, True),
        # Of a job that succeeded the error tells of the pictures that are missing.
        ([MADE, REFUSED], "succeeded", "content_moderated", "no", "yes", 0.08, True),
        ([REFUSED, MADE], "succeeded", "content_moderated", "no", "yes", 0.08, True),
        ([MADE, LOST], "succeeded", "generation_timeout", "unknown", "yes", 0.08, False),
        ([MADE, PAID_FOR_NOTHING], "succeeded", "generation_timeout", "yes", "yes", 0.16, True),
        ([MADE, REFUSED, LOST], "succeeded", "content_moderated", "unknown", "yes", 0.08, False),
        ([MADE, CANCELED], "succeeded", None, None, "yes", 0.08, True),
        ([MADE, CANCELED_LOST], "succeeded", None, None, "yes", 0.08, False),
        ([MADE, REFUSED, CANCELED_LOST], "succeeded", "content_moderated", "unknown", "yes", 0.08, False),
        # Of one that did not, of all that it may have cost: a canceled picture may be billed as well.
        ([REFUSED, CANCELED], "failed", "content_moderated", "no", "no", 0, True),
        ([REFUSED, CANCELED_LOST], "failed", "content_moderated", "unknown", "unknown", 0, False),
        ([CANCELED_LOST, REFUSED], "failed", "content_moderated", "unknown", "unknown", 0, False),
        ([REFUSED, CANCELED_GOING_ON], "failed", "content_moderated", "unknown", "unknown", 0, False),
        ([REFUSED, CANCELED_PAID], "failed", "content_moderated", "yes", "yes", 0.08, True),
        ([REFUSED, LOST], "failed", "content_moderated", "unknown", "unknown", 0, False),
        ([LOST, PAID_FOR_NOTHING], "failed", "generation_timeout", "yes", "yes", 0.08, False),
    ],
)
def test_what_a_job_says_of_its_pictures(
    pictures: list[PictureEnd], status: str, code: str | None, told: Charged | None, owed: Charged, cost: float, settled: bool
) -> None:
    job = finish(*pictures)

    assert job["status"] == status
    assert (job["error"] and (job["error"]["code"], job["error"]["charged"])) == (code and (code, told))
    assert charged(job) == owed
    assert job["usage"] == {"cost_usd": cost, "estimated": True, "settled": settled}
    assert [made["index"] for made in job["outputs"]] == [i for i, end in enumerate(pictures) if end["state"] == "stored"]


def test_a_job_whose_pictures_were_never_begun_failed_and_costs_nothing() -> None:
    job = finish(problem=Problem("unsupported_image").to_payload())

    assert (job["status"], job["error"]["code"], job["error"]["charged"]) == ("failed", "unsupported_image", "no")
    assert (job["pictures"], job["outputs"], job["progress"], job["provider"]) == ([], [], 5, "replicate")
    assert job["usage"] == {"cost_usd": 0, "estimated": True, "settled": True}
    assert job["metrics"] == {"queue_ms": 20_000, "provider_ms": 0, "overhead_ms": 0}


def test_a_job_keeps_what_each_picture_came_to_and_what_it_owes() -> None:
    job = finish(MADE, end("failed", ["open", "may be charged"], is_watched=True))

    assert job["pictures"] == [
        {"index": 0, "state": "stored", "output": output(0), "problem": None, "sends": rows(["paid"]), "is_watched": False},
        {
            "index": 1, "state": "failed", "output": None, "problem": {**TIMED_OUT, "charged": "unknown"},
            "sends": rows(["open", "may be charged"]), "is_watched": True,
        },
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sends", "told"), [(["free"], "no"), (["open"], "unknown"), (["accepted"], "unknown"), (["paid"], "yes")]
)
def test_the_error_of_each_picture_says_what_its_own_sends_owe(sends: list[SendState], told: Charged) -> None:
    job = finish(MADE, end("failed", sends, problem={**TIMED_OUT, "charged": "no"}))

    assert job["pictures"][1]["problem"]["charged"] == told


def test_a_possible_duplicate_of_one_picture_is_said_of_the_job() -> None:
    assert finish(MADE, MADE)["possible_duplicate"] is False
    assert finish(MADE, end("stored", ["open", "paid"]))["possible_duplicate"] is True
    assert finish(MADE, end("failed", ["open", "refused"]))["possible_duplicate"] is False
    assert finish(end("canceled", ["open", "accepted"]))["possible_duplicate"] is True


def test_attempts_are_the_predictions_of_all_pictures() -> None:
    twice = end("stored", [], sends=[*rows(["free"]), *rows(["open", "paid"], attempt=2)])

    assert finish(MADE, twice, CANCELED_LOST, CANCELED_LOST)["attempts"] == 3


def test_what_was_made_elsewhere_costs_what_it_costs_there() -> None:
    elsewhere = end(
        "stored", [], sends=[*rows(["free"]), *rows(["paid"], "bfl", 2)], generator="bfl", fallback_used=True
    )  # fmt: skip
    job = finish(elsewhere)

    assert (job["provider"], job["fallback_used"], job["usage"]["cost_usd"]) == ("bfl", True, 0.05)
    assert finish(MADE, elsewhere)["usage"]["cost_usd"] == 0.13
    assert finish(MADE, elsewhere)["fallback_used"] is True
    assert finish(end("failed", ["may be charged"]), elsewhere)["provider"] == "bfl", "the first that was made speaks"
    assert finish(REFUSED, end("failed", [], generator="bfl"))["provider"] == "replicate"
    assert finish(MADE)["fallback_used"] is False
    assert (job["model"], job["fallback"]) == ("bfl-model", {"from": "replicate-model", "to": "bfl-model"})
    assert "fallback" not in finish(MADE)


def test_a_job_whose_model_has_another_name_by_now_has_not_fallen_back() -> None:
    job = finish(end("stored", ["paid"], made_by={"provider": "replicate", "model": "its-successor"}))

    assert (job["model"], job["fallback_used"], "fallback" in job) == ("its-successor", False, False)


QUOTED, LISTED = {"usd": 0.045, "quoted": True}, {"usd": 0.06, "quoted": False}


@pytest.mark.parametrize(
    ("costs", "usage"),
    [
        ([QUOTED], {"cost_usd": 0.045, "estimated": False, "settled": True}),
        ([QUOTED, QUOTED], {"cost_usd": 0.09, "estimated": False, "settled": True}),
        ([LISTED], {"cost_usd": 0.06, "estimated": True, "settled": True}),
        ([QUOTED, LISTED], {"cost_usd": 0.105, "estimated": True, "settled": True}),
        ([QUOTED, None], {"cost_usd": 0.125, "estimated": True, "settled": True}),
    ],
)
def test_a_cost_is_an_estimate_unless_the_provider_has_said_it_of_every_paid_picture(
    costs: list[Any], usage: dict[str, Any]
) -> None:
    ends = [end("stored", [], sends=[{**rows(["paid"])[0], **({"cost": cost} if cost else {})}]) for cost in costs]

    assert finish(*ends)["usage"] == usage
    assert finish(*ends, REFUSED)["usage"] == usage


def test_costs_are_told_in_hundredths_of_a_cent() -> None:
    job = amended(finish(GOING_ON), end("stored", ["paid"]), {"replicate": 0.12346})

    assert job["usage"]["cost_usd"] == job["settled_cost_usd"] == 0.1235


def test_a_job_says_when_it_began_and_ended_and_how_long_it_is_kept() -> None:
    job = finish(MADE)

    assert (job["started_at"], job["completed_at"]) == (at(1), at(20))
    assert job["expires_at"] == "2026-06-15T12:00:20+00:00"


def test_the_looks_of_all_pictures_are_counted_and_the_slowest_shows_how_far_it_came() -> None:
    job = finish(end("stored", ["paid"], looks=4, progress=92), end("failed", ["free"], looks=9, progress=41))

    assert (job["polls"], job["progress"]) == (13, 41)


@pytest.mark.parametrize(
    ("pictures", "metrics"),
    [
        # It was submitted after 2 s, ready after 12, and ended after 20.
        ([MADE], (2_000, 10_000, 8_000)),
        # The first submit and the last result count.
        ([MADE, end("stored", ["paid"], submitted_at=at(5), ready_at=at(19))], (2_000, 17_000, 1_000)),
        ([end("stored", ["paid"], submitted_at=at(5), ready_at=at(19)), MADE], (2_000, 17_000, 1_000)),
        ([MADE, end("failed", [], submitted_at=None)], (2_000, 10_000, 8_000)),
        # Never ready: it was there until the end. Never submitted: it waited until the end.
        ([STOPPED], (2_000, 18_000, 0)),
        ([end("failed", [], submitted_at=None)], (20_000, 0, 0)),
        # Clocks differ a little between hosts; no length is negative.
        ([end("stored", ["paid"], submitted_at=at(-1), ready_at=at(-2))], (0, 0, 20_000)),
    ],
)
def test_where_the_time_went(pictures: list[PictureEnd], metrics: tuple[int, int, int]) -> None:
    names = ("queue_ms", "provider_ms", "overhead_ms")

    assert finish(*pictures)["metrics"] == dict(zip(names, metrics, strict=True))


def test_the_former_version_finds_what_it_adds_up() -> None:
    job = finish(MADE, PAID_FOR_NOTHING, LOST, CANCELED)

    assert job["settled_cost_usd"] == 0.16
    assert job["charges"] == {"1": "yes", "2": "unknown", "3": "no"}


# ---- what comes late ----


@pytest.mark.parametrize(
    ("before", "then", "told", "owed", "cost", "settled"),
    [
        # pictures at the end              what came of the last one
        ([GOING_ON], ("stored", ["paid"]), "yes", "yes", 0.08, True),
        ([GOING_ON], ("failed", ["paid"]), "yes", "yes", 0.08, True),
        ([GOING_ON], ("failed", ["free"]), "no", "no", 0, True),
        ([GOING_ON], ("failed", ["may be charged"]), "unknown", "unknown", 0, False),
        ([GOING_ON], ("failed", ["accepted"]), "unknown", "unknown", 0, False),
        # What another send of it owes is not lowered by a free end.
        ([GOING_ON], ("failed", ["open", "free"]), "unknown", "unknown", 0, False),
        ([GOING_ON], ("stored", ["open", "paid"]), "yes", "yes", 0.08, False),
        ([LOST, GOING_ON], ("failed", ["free"]), "unknown", "unknown", 0, False),
        ([PAID_FOR_NOTHING, GOING_ON], ("failed", ["free"]), "yes", "yes", 0.08, True),
        ([REFUSED, GOING_ON], ("failed", ["free"]), "no", "no", 0, True),
        ([REFUSED, CANCELED_GOING_ON], ("canceled", ["free"]), "no", "no", 0, True),
        ([REFUSED, CANCELED_GOING_ON], ("canceled", ["paid"]), "yes", "yes", 0.08, True),
        ([CANCELED_GOING_ON], ("stored", ["paid"]), None, "yes", 0.08, True),
        ([CANCELED_GOING_ON], ("canceled", ["free"]), None, "no", 0, True),
        # Of a job that succeeded the error tells of what is missing; of what came late when nothing is.
        ([MADE, GOING_ON], ("failed", ["free"]), "no", "yes", 0.08, True),
        ([MADE, GOING_ON], ("failed", ["paid"]), "yes", "yes", 0.16, True),
        ([MADE, GOING_ON], ("stored", ["paid"]), "yes", "yes", 0.16, True),
        ([MADE, REFUSED, GOING_ON], ("stored", ["paid"]), "no", "yes", 0.16, True),
        ([MADE, CANCELED_GOING_ON], ("stored", ["paid"]), None, "yes", 0.16, True),
    ],
)
def test_what_a_job_says_when_a_prediction_of_it_ended_late(
    before: list[PictureEnd],
    then: tuple[str, list[SendState]],
    told: Charged | None,
    owed: Charged,
    cost: float,
    settled: bool,
) -> None:
    job = finish(*before)
    index = len(before) - 1
    later = amended(job, end(*then, index), PRICES)

    assert later["status"] == job["status"], "a terminal status never changes"
    assert (later["error"] and later["error"]["charged"]) == told
    assert (later["error"] and later["error"]["code"]) == (job["error"] and job["error"]["code"])
    assert charged(later) == owed
    assert later["usage"] == {"cost_usd": cost, "estimated": True, "settled": settled}
    assert [picture["index"] for picture in later["pictures"]] == list(range(len(before)))
    is_made = then[0] == "stored"
    assert later["outputs"] == [*job["outputs"], *([output(index)] if is_made else [])]
    assert amended(later, end(*then, index), PRICES) == later, "told twice, it counts once"


def test_a_picture_that_did_not_come_late_ended_as_it_was_told() -> None:
    lost = end("failed", ["free"], problem=Problem("internal").to_payload())
    later = amended(finish(GOING_ON), lost, PRICES)["pictures"][0]

    assert (later["problem"]["code"], later["problem"]["charged"]) == ("generation_timeout", "no")
    assert amended(finish(CANCELED_GOING_ON), lost, PRICES)["pictures"][0]["state"] == "canceled"


def test_a_late_picture_takes_its_place_among_the_others() -> None:
    job = finish(GOING_ON, MADE, GOING_ON)
    later = amended(amended(job, end("stored", ["paid"], 2), PRICES), end("stored", ["paid"], 0), PRICES)

    assert [made["index"] for made in later["outputs"]] == [0, 1, 2]
    assert [picture["index"] for picture in later["pictures"]] == [0, 1, 2]
    assert later["completed_at"] == job["completed_at"]
    assert later["metrics"] == job["metrics"]


def test_an_ended_job_watches_until_its_last_prediction_has_ended() -> None:
    job = finish(GOING_ON, MADE, GOING_ON)
    first = amended(job, end("stored", ["paid"], 2), PRICES)
    both = amended(first, end("failed", ["free"], 0), PRICES)

    assert [is_watched(known) for known in (document(3), job, first, both)] == [False, True, True, False]
    assert not is_watched(finish(MADE))
    assert not is_watched(without_watch(job, [of_records(0, ["accepted"]), of_records(2, ["accepted"])], PRICES))


def of_records(index: int, states: Any, output: Any = None) -> dict[str, Any]:
    return unfinished_picture(index, rows(states), output)


def test_a_watch_that_is_gone_still_tells_of_a_picture_that_was_kept_unseen() -> None:
    job = without_watch(finish(GOING_ON), [of_records(0, ["paid"], output(0))], PRICES)

    assert (job["status"], job["outputs"], job["usage"]["cost_usd"], job["error"]["charged"]) == (
        "failed",
        [output(0)],
        0.08,
        "yes",
    )


def test_a_watch_that_is_gone_leaves_what_it_watched_unknown() -> None:
    job = without_watch(finish(REFUSED, GOING_ON), [of_records(1, ["accepted"])], PRICES)

    assert (charged(job), job["usage"]["settled"], job["error"]["charged"]) == ("unknown", False, "unknown")
    assert [picture["sends"] for picture in job["pictures"]] == [rows(["free"]), rows(["accepted"])]


# ---- documents of the former version: outputs and charges, no pictures ----


def of_before(status: str, n: int = 1, made: tuple[int, ...] = (), told: Charged | None = None, **changes: Any) -> dict[str, Any]:
    """A job that the former version ended; `charges` are missing where it gave the job up."""
    error = {**TIMED_OUT, "charged": told} if told else None
    return document(n, status=status, outputs=[output(i) for i in made], error=error, **changes)


@pytest.mark.parametrize(
    ("job", "owed"),
    [
        (of_before("succeeded", made=(0,), charges={}), "yes"),
        (of_before("succeeded", 2, made=(1,), told="no", charges={"0": "no"}), "yes"),
        (of_before("failed", told="no", charges={"0": "no"}), "no"),
        (of_before("failed", told="yes", charges={"0": "yes"}), "yes"),
        (of_before("failed", 2, told="unknown", charges={"0": "no", "1": "unknown"}), "unknown"),
        (of_before("failed", told="unknown"), "unknown"),
        (of_before("canceled", charges={}), "no"),
        (of_before("canceled", charges={"0": "unknown"}), "unknown"),
        (of_before("processing"), "unknown"),
        (of_before("queued"), "unknown"),
    ],
)
def test_what_a_job_of_the_former_version_owes(job: dict[str, Any], owed: Charged) -> None:
    assert charged(job) == owed


def test_of_a_job_of_the_former_version_nobody_knows_whether_it_watches() -> None:
    assert is_watched(of_before("failed", told="unknown"))
    assert not is_watched(of_before("processing"))
    assert without_watch(of_before("failed", told="unknown"), [], PRICES) == of_before("failed", told="unknown")


@pytest.mark.parametrize(
    ("job", "then", "told", "cost", "states"),
    [
        (of_before("failed", told="unknown", charges={"0": "unknown"}), ("stored", ["paid"]), "yes", 0.08, ["stored"]),
        (of_before("failed", told="unknown", charges={"0": "unknown"}), ("failed", ["free"]), "no", 0, ["failed"]),
        (of_before("failed", 2, told="yes", charges={"1": "yes", "0": "no"}), ("failed", ["free"]), "yes", 0.08, ["failed"] * 2),
        (of_before("failed", 2, told="unknown"), ("stored", ["paid"]), "yes", 0.08, ["stored", "failed"]),
        (of_before("canceled", 2, charges={}), ("stored", ["paid"]), None, 0.08, ["stored", "canceled"]),
        (of_before("succeeded", 2, made=(1,), told="unknown", charges={"0": "unknown"}), ("failed", ["free"]), "no", 0.08,
         ["failed", "stored"]),
        (of_before("succeeded", 3, made=(1,), told="no", charges={"0": "no", "2": "no"}), ("stored", ["paid"]), "no", 0.16,
         ["stored", "stored", "failed"]),
    ],
)  # fmt: skip
def test_a_late_end_of_a_job_of_the_former_version(
    job: dict[str, Any], then: tuple[str, list[SendState]], told: Charged | None, cost: float, states: list[str]
) -> None:
    later = amended(job, end(*then), PRICES)

    assert later["status"] == job["status"]
    assert (later["error"] and later["error"]["charged"]) == told
    assert later["usage"]["cost_usd"] == later["settled_cost_usd"] == cost
    assert [picture["state"] for picture in later["pictures"]] == states
    assert not is_watched(later)
    assert amended(later, end(*then), PRICES) == later


def test_what_the_former_version_flagged_stays_flagged() -> None:
    job = of_before("failed", told="unknown", charges={"0": "unknown"}, possible_duplicate=True)

    assert amended(job, end("stored", ["paid"]), PRICES)["possible_duplicate"] is True


# ---- given up ----


@pytest.mark.parametrize(
    ("pictures", "status", "told", "owed", "cost", "settled"),
    [
        ([unfinished_picture(0, [], None)], "failed", "no", "no", 0, True),
        ([unfinished_picture(0, rows(["refused"]), None)], "failed", "no", "no", 0, True),
        ([unfinished_picture(0, rows(["open"]), None)], "failed", "unknown", "unknown", 0, False),
        ([unfinished_picture(0, rows(["accepted"]), None)], "failed", "unknown", "unknown", 0, False),
        ([unfinished_picture(0, rows(["paid"]), output())], "succeeded", None, "yes", 0.08, True),
        ([unfinished_picture(0, rows(["free"]), None), unfinished_picture(1, rows(["open"]), None)],
         "failed", "unknown", "unknown", 0, False),
        ([unfinished_picture(0, rows(["open", "paid"]), output()), unfinished_picture(1, [], None)],
         "succeeded", "no", "yes", 0.08, False),
    ],
)  # fmt: skip
def test_a_job_that_is_given_up_says_what_its_records_say(
    pictures: list[dict[str, Any]], status: str, told: Charged | None, owed: Charged, cost: float, settled: bool
) -> None:
    job = given_up(document(len(pictures)), pictures, PRICES, ENDED, 41, 14)

    assert (job["status"], job["error"] and job["error"]["charged"]) == (status, told)
    assert charged(job) == owed
    assert job["usage"] == {"cost_usd": cost, "estimated": True, "settled": settled}
    assert (job["completed_at"], job["expires_at"], job["progress"]) == (at(20), "2026-06-15T12:00:20+00:00", 41)
    assert job["outputs"] == [picture["output"] for picture in pictures if picture["output"]]
    assert not is_watched(job)


def test_an_unfinished_picture_failed_unless_it_is_there() -> None:
    there, gone = unfinished_picture(0, rows(["paid"]), output()), unfinished_picture(1, rows(["open"]), None)

    assert (there["state"], there["output"], there["problem"]) == ("stored", output(), None)
    assert (gone["state"], gone["output"], gone["problem"]["code"]) == ("failed", None, "internal")
    job = given_up(document(2), [there, gone], PRICES, ENDED, 41, 30)
    assert job["pictures"][1]["problem"]["charged"] == "unknown", "its error says what its records say"


# ---- marks ----


def test_a_job_is_wanted_while_it_runs_and_nobody_canceled_or_deleted_it() -> None:
    assert is_wanted(document())
    assert is_wanted(document(status="queued"))
    assert not is_wanted(None)
    assert not is_wanted(asked_to_cancel(document(), CREATED))
    assert not is_wanted(deleted(document(), CREATED))
    assert not any(is_wanted(document(status=status)) for status in ("succeeded", "failed", "canceled"))


def test_the_first_cancel_stands() -> None:
    canceled = asked_to_cancel(document(), CREATED)

    assert canceled["cancel_requested_at"] == at(0)
    assert asked_to_cancel(canceled, ENDED) == canceled
    assert canceled["status"] == "processing", "its story ends it"


def test_a_deleted_job_is_canceled_and_hidden_and_the_first_time_stands() -> None:
    gone = deleted(document(), CREATED)

    assert (gone["cancel_requested_at"], gone["deleted_at"]) == (at(0), at(0))
    assert is_deleted(gone)
    assert deleted(gone, ENDED) == gone
    assert deleted(asked_to_cancel(document(), CREATED), ENDED)["cancel_requested_at"] == at(0)
    assert not is_deleted(document())
    assert not is_deleted(document(deleted_at=None))


def test_a_deletion_forgets_nothing_that_may_be_owed() -> None:
    job = finish(GOING_ON)

    assert charged(deleted(job, ENDED)) == "unknown"
    assert is_watched(deleted(job, ENDED))


@pytest.mark.parametrize(
    ("status", "terminal"),
    [("queued", False), ("processing", False), ("succeeded", True), ("failed", True), ("canceled", True), ("new", False)],
)
def test_a_job_has_ended_when_it_succeeded_failed_or_was_canceled(status: str, terminal: bool) -> None:
    assert is_terminal(status) is terminal


def test_a_custom_status_says_stage_and_progress_and_what_else_is_known() -> None:
    assert status_at("waiting", queue_position=3) == {"stage": "waiting", "progress": 15, "queue_position": 3}
