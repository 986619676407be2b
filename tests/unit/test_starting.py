"""A story is started again from its records when it died, at most five times, and never when somebody stopped it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.starting import Decision, decide, started_again

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ENGINE = ["Pending", "Running", "ContinuedAsNew", "Suspended", "Completed", "Failed", "Terminated", "Canceled", None]


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat()


def job(
    status: str = "processing", age: float = 600, starts: int = 0, again: float | None = None, **fields: Any
) -> dict[str, Any]:
    """A job accepted `age` seconds ago, started again `starts` times, last `again` seconds ago."""
    return {
        "status": status, "created_at": ago(age), "starts": starts, "started_again_at": None if again is None else ago(again),
        **fields,
    }  # fmt: skip


def ended(*, is_watched: bool, **fields: Any) -> dict[str, Any]:
    return job("failed", pictures=[{"is_watched": False}, {"is_watched": is_watched}], **fields)


def of_before(status: str = "processing") -> dict[str, Any]:
    """As the former version wrote it: it counted no starts and kept no pictures."""
    return {"status": status, "created_at": ago(600)}


@pytest.mark.parametrize(
    ("document", "runtime", "decision"),
    [
        # It goes on.
        (job(), "Pending", "leave"),
        (job(), "Running", "leave"),
        (job(), "ContinuedAsNew", "leave"),
        (job(), "Suspended", "leave"),
        (job(starts=5), "Running", "leave"),
        (job("queued"), "Running", "leave"),
        # It died under its job, or ended without it.
        (job(), "Failed", "start"),
        (job("queued"), "Failed", "start"),
        (job(), "Completed", "start"),
        (job(age=1), "Failed", "start"),
        # An operator stopped it.
        (job(), "Terminated", "give up"),
        (job(), "Canceled", "give up"),
        (job(starts=1, again=1), "Terminated", "give up"),
        # The hub does not know it: a POST is under way, or died half way.
        (job(age=0), None, "leave"),
        (job(age=59), None, "leave"),
        (job(age=60), None, "start"),
        (job(starts=1, again=59), None, "leave"),
        (job(starts=1, again=60), None, "start"),
        (job(starts=5, again=59), None, "leave"),
        (job(starts=5, again=60), None, "give up"),
        # Five times, and no more.
        *[(job(starts=starts, again=60), "Failed", "start") for starts in range(5)],
        (job(starts=5, again=60), "Failed", "give up"),
        (job(starts=6, again=60), "Failed", "give up"),
        (job(starts=5, again=60), "Completed", "give up"),
        # Just now somebody else did, and the hub may tell how it was before.
        (job(starts=1, again=0), "Failed", "leave"),
        (job(starts=1, again=9), "Failed", "leave"),
        (job(starts=1, again=10), "Failed", "start"),
        (job(starts=4, again=9), "Completed", "leave"),
        # It has ended. A prediction that it watches on is not forgotten, whatever else is.
        *[(ended(is_watched=False), runtime, "leave") for runtime in ENGINE],
        (ended(is_watched=True), "Running", "leave"),
        (ended(is_watched=True), "Completed", "leave"),
        (ended(is_watched=True), None, "leave"),
        (ended(is_watched=True), "Failed", "start"),
        (ended(is_watched=True, starts=1, again=5), "Failed", "leave"),
        (ended(is_watched=True, starts=5, again=60), "Failed", "give up"),
        (ended(is_watched=True), "Terminated", "give up"),
        # The former version: nobody knows what it watched.
        (of_before(), "Running", "leave"),
        (of_before(), "Failed", "start"),
        (of_before(), "Terminated", "give up"),
        (of_before(), None, "start"),
        (of_before("succeeded"), "Completed", "leave"),
        (of_before("succeeded"), None, "leave"),
        (of_before("failed"), "Failed", "start"),
        (of_before("failed"), "Terminated", "give up"),
    ],
)
def test_whether_a_story_is_started(document: dict[str, Any], runtime: str | None, decision: Decision) -> None:
    assert decide(document, runtime, NOW) == decision


@given(st.sampled_from(["succeeded", "failed", "canceled"]), st.sampled_from(ENGINE), st.integers(0, 9), st.integers(0, 9999))
def test_a_job_that_has_ended_and_watches_nothing_is_never_started(status: str, runtime: str, starts: int, age: int) -> None:
    assert decide(job(status, age=age, starts=starts, pictures=[{"is_watched": False}]), runtime, NOW) == "leave"


@given(st.sampled_from(["queued", "processing", "failed"]), st.sampled_from(ENGINE), st.integers(5, 99), st.integers(0, 9999))
def test_nothing_is_started_a_sixth_time(status: str, runtime: str, starts: int, again: int) -> None:
    document = job(status, age=9999, starts=starts, again=again, pictures=[{"is_watched": True}])

    assert decide(document, runtime, NOW) != "start"


def test_a_start_is_counted_and_told_when() -> None:
    told = {"started_again_at": NOW.isoformat(), "restarts": [NOW.isoformat()], "progress": 30}
    assert started_again(job(starts=2, again=99), NOW, seen=2, progress=30) == job(starts=3, again=0) | told
    assert started_again(of_before(), NOW, seen=0, progress=30) == of_before() | told | {"starts": 1}


def test_the_bar_of_a_job_that_is_started_again_does_not_go_back() -> None:
    assert started_again(job() | {"progress": 60}, NOW, seen=0, progress=30)["progress"] == 60
    assert "progress" not in started_again(ended(is_watched=True), NOW, seen=0, progress=30)


def test_two_who_saw_the_same_count_once() -> None:
    first = started_again(job(), NOW, seen=0)

    assert started_again(first, NOW + timedelta(seconds=1), seen=0) == first
    assert first["starts"] == 1


def test_a_job_that_ended_after_it_was_seen_is_not_counted() -> None:
    assert started_again(ended(is_watched=False), NOW, seen=0) == ended(is_watched=False)
    assert started_again(ended(is_watched=True), NOW, seen=0)["starts"] == 1
