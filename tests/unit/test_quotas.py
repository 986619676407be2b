"""Limits per owner: at once and a day."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.problem import ProblemError
from shared.storage.documents import Documents
from shared.storage.quota_store import QuotaStore
from tests.fakes import FakeBlobs

NOON = datetime(2026, 6, 1, 3, tzinfo=UTC)  # in Seoul


class Quotas(QuotaStore):
    def __init__(self, max_active: int | None = None, max_daily: int | None = None) -> None:
        self.now, self.blobs = NOON, FakeBlobs()
        super().__init__(Documents(self.blobs), max_active, max_daily, lambda: self.now)  # type: ignore[arg-type]

    def refusal(self, owner: str, job_id: str) -> str:
        with pytest.raises(ProblemError) as caught:
            self.admit(owner, job_id)
        return caught.value.problem.code


def test_without_limits_nothing_is_read_or_written() -> None:
    quotas = Quotas()
    quotas.admit("a", "1")
    quotas.release("a", "1")
    assert quotas.blobs.documents == {}


def test_so_many_at_once_and_one_more_when_one_has_ended() -> None:
    quotas = Quotas(max_active=2)
    quotas.admit("a", "1")
    quotas.admit("a", "2")
    assert quotas.refusal("a", "3") == "too_many_active_jobs"
    quotas.admit("b", "4")
    quotas.release("a", "1")
    quotas.release("a", "1")
    quotas.admit("a", "3")


def test_a_job_that_nobody_said_has_ended_is_forgotten() -> None:
    quotas = Quotas(max_active=1)
    quotas.admit("a", "1")
    quotas.now += timedelta(hours=1)
    quotas.admit("a", "2")


def test_so_many_a_day_and_the_day_begins_at_midnight_in_korea() -> None:
    quotas = Quotas(max_daily=1)
    quotas.admit("a", "1")
    quotas.release("a", "1")
    assert quotas.refusal("a", "2") == "quota_exceeded"
    quotas.now = NOON + timedelta(hours=11, minutes=59)
    assert quotas.refusal("a", "2") == "quota_exceeded"
    quotas.now += timedelta(minutes=2)
    quotas.admit("a", "2")


def test_translations_have_a_count_of_their_own_and_the_day_of_jobs() -> None:
    quotas = Quotas(max_daily=1)
    quotas.admit("a", "1")
    quotas.release("a", "1")
    # As the version before kept it.
    ((name, (document, etag)),) = quotas.blobs.documents.items()
    quotas.blobs.replace_document(name, {key: value for key, value in document.items() if key != "translated"}, etag)
    assert [(told.policy, told.remaining) for told in quotas.translate("a")] == [("translations-a-day", 0)]
    with pytest.raises(ProblemError) as caught:
        quotas.translate("a")
    assert caught.value.problem.params["limit"] == "translations-a-day"
    quotas.withdraw_translation("a")
    quotas.translate("a")
    quotas.now += timedelta(days=1)
    quotas.translate("a")
    quotas.admit("a", "2")


def test_an_owners_name_is_no_blobs_name() -> None:
    quotas = Quotas(max_daily=1)
    quotas.admit("hero@example.com", "1")
    assert not any("hero" in name for name in quotas.blobs.documents)


def test_a_job_counts_once_and_not_at_all_when_it_did_not_come_about() -> None:
    quotas = Quotas(max_active=1, max_daily=1)
    quotas.admit("a", "1")
    quotas.admit("a", "1")
    quotas.withdraw("a", "1")
    quotas.withdraw("a", "1")
    quotas.admit("a", "2")
    assert quotas.refusal("a", "3") == "quota_exceeded"


def test_what_an_owner_who_stays_away_has_left_is_deleted_when_it_says_nothing_more() -> None:
    quotas = Quotas(max_active=1, max_daily=2)
    quotas.admit("a", "1")
    (name,) = quotas.blobs.documents
    quotas.blobs.create_document("gates/bfl.json", {"paused": {}})
    quotas.blobs.written.update({name: NOON, "gates/bfl.json": NOON - timedelta(days=400)})
    for hours, left in ((1, 1), (47, 1), (48, 1), (49, 0)):
        quotas.now = NOON + timedelta(hours=hours)
        quotas.forget_old()
        assert (name in quotas.blobs.documents) == bool(left)
    assert "gates/bfl.json" in quotas.blobs.documents, "a pause has no age"
    quotas.admit("a", "2")


@pytest.mark.parametrize(("ended_after_seconds", "left"), [(-1, (0, 0)), (0, (1, 1)), (1, (1, 1))])
def test_a_place_is_taken_back_where_it_was_taken_after_the_end_only(ended_after_seconds: int, left: tuple[int, int]) -> None:
    quotas = Quotas(max_active=2)
    quotas.admit("a", "1")
    quotas.withdraw("a", "1", since=NOON + timedelta(seconds=ended_after_seconds))
    ((document, _),) = quotas.blobs.documents.values()
    assert (len(document["active"]), document["started"]) == left
