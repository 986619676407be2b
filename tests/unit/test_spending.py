"""Dollars by account and month: what is expected counts, what is known takes its place, and nothing is counted twice."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.domain.days import day_of, days_in_month, end_of_day, end_of_month, months_between
from shared.domain.quota import LimitReached
from shared.domain.spending import Budget, Spent, rows, spent_by, total
from shared.storage.address_store import AddressStore
from shared.storage.documents import Documents
from shared.storage.spending_store import SpendingStore, limit_folder, owner_folder
from tests.fakes import FakeBlobs

NOON = datetime(2026, 6, 1, 3, tzinfo=UTC)  # in Seoul
DAY = "2026-06-01"
NONE = Budget(None, None)
ME = owner_folder("hero@example.com")


class Book(SpendingStore):
    def __init__(self) -> None:
        self.now, self.blobs = NOON, FakeBlobs()
        self.near: list[Any] = []
        super().__init__(Documents(self.blobs), lambda: self.now)  # type: ignore[arg-type]

    def begin(self, number: int, usd: float = 0.08, folder: str = ME, day: str = DAY, **limits: float) -> list[Any]:
        budget = Budget(limits.get("daily"), limits.get("monthly"))
        left, near = self.reserve(folder, Spent(f"job_{number}", day, "goods", 1, 0.0, usd), budget, "own")
        self.near += near
        return left

    def refused(self, number: int, **limits: float) -> LimitReached:
        with pytest.raises(LimitReached) as caught:
            self.begin(number, **limits)
        return caught.value

    def end(self, number: int, paid: float, unknown: float = 0.0, *, was_reserved: bool = True, **changes: Any) -> None:
        job = Spent(f"job_{number}", DAY, "goods", 1, paid, unknown, self.now)
        self.settle(ME, job._replace(**changes), was_reserved=was_reserved)

    def spent(self) -> tuple[Any, ...]:
        found = total(rows(self.months(ME, ["2026-06"]), "2026-06-01", "2026-06-30"))
        return found["jobs"], found["cost_usd"], found["open_usd"]

    def named(self) -> list[str]:
        return sorted(job for document, _ in self.blobs.documents.values() for job in document["jobs"])


def test_what_is_expected_counts_before_it_is_paid() -> None:
    book = Book()
    assert [standing.remaining for standing in book.begin(1, daily=0.24)] == [2]
    book.begin(2, daily=0.24)
    book.begin(3, daily=0.24)
    refusal = book.refused(4, daily=0.24)

    assert (refusal.problem.code, refusal.problem.params["limit"]) == ("quota_exceeded", "dollars-a-day")
    assert refusal.problem.params["reset_at"] == "2026-06-01T15:00:00+00:00", "midnight in Korea"
    assert (refusal.standing.quota, refusal.standing.remaining, refusal.standing.reset_seconds) == (3, 0, 12 * 3600)
    assert book.spent() == (3, 0, 0.24)


def test_what_is_known_takes_the_place_of_what_was_expected() -> None:
    book = Book()
    for number, paid in ((1, 0.0), (2, 0.05), (3, 0.08)):
        book.begin(number, daily=0.24)
        book.end(number, paid)
    assert book.spent() == (3, 0.13, 0)
    book.begin(4, daily=0.24)
    book.refused(5, daily=0.24)


def test_what_may_still_be_charged_counts_until_it_is_known() -> None:
    book = Book()
    book.begin(1, daily=0.16)
    book.end(1, 0.0, 0.08)
    book.begin(2, daily=0.16)
    book.refused(3, daily=0.16)
    book.end(1, 0.0)
    book.begin(3, daily=0.16)


def test_a_job_counts_once_however_often_its_beginning_and_its_end_are_said() -> None:
    book = Book()
    for _ in range(3):
        book.begin(1, daily=1.0)
    for _ in range(3):
        book.end(1, 0.08)
    assert book.spent() == (1, 0.08, 0)
    assert book.named() == [], "in the sums it has no name"


@pytest.mark.parametrize("hours", [0, 5])
def test_without_a_limit_a_job_counts_at_its_end_and_once_as_well(hours: int) -> None:
    book = Book()
    ended = book.now
    book.end(1, 0.0, 0.08, was_reserved=False)
    book.now += timedelta(hours=hours)
    for _ in range(2):
        book.end(1, 0.08, was_reserved=False, ended_at=ended)
    assert (book.spent(), book.named()) == ((1, 0.08, 0), ["job_1"])

    book.now += timedelta(hours=9)
    book.end(2, 0.05, was_reserved=False)
    book.end(1, 0.08, was_reserved=False, ended_at=ended)
    assert (book.spent(), book.named()) == ((2, 0.13, 0), ["job_2"])


def test_a_step_that_is_late_opens_nothing_that_was_settled() -> None:
    """It tells of the job's end what another one has told more of since."""
    book, ended_at = Book(), NOON
    for paid, unknown in ((0.0, 0.08), (0.08, 0.0), (0.0, 0.08)):
        book.now += timedelta(minutes=5)
        book.end(1, paid, unknown, was_reserved=False, ended_at=ended_at)

    assert book.spent() == (1, 0.08, 0.0)
    book.now += timedelta(days=3)
    assert book.spent() == (1, 0.08, 0.0)


def test_an_end_that_nobody_told_leaves_what_was_expected() -> None:
    book = Book()
    book.begin(1, daily=9.0)
    book.now += timedelta(days=2)
    book.begin(2, day="2026-06-03", daily=9.0)
    book.end(1, 0.0)
    assert (book.spent(), book.named()) == ((2, 0, 0.16), ["job_2"])


def test_a_job_that_did_not_come_about_counts_nowhere() -> None:
    book = Book()
    book.begin(1, daily=0.08)
    book.withdraw(ME, Spent("job_1", DAY, "goods", 1, 0.0, 0.08))
    assert book.spent() == (0, 0, 0)
    book.begin(2, daily=0.08)


def test_what_a_deleted_job_cost_stays_counted_without_its_name() -> None:
    book = Book()
    for number, was_reserved in ((1, True), (2, False)):
        if was_reserved:
            book.begin(number, daily=9.0)
        book.end(number, 0.0, 0.08, was_reserved=was_reserved)
        book.forget(ME, Spent(f"job_{number}", DAY, "goods", 1, 0.0, 0.08))
        # A slow run of its last step.
        book.end(number, 0.0, 0.08)
    assert (book.spent(), book.named()) == ((2, 0, 0.16), [])


def test_a_day_and_a_month_end_at_midnight_in_korea() -> None:
    book = Book()
    book.begin(1, daily=0.08, monthly=0.16)
    assert book.refused(2, daily=0.08, monthly=0.16).problem.params["limit"] == "dollars-a-day"
    book.now = datetime(2026, 6, 1, 15, 1, tzinfo=UTC)
    book.begin(2, day="2026-06-02", daily=0.08, monthly=0.16)
    refusal = book.refused(3, day="2026-06-03", daily=0.08, monthly=0.16)  # type: ignore[arg-type]
    assert (refusal.problem.params["limit"], refusal.problem.params["reset_at"]) == (
        "dollars-a-month", "2026-06-30T15:00:00+00:00",
    )  # fmt: skip
    book.begin(3, day="2026-07-01", daily=0.08, monthly=0.16)


def test_most_of_a_limit_is_told_once_in_its_time() -> None:
    book = Book()
    for number in range(10):
        book.begin(number, 0.1, daily=1.0, monthly=100.0)
        assert [near.policy for near in book.near] == ([] if number < 7 else ["dollars-a-day"]), number
    book.begin(9, 0.1, daily=1.0, monthly=100.0)
    assert (book.near[0].spent_usd, book.near[0].limit_usd, len(book.near)) == (0.8, 1.0, 1)
    book.begin(11, 0.9, day="2026-06-02", daily=1.0, monthly=100.0)
    assert len(book.near) == 2


def test_sums_are_by_day_and_kind_within_the_span() -> None:
    book = Book()
    for number, (day, kind) in enumerate([(DAY, "ppl"), (DAY, "goods"), ("2026-06-02", "goods"), (DAY, "goods")]):
        book.settle(ME, Spent(f"job_{number}", day, kind, 2, 0.1, 0.0, book.now), was_reserved=False)
    found = rows(book.months(ME, ["2026-05", "2026-06"]), DAY, DAY)
    assert [(row["date"], row["kind"], row["jobs"], row["pictures"], row["cost_usd"]) for row in found] == [
        (DAY, "goods", 2, 4, 0.2), (DAY, "ppl", 1, 2, 0.1),
    ]  # fmt: skip


def test_an_owners_name_is_no_blobs_name_and_old_months_go() -> None:
    book = Book()
    book.begin(1, daily=1.0)
    book.begin(2, folder=limit_folder("address:x"), daily=1.0)
    assert not any("hero" in name or "address:" in name for name in book.blobs.documents)
    book.blobs.written = dict.fromkeys(book.blobs.documents, NOON)
    for days, left in ((32, ["spending", "usage"]), (34, ["usage"]), (399, ["usage"]), (401, [])):
        book.now = NOON + timedelta(days=days)
        book.forget_old()
        assert sorted(name.split("/")[0] for name in book.blobs.documents) == left


def test_a_running_job_counts_with_what_it_is_expected_to_cost_and_an_ended_one_with_its_ledgers() -> None:
    job: dict[str, Any] = {
        "id": "job_1", "kind": "goods", "seeds": [1, 2], "created_at": "2026-06-01T15:30:00+00:00", "status": "queued",
        "usage": {"cost_usd": 0.16}, "completed_at": None,
        "outputs": [], "error": None, "provider": "fake", "input": {"n": 2},
    }  # fmt: skip
    assert spent_by(job, {"fake": 0.08}) == Spent("job_1", "2026-06-02", "goods", 2, 0.0, 0.16)
    pictures = [{"sends": [{"generator": "fake", "attempt": 1, "state": state}]} for state in ("paid", "may be charged")]
    ended = {**job, "status": "canceled", "usage": {"cost_usd": 0.08}, "pictures": pictures, "completed_at": NOON.isoformat()}
    assert spent_by(ended, {"fake": 0.08}) == Spent("job_1", "2026-06-02", "goods", 2, 0.08, 0.08, NOON)


def test_days_are_koreas() -> None:
    late = datetime(2026, 12, 31, 15, tzinfo=UTC)
    assert (day_of(late), end_of_day(late), end_of_month(late)) == (
        "2027-01-01", datetime(2027, 1, 1, 15, tzinfo=UTC), datetime(2027, 1, 31, 15, tzinfo=UTC),
    )  # fmt: skip
    assert [days_in_month(datetime(2028, month, 10, tzinfo=UTC)) for month in (2, 4, 12)] == [29, 30, 31]
    assert months_between(date(2026, 11, 30), date(2027, 1, 1)) == ["2026-11", "2026-12", "2027-01"]
    assert months_between(date(1, 1, 1), date(1, 2, 1)) == ["0001-01", "0001-02"]
    assert months_between(date(9999, 11, 30), date(9999, 12, 31)) == ["9999-11", "9999-12"]


# ---- addresses ----


def test_an_address_has_one_name_for_a_month_in_every_process_and_none_that_can_be_guessed() -> None:
    blobs, now = FakeBlobs(), [NOON]
    one, other = (AddressStore(Documents(blobs), lambda: now[0]) for _ in range(2))  # type: ignore[arg-type]
    name = one.account("192.0.2.1")
    assert name == other.account("192.0.2.1") == one.account("192.0.2.1") != one.account("192.0.2.2")
    elsewhere = AddressStore(Documents(FakeBlobs()), lambda: NOON)  # type: ignore[arg-type]
    assert elsewhere.account("192.0.2.1") != name, "the key is made at random"
    assert "192.0.2" not in str(blobs.documents)

    now[0] = NOON + timedelta(days=31)
    assert one.account("192.0.2.1") != name
    blobs.written = {"addresses/2026-06.json": NOON}
    now[0] = NOON + timedelta(days=34)
    one.forget_old()
    assert list(blobs.documents) == ["addresses/2026-07.json"]


def test_what_was_reserved_after_its_end_is_taken_back_and_nothing_else() -> None:
    book = Book()
    ended = NOON + timedelta(minutes=1)
    job = Spent("job_1", DAY, "goods", 1, 0.08, 0.0, ended)
    book.begin(1)
    # Its end is on record, and not counted yet.
    book.withdraw_after_its_end(ME, job)
    assert book.spent() == (1, 0.0, 0.08)

    book.now = ended
    book.end(1, 0.08)
    book.now += timedelta(seconds=1)
    book.begin(1)
    assert book.spent() == (2, 0.08, 0.08)
    book.withdraw_after_its_end(ME, job)
    assert book.spent() == (1, 0.08, 0.0)
    book.withdraw_after_its_end(ME, job)
    assert book.spent() == (1, 0.08, 0.0)


@pytest.mark.parametrize(("paid", "unknown"), [(0.0, 0.08), (0.08, 0.08)])
def test_what_may_still_be_paid_after_its_end_is_not_taken_back(paid: float, unknown: float) -> None:
    book = Book()
    book.begin(1)
    book.now += timedelta(minutes=1)
    book.end(1, paid, unknown)
    book.withdraw_after_its_end(ME, Spent("job_1", DAY, "goods", 1, paid, unknown, book.now - timedelta(seconds=1)))
    assert book.spent() == (1, paid, unknown)
