"""The conditional read-change-write: what is decided on which version, who shares a write, and how a rush ends."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.storage.documents import Busy, Changed, Documents, _Change, _run
from tests.fakes import FakeBlobs
from tests.patience import PATIENCE

NAME = "a.json"


class Counted(FakeBlobs):
    """Lists what is asked of storage: R(ead), W(rite), C(onflict). `before_write` may get in the way of a write."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = ""
        self.before_write: Callable[[], None] = lambda: None

    def read_document(self, name: str) -> Any:
        self.asked += "R"
        return super().read_document(name)

    def _written(self, write: Callable[..., str], *args: Any) -> str:
        self.before_write()
        self.asked += "C"
        etag = write(*args)
        self.asked = self.asked[:-1] + "W"
        return etag

    def create_document(self, *args: Any) -> str:
        return self._written(super().create_document, *args)

    def replace_document(self, *args: Any) -> str:
        return self._written(super().replace_document, *args)

    def asked_since(self) -> str:
        asked, self.asked = self.asked, ""
        return asked


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def blobs() -> Counted:
    return Counted()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ours(blobs: Counted, clock: Clock) -> Documents:
    return process(blobs, clock)


@pytest.fixture
def theirs(blobs: Counted, clock: Clock) -> Documents:
    return process(blobs, clock)


def process(blobs: Counted, clock: Clock) -> Documents:
    """One instance of the app."""
    return Documents(blobs, clock=lambda: clock.now, sleep=clock.sleep)  # type: ignore[arg-type]


def told(changed: Changed[Any]) -> tuple[dict[str, Any] | None, Any]:
    return changed.document, changed.result


def add(documents: Documents, word: str, **options: Any) -> Changed[int]:
    """One more word in the document, unless it is there; the answer is how many there were."""

    def changed(document: dict[str, Any] | None) -> tuple[dict[str, Any] | None, int]:
        words = (document or {"words": []})["words"]
        return (None if word in words else {"words": [*words, word]}), len(words)

    return documents.change(NAME, changed, **options)


def words(blobs: Counted) -> list[str]:
    return list(blobs.documents[NAME][0]["words"])


def test_a_change_of_what_this_process_wrote_last_is_one_write(ours: Documents, blobs: Counted) -> None:
    assert told(add(ours, "a")) == ({"words": ["a"]}, 0)
    assert blobs.asked_since() == "RW"
    assert told(add(ours, "b")) == ({"words": ["a", "b"]}, 1)
    assert blobs.asked_since() == "W"


def test_what_is_probably_new_is_not_read_first(ours: Documents, theirs: Documents, blobs: Counted) -> None:
    add(ours, "a", is_new=True)
    assert blobs.asked_since() == "W"
    assert add(theirs, "a", is_new=True).document == {"words": ["a"]}
    assert blobs.asked_since() == "CR"
    # It is known to be there by now.
    add(ours, "b")
    add(theirs, "c", is_new=True)
    add(theirs, "d", is_new=True)
    assert blobs.asked_since() == "WCRWRW"


def test_what_was_created_or_read_here_need_not_be_read_again(ours: Documents, blobs: Counted) -> None:
    ours.create(NAME, {"words": []})
    add(ours, "a")
    assert blobs.asked_since() == "WW"


def test_a_read_tells_what_is_there_now(ours: Documents, theirs: Documents) -> None:
    assert ours.read(NAME) is None
    add(ours, "a")
    add(theirs, "b")
    assert ours.read(NAME) == {"words": ["a", "b"]}


def test_nothing_to_write_is_not_written_and_not_said_of_an_old_version(
    ours: Documents, theirs: Documents, blobs: Counted
) -> None:
    add(ours, "a")
    add(theirs, "b")
    blobs.asked_since()

    assert told(add(ours, "a")) == ({"words": ["a", "b"]}, 2)
    assert blobs.asked_since() == "R"


def test_what_an_operation_refuses_is_refused_on_a_fresh_version(ours: Documents, theirs: Documents) -> None:
    def only_when_there_are_two(document: dict[str, Any] | None) -> tuple[None, str]:
        if document is None or len(document["words"]) < 2:
            raise ValueError
        return None, "two"

    with pytest.raises(ValueError):
        ours.change(NAME, only_when_there_are_two)
    add(ours, "a")
    add(theirs, "b")
    assert ours.change(NAME, only_when_there_are_two).result == "two"


def test_a_wrong_guess_is_put_right_at_once(ours: Documents, theirs: Documents, blobs: Counted, clock: Clock) -> None:
    add(ours, "a")
    add(theirs, "b")
    blobs.asked_since()

    assert told(add(ours, "c")) == ({"words": ["a", "b", "c"]}, 2)
    assert (blobs.asked_since(), clock.now) == ("CRW", 0.0)


def test_where_others_write_too_nothing_is_guessed_until_they_have_gone(
    ours: Documents, theirs: Documents, blobs: Counted
) -> None:
    for word in ("a", "b", "c"):
        add(ours, word)
        add(theirs, f"{word}'")
    blobs.asked_since()

    asked = []
    for word in ("d", "e", "f"):
        add(ours, word)
        asked.append(blobs.asked_since())
    assert asked == ["RW", "RW", "W"]
    assert words(blobs) == ["a", "a'", "b", "b'", "c", "c'", "d", "e", "f"]


def test_a_document_that_was_deleted_meanwhile_is_not_there(ours: Documents, blobs: Counted) -> None:
    add(ours, "a")
    blobs.delete("documents", NAME)
    assert told(add(ours, "b")) == ({"words": ["b"]}, 0)

    blobs.delete("documents", NAME)
    assert told(ours.change(NAME, lambda document: (None, document))) == (None, None)


def test_an_operation_may_spoil_its_copy(ours: Documents, blobs: Counted) -> None:
    add(ours, "a")

    def spoil(document: dict[str, Any] | None) -> tuple[None, None]:
        assert document
        document.clear()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        ours.change(NAME, spoil)
    found = add(ours, "b").document
    assert found == {"words": ["a", "b"]}
    found.clear()
    assert add(ours, "c").document == {"words": ["a", "b", "c"]}


def test_an_operation_that_changes_its_own_document_is_stopped(ours: Documents) -> None:
    with pytest.raises(RuntimeError, match="own document"):
        ours.change(NAME, lambda document: ({}, add(ours, "a")))
    add(ours, "b")


def test_metadata_goes_with_every_write(ours: Documents, blobs: Counted) -> None:
    for word in ("a", "b"):
        add(ours, word, describe=lambda document: {"count": str(len(document["words"]))})
    assert blobs.metadata["documents", NAME] == {"count": "2"}


def test_only_so_many_versions_are_remembered(ours: Documents, blobs: Counted) -> None:
    for number in range(600):
        ours.create(f"{number}.json", {})
    blobs.asked_since()
    for number in (0, 599):
        ours.change(f"{number}.json", lambda _: ({"n": 1}, None))
    assert blobs.asked_since() == "RWW"


# ---- conflicts ----


@pytest.mark.parametrize("times", [1, 5])
def test_who_loses_tries_again_after_a_moment(
    ours: Documents, theirs: Documents, blobs: Counted, clock: Clock, times: int
) -> None:
    in_the_way(blobs, theirs, times)
    assert add(ours, "mine").result == times
    assert words(blobs) == [*(f"{n}" for n in range(times)), "mine"]
    assert 0 < clock.now < 0.5 * times


def in_the_way(blobs: Counted, theirs: Documents, times: int) -> None:
    """Somebody else writes right before our next writes."""
    left = iter(range(times))

    def write() -> None:
        blobs.before_write = lambda: None
        number = next(left, None)
        if number is not None:
            add(theirs, str(number))
            blobs.before_write = write

    blobs.before_write = write


def test_who_loses_for_longer_than_its_patience_is_told_so_and_nothing_of_it_stays(
    ours: Documents, theirs: Documents, blobs: Counted, clock: Clock
) -> None:
    in_the_way(blobs, theirs, 10_000)
    with pytest.raises(Busy):
        add(ours, "mine")

    assert 15 <= clock.now <= 16
    assert 30 < len(words(blobs)) < 300
    assert "mine" not in words(blobs)
    blobs.before_write = lambda: None
    add(ours, "later")
    assert words(blobs)[-1] == "later"


@given(st.lists(st.integers(0, 5), max_size=6))
def test_whoever_gets_in_the_way_every_word_is_written_once(losses: list[int]) -> None:
    blobs, clock = Counted(), Clock()
    ours, theirs = process(blobs, clock), process(blobs, clock)
    expected = []
    for number, lost in enumerate(losses):
        left = [f"{number}/{n}" for n in range(lost)]

        def write(left: list[str] = left) -> None:
            if left:
                blobs.before_write = lambda: None
                add(theirs, left.pop(0))
                blobs.before_write = write

        expected += [*left, str(number)]
        blobs.before_write = write
        add(ours, str(number))
    assert (words(blobs) if expected else []) == expected


# ---- threads of one process ----


class Slow(Counted):
    """A storage whose writes wait until they may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived, self.may_write = threading.Event(), threading.Event()
        self.before_write = self._wait

    def _wait(self) -> None:
        self.arrived.set()
        assert self.may_write.wait(2 * PATIENCE)


def while_a_write_is_under_way(operations: list[Callable[[Documents], Any]]) -> tuple[Slow, list[Any]]:
    """What comes of operations that begin while a write of the same process is held up: their answers or errors."""
    blobs = Slow()
    documents = Documents(blobs)  # type: ignore[arg-type]

    def outcome(operation: Callable[[Documents], Any]) -> Any:
        try:
            return operation(documents)
        except Exception as error:  # noqa: BLE001 - the outcome
            return error

    with ThreadPoolExecutor(32) as pool:
        first = pool.submit(add, documents, "first")
        assert blobs.arrived.wait(PATIENCE)
        try:
            rest = [pool.submit(outcome, operation) for operation in operations]
            line = documents._line(NAME)  # noqa: SLF001 - nothing else tells that all of them are in line
            while len(line.waiting()) < 1 + len(operations):
                time.sleep(0.001)
        finally:
            blobs.may_write.set()
        first.result(PATIENCE)
        return blobs, [one.result(PATIENCE) for one in rest]


def test_changes_at_one_moment_share_a_write() -> None:
    blobs, answers = while_a_write_is_under_way([lambda d, n=n: add(d, str(n)).result for n in range(16)])  # type: ignore[misc]

    assert blobs.asked == "RWW"
    assert sorted(answers) == list(range(1, 17))
    assert sorted(words(blobs)) == sorted(["first", *(str(n) for n in range(16))])


def test_an_operation_that_raises_hurts_nobody_beside_it() -> None:
    def fail(documents: Documents) -> Any:
        return documents.change(NAME, lambda document: 1 / 0)

    blobs, answers = while_a_write_is_under_way([lambda d: add(d, "a").result, fail, lambda d: add(d, "b").result])

    assert sorted(type(answer).__name__ for answer in answers) == ["ZeroDivisionError", "int", "int"]
    assert sorted(words(blobs)) == ["a", "b", "first"]


def test_trouble_with_storage_is_told_to_all_whose_changes_it_hit() -> None:
    def broken() -> None:
        raise OSError("no connection")

    def break_it(documents: Documents) -> Any:
        def operation(document: dict[str, Any] | None) -> tuple[dict[str, Any], None]:
            documents._blobs.before_write = broken  # type: ignore[attr-defined]  # noqa: SLF001 - from within the batch
            return {"words": ["broken"]}, None

        return documents.change(NAME, operation)

    blobs, answers = while_a_write_is_under_way([lambda d: add(d, "a"), break_it])

    assert [type(answer) for answer in answers] == [OSError, OSError]
    assert words(blobs) == ["first"]


def test_documents_do_not_wait_for_each_other() -> None:
    blobs = Slow()
    documents = Documents(blobs)  # type: ignore[arg-type]
    blobs.documents["other.json"] = ({}, "0")
    with ThreadPoolExecutor(1) as pool:
        held_up = pool.submit(add, documents, "a")
        assert blobs.arrived.wait(PATIENCE)
        assert documents.change("other.json", lambda document: (None, "read")).result == "read"
        assert not held_up.done()
        blobs.may_write.set()
        held_up.result(PATIENCE)


def test_a_retry_takes_along_who_came_meanwhile_and_each_has_its_own_patience() -> None:
    blobs, clock, lost, told = Counted(), Clock(), threading.Event(), []
    theirs = process(blobs, clock)
    released = threading.Event()

    def sleep(seconds: float) -> None:
        lost.set()
        assert released.wait(2 * PATIENCE)
        clock.now += 8

    ours = Documents(blobs, clock=lambda: clock.now, sleep=sleep)  # type: ignore[arg-type]
    in_the_way(blobs, theirs, 2)

    def first() -> None:
        told.append(add(ours, "early").result)

    with ThreadPoolExecutor(2) as pool:
        early = pool.submit(first)
        assert lost.wait(PATIENCE)
        late = pool.submit(add, ours, "late")
        while len(ours._line(NAME).waiting()) < 2:  # noqa: SLF001 - nothing else tells that it is in line
            time.sleep(0.001)
        released.set()
        early.result(PATIENCE)
        late.result(PATIENCE)
    assert words(blobs) == ["0", "1", "early", "late"]


# ---- what lay elsewhere before ----


def paused(document: Any) -> tuple[Any, None]:
    return {**(document or {}), "slots": (document or {}).get("slots", 0) + 1}, None


@pytest.fixture
def before() -> FakeBlobs:
    there = FakeBlobs()
    there.create_document(NAME, {"paused": "by an operator", "slots": 4})
    return there


def test_what_only_the_place_of_before_has_is_read_there_and_written_here(blobs: Counted, before: FakeBlobs) -> None:
    documents = Documents(blobs, before=before)  # type: ignore[arg-type]
    assert documents.read(NAME) == {"paused": "by an operator", "slots": 4}
    assert blobs.documents == {}, "looking moves nothing"

    documents.change(NAME, paused)
    documents.change(NAME, paused)
    assert documents.read(NAME) == {"paused": "by an operator", "slots": 6}
    assert before.documents[NAME][0] == {"paused": "by an operator", "slots": 4}, "the version before may have to come back"


def test_a_document_that_is_here_is_the_one_that_counts(blobs: Counted, before: FakeBlobs) -> None:
    blobs.create_document(NAME, {"paused": None, "slots": 1})
    documents = Documents(blobs, before=before)  # type: ignore[arg-type]

    assert documents.read(NAME) == {"paused": None, "slots": 1}
    assert documents.change(NAME, paused).document == {"paused": None, "slots": 2}


def test_of_two_instances_that_bring_a_document_here_one_does_and_no_change_is_lost(blobs: Counted, before: FakeBlobs) -> None:
    mine, other = (Documents(blobs, before=before, sleep=lambda _: None) for _ in range(2))  # type: ignore[arg-type]

    def overtake() -> None:
        blobs.before_write = lambda: None
        other.change(NAME, paused)

    blobs.before_write = overtake
    mine.change(NAME, paused)

    assert mine.read(NAME) == {"paused": "by an operator", "slots": 6}


def test_what_is_probably_new_is_looked_for_in_the_place_of_before_all_the_same(blobs: Counted, before: FakeBlobs) -> None:
    documents = Documents(blobs, before=before)  # type: ignore[arg-type]

    assert documents.change(NAME, paused, is_new=True).document == {"paused": "by an operator", "slots": 5}


def test_what_was_deleted_for_its_age_is_written_anew_by_who_still_knows_it(blobs: Counted) -> None:
    documents = Documents(blobs)
    documents.change(NAME, paused)
    long_ago, moment = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    blobs.written[NAME] = long_ago

    assert documents.forget_unwritten_since(long_ago, "a", 10) == 0
    assert documents.forget_unwritten_since(moment, "b", 10) == 0
    assert documents.forget_unwritten_since(moment, "a", 10) == 1
    assert documents.change(NAME, paused).document == {"slots": 1}


def test_what_was_left_in_the_place_of_before_is_deleted_for_its_age_too(blobs: Counted, before: FakeBlobs) -> None:
    documents = Documents(blobs, before=before)  # type: ignore[arg-type]
    documents.change(NAME, paused)
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    before.written[NAME] = moment - timedelta(days=1)

    assert documents.forget_unwritten_since(moment, "a", 10) == 1
    assert (len(before.documents), len(blobs.documents)) == (0, 1)


@pytest.mark.parametrize("at", [0, 1])
def test_of_a_change_that_fails_beside_others_nothing_is_written(at: int) -> None:
    """All who change a document in place at one moment share a copy of it, until one of them fails half way."""

    def fails(document: dict[str, Any] | None) -> tuple[dict[str, Any] | None, str]:
        assert document is not None
        document["half"] = True
        raise ValueError("half way")

    def works(document: dict[str, Any] | None) -> tuple[dict[str, Any] | None, str]:
        assert document is not None
        return {**document, "whole": True}, "done"

    batch = [_Change(works, 0.0, True)]
    batch.insert(at, _Change(fails, 0.0, True))
    after = _run(batch, '{"a": 1}')

    assert after is not None
    assert json.loads(after.text) == {"a": 1, "whole": True}
    with pytest.raises(ValueError, match="half way"):
        batch[at].outcome()
