"""Jobs of before there were lists get their rows, a part at a time; an owner's all goes with one command."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import listing
from shared.domain.owners import ANONYMOUS, is_listed, is_stranger, token_owner
from shared.job_ids import new_job_id
from shared.services import Services
from shared.storage.job_index import INDEX, JobIndex, place_of, row_name
from tests.fakes import FakeBlobs, make_job, make_services

NOW = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.fixture
def app() -> Services:
    return make_services()


def rows(app: Any) -> set[str]:
    return {name for name in app.blobs.documents if name.startswith(INDEX)}


def through(app: Services, now: datetime, names_at_once: int) -> list[int]:
    """What each run of one pass has indexed."""
    done = [listing.index_left(app, now, names_at_once)]
    while (app.documents.read(listing.PROGRESS) or {})["after"]:
        done.append(listing.index_left(app, now, names_at_once))
    return done


def test_jobs_of_before_are_indexed_in_bounded_steps_each_in_its_owners_list(app: Services) -> None:
    made = [make_job(app, new_job_id(), owner=owner) for owner in ["me", "you", ANONYMOUS] * 4]
    app.blobs.create_document(f"jobs/{made[0]['id']}/submission-0-1.json", {})
    done = through(app, NOW, 3)

    assert sum(done) == 8
    assert max(done) <= 3
    assert len(done) >= 5
    assert rows(app) == {row_name(job) for job in made if job["owner"] != ANONYMOUS}
    assert [row.job_id for row in app.index.rows("me")] == [
        job["id"] for job in sorted(made, key=place_of) if job["owner"] == "me"
    ]


def test_what_a_version_from_before_accepts_beside_this_one_is_found_two_hours_later_and_then_nothing_is_looked_for(
    app: Services,
) -> None:
    make_job(app, new_job_id(), owner="me")
    assert sum(through(app, NOW, 100)) == 1
    make_job(app, new_job_id(), owner="me")
    assert listing.index_left(app, NOW + timedelta(minutes=119)) == 0
    assert listing.index_left(app, NOW + timedelta(minutes=121)) == 1
    make_job(app, new_job_id(), owner="me")

    assert listing.index_left(app, NOW + timedelta(days=1)) == 0
    assert listing.is_all_indexed(app)


def test_a_job_that_has_its_row_gets_no_other_and_a_deleted_one_none(app: Services) -> None:
    job = make_job(app, new_job_id(), owner="me")
    app.index.add(job)
    app.jobs.hide(make_job(app, new_job_id(), owner="me")["id"], NOW)

    assert sum(through(app, NOW, 2)) == 0
    assert rows(app) == {row_name(job)}


def test_of_two_runs_at_the_same_time_neither_undoes_the_others_progress(app: Services, monkeypatch: Any) -> None:
    for _ in range(4):
        make_job(app, new_job_id(), owner="me")
    further = {"since": NOW.isoformat(), "passes": 2, "after": ""}
    index = listing._index

    def overtaken(app: Services, name: str) -> bool:
        app.documents.change(listing.PROGRESS, lambda _: (further, None))
        return index(app, name)

    monkeypatch.setattr(listing, "_index", overtaken)
    listing.index_left(app, NOW, 2)
    assert app.documents.read(listing.PROGRESS) == further


def test_a_list_is_asked_for_from_where_it_goes_on(app: Services) -> None:
    """A page far back costs what the first one does."""
    asked: list[Any] = []

    class Asked(FakeBlobs):
        def names(self, container: str, prefix: str, **more: Any) -> Any:
            asked.append(more)
            return super().names(container, prefix, **more)

    jobs = [make_job(app, new_job_id(), owner="me", created_at=(NOW + timedelta(hours=h)).isoformat()) for h in range(3)]
    index = JobIndex(Asked())  # type: ignore[arg-type]
    for job in jobs:
        index.add(job)
    found = list(index.rows("me", place_of(jobs[1]), at_once=7))

    assert [row.job_id for row in found] == [jobs[0]["id"]]
    assert asked[0]["start_from"].endswith(place_of(jobs[1]) + "~")
    assert asked[0]["at_once"] == 7


def test_a_storage_that_begins_at_the_beginning_all_the_same_changes_nothing(app: Services) -> None:
    class Deaf(FakeBlobs):
        def names(self, container: str, prefix: str, **_: Any) -> Any:
            return super().names(container, prefix)

    index = JobIndex(Deaf())  # type: ignore[arg-type]
    jobs = [make_job(app, new_job_id(), owner="me", created_at=(NOW + timedelta(hours=h)).isoformat()) for h in range(3)]
    for job in jobs:
        index.add(job)

    assert [row.job_id for row in index.rows("me", place_of(jobs[1]))] == [jobs[0]["id"]]
    assert [row.job_id for row in index.rows("me", created_before=NOW + timedelta(hours=1))] == [jobs[0]["id"]]


@pytest.mark.parametrize(
    ("owner", "stranger", "listed"), [(ANONYMOUS, True, False), (token_owner("a" * 32), True, True), ("me", False, True)]
)
def test_nobody_stands_behind_a_token_but_it_has_a_list(owner: str, stranger: bool, listed: bool) -> None:
    assert (is_stranger(owner), is_listed(owner)) == (stranger, listed)


def test_no_row_names_its_owner(app: Services) -> None:
    """Names of blobs end up in logs, and an owner may be an e-mail address."""
    app.index.add(make_job(app, new_job_id(), owner="me@example.com"))

    assert not any("me@example.com" in name for name in rows(app))
