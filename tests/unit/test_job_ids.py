"""Ids of jobs."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import job_ids
from shared.job_ids import accepted_at, is_job_id, new_job_id, prefixes_of


def made_at(monkeypatch: pytest.MonkeyPatch, nanoseconds: int) -> str:
    with monkeypatch.context() as patch:
        patch.setattr(job_ids.time, "time_ns", lambda: nanoseconds)
        return new_job_id()


def test_a_new_id_is_an_id() -> None:
    for _ in range(200):
        assert is_job_id(new_job_id())


def test_ids_made_at_the_same_moment_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = {made_at(monkeypatch, 1_700_000_000_000_000_000) for _ in range(1000)}

    assert len(ids) == 1000


@given(st.lists(st.integers(0, 2**48 - 1), min_size=2, max_size=20, unique=True))
def test_ids_sort_as_the_milliseconds_they_were_made_in(moments: list[int]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        ids = {moment: made_at(monkeypatch, moment * 1_000_000) for moment in moments}

    assert sorted(ids.values()) == [ids[moment] for moment in sorted(moments)]
    assert all(map(is_job_id, ids.values()))


def test_ids_of_neighbouring_milliseconds_sort_too(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [made_at(monkeypatch, moment * 1_000_000) for moment in range(1_700_000_000_000, 1_700_000_000_200)]

    assert ids == sorted(ids)


def test_an_id_tells_nothing_that_follows_from_the_one_before() -> None:
    tails = [new_job_id()[-16:] for _ in range(50)]

    assert len({tail[0] for tail in tails}) > 5
    assert tails != sorted(tails)


def test_an_id_is_legal_as_durable_instance_blob_name_and_url_segment() -> None:
    assert re.fullmatch(r"[a-z0-9_]{1,100}", new_job_id())


def test_an_id_begins_with_the_present(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time_ns()
    before, after = made_at(monkeypatch, now - 10**9), made_at(monkeypatch, now + 3600 * 10**9)

    assert before < new_job_id() < after


@pytest.mark.parametrize(
    "text",
    [
        "", "job_", "job_" + "0" * 25, "job_" + "0" * 27, "JOB_" + "0" * 26, "job_" + "A" * 26, "0" * 26,
        "job_" + "0" * 26 + "\n", "job_" + "i" * 26, "job_" + "l" * 26, "job_" + "o" * 26, "job_" + "u" * 26,
        "job_../../../../../../../../etc",
        "job_" + "٠" * 26, "job_" + "0" * 26 + "/job.json", " job_" + "0" * 26,
    ],
)  # fmt: skip
def test_anything_else_is_no_id(text: str) -> None:
    assert not is_job_id(text)


def test_an_id_tells_when_it_was_made() -> None:
    before = datetime.now(UTC)
    assert abs(accepted_at(new_job_id()) - before) < timedelta(seconds=5)


def at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)


MOMENTS = st.integers(0, 2**46)


@given(st.tuples(MOMENTS, MOMENTS, MOMENTS), st.integers(0, 2**20))
def test_an_id_of_a_span_begins_with_one_of_its_prefixes(moments: tuple[int, int, int], length: int) -> None:
    for first, moment, last in (sorted(moments), (moments[0], moments[0] + moments[1] % (length + 1), moments[0] + length)):
        with pytest.MonkeyPatch.context() as monkeypatch:
            made = made_at(monkeypatch, moment * 1_000_000)
        prefixes = prefixes_of(at(first), at(last))

        assert [made.startswith(prefix) for prefix in prefixes].count(True) == 1
        assert prefixes == sorted(set(prefixes))
        assert len(prefixes) <= 32


@given(MOMENTS, st.integers(60_000, 2**44))
def test_prefixes_do_not_cover_much_beside_their_span(first: int, length: int) -> None:
    prefixes = prefixes_of(at(first), at(first + length))
    covered = 32 ** (len("job_") + 10 - len(prefixes[0])) * len(prefixes)

    assert covered < 4 * length


def test_a_span_that_ends_before_it_begins_holds_no_id() -> None:
    assert prefixes_of(at(2), at(1)) == []
    assert prefixes_of(at(1), at(1)) == ["job_0000000001"]
