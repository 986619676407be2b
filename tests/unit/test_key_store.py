"""The life of an idempotency key."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.storage.documents import Documents
from shared.storage.job_store import JobStore
from shared.storage.key_store import (
    BY_QUEUE,
    KEY_ABANDONED,
    KEY_KEPT,
    QUEUED_KEY_KEPT,
    Fingerprints,
    InProgress,
    KeyStore,
    Known,
    Reused,
    Taken,
    key_name,
)
from tests.fakes import FakeBlobs

NAME = key_name("anonymous", "goods-gen", "k")
SECOND = timedelta(seconds=1)


class Keys(KeyStore):
    def __init__(self) -> None:
        self.now, self.blobs = datetime(2026, 6, 1, tzinfo=UTC), FakeBlobs()
        documents = Documents(self.blobs)  # type: ignore[arg-type]
        self.jobs = JobStore(self.blobs, documents)  # type: ignore[arg-type]
        super().__init__(documents, self.jobs, lambda: self.now)

    def made(self, job_id: str) -> dict[str, Any]:
        self.jobs.create({"id": job_id, "status": "queued"})
        return {"id": job_id, "status": "queued"}


@pytest.fixture
def keys() -> Keys:
    return Keys()


def test_a_free_key_is_taken_for_the_job_that_was_named(keys: Keys) -> None:
    assert keys.take(NAME, Fingerprints("f"), "job_1") == Taken("job_1")
    (document, _) = keys.blobs.documents[NAME]
    assert len(document.pop("holder")) == 8
    assert document == {"fingerprint": "f", "meanings": [], "job_id": "job_1", "at": keys.now.isoformat()}


def test_the_same_request_gets_its_job(keys: Keys) -> None:
    keys.take(NAME, Fingerprints("f"), "job_1")
    job = keys.made("job_1")
    keys.now += KEY_KEPT - SECOND
    assert keys.take(NAME, Fingerprints("f"), "job_2") == Known(job)


def test_another_request_does_not(keys: Keys) -> None:
    keys.take(NAME, Fingerprints("f"), "job_1")
    assert keys.take(NAME, Fingerprints("g"), "job_2") == Reused()
    keys.made("job_1")
    assert keys.take(NAME, Fingerprints("g"), "job_2") == Reused()


def test_a_key_without_its_job_is_in_progress_until_its_post_must_have_died(keys: Keys) -> None:
    keys.take(NAME, Fingerprints("f"), "job_1")
    keys.now += KEY_ABANDONED - SECOND
    assert keys.take(NAME, Fingerprints("f"), "job_2") == InProgress()
    keys.now += SECOND
    # One key is one job, should that POST live after all.
    assert keys.take(NAME, Fingerprints("f"), "job_2") == Taken("job_1")
    assert keys.take(NAME, Fingerprints("f"), "job_3") == InProgress()


def test_after_a_day_the_key_is_free(keys: Keys) -> None:
    keys.take(NAME, Fingerprints("f"), "job_1")
    keys.made("job_1")
    keys.now += KEY_KEPT
    assert keys.take(NAME, Fingerprints("g"), "job_2") == Taken("job_2")


def taken(keys: Keys, job_id: str = "job_1") -> Taken:
    claim = keys.take(NAME, Fingerprints("f"), job_id)
    assert isinstance(claim, Taken)
    return claim


def test_a_key_that_was_given_back_is_free_for_its_request_at_once(keys: Keys) -> None:
    keys.give_back(NAME, taken(keys))
    assert keys.take(NAME, Fingerprints("g"), "job_2") == Reused()
    assert keys.take(NAME, Fingerprints("f"), "job_2") == Taken("job_1")


def test_nobody_gives_back_the_key_of_another_job(keys: Keys) -> None:
    keys.give_back(NAME, Taken("job_1"))
    assert keys.blobs.documents == {}
    mine = taken(keys)
    keys.give_back(NAME, Taken("job_2", mine.holder))
    assert keys.take(NAME, Fingerprints("f"), "job_3") == InProgress()


def test_who_was_overtaken_neither_gives_the_key_back_nor_holds_it(keys: Keys) -> None:
    first = taken(keys)
    keys.now += KEY_ABANDONED
    second = taken(keys, "job_2")
    assert (second, second.holder != first.holder) == (Taken("job_1"), True)

    assert (keys.hold(NAME, first), keys.hold(NAME, second)) == (False, True)
    keys.give_back(NAME, first)
    assert keys.take(NAME, Fingerprints("f"), "job_3") == InProgress()
    keys.give_back(NAME, second)
    assert keys.take(NAME, Fingerprints("f"), "job_3") == Taken("job_1")


def test_who_holds_a_key_is_not_overtaken_for_another_minute(keys: Keys) -> None:
    mine = taken(keys)
    keys.now += KEY_ABANDONED - SECOND
    assert keys.hold(NAME, mine)
    keys.now += KEY_ABANDONED - SECOND
    assert keys.take(NAME, Fingerprints("f"), "job_2") == InProgress()
    keys.now += SECOND
    assert keys.take(NAME, Fingerprints("f"), "job_2") == Taken("job_1")


def test_a_key_that_the_former_version_took_over_is_not_held(keys: Keys) -> None:
    """It names no holder, and may have the same id."""
    mine = taken(keys)
    document, etag = keys.blobs.documents[NAME]
    keys.blobs.replace_document(NAME, {name: value for name, value in document.items() if name != "holder"}, etag)
    assert not keys.hold(NAME, mine)


def test_of_two_who_take_over_one_does(keys: Keys) -> None:
    keys.take(NAME, Fingerprints("f"), "job_1")
    keys.now += KEY_ABANDONED
    other = KeyStore(Documents(keys.blobs), keys.jobs, lambda: keys.now + SECOND)  # type: ignore[arg-type]
    read, answers = keys.jobs.read, []

    def quicker(job_id: str) -> Any:
        keys.jobs.read = read  # type: ignore[method-assign]
        answers.append(other.take(NAME, Fingerprints("f"), "job_3"))
        return read(job_id)

    keys.jobs.read = quicker  # type: ignore[method-assign]
    assert keys.take(NAME, Fingerprints("f"), "job_2") == InProgress()
    assert answers == [Taken("job_1")]


def test_owners_and_routes_do_not_share_keys_and_names_tell_nothing() -> None:
    names = {key_name(owner, route, "k") for owner in ("a", "hero@example.com") for route in ("goods-gen", "ppl-gen")}
    assert len(names) == 4
    assert not any("hero" in name or "/k" in name for name in names)


def test_keys_are_deleted_when_they_are_free_again_and_an_hour_has_passed(keys: Keys) -> None:
    began = keys.now
    keys.take(NAME, Fingerprints("f"), "job_1")
    keys.blobs.create_document("owners/o.json", {})
    keys.blobs.written.update({NAME: began, "owners/o.json": began - 9 * KEY_KEPT})
    for age, left in ((KEY_KEPT, 1), (KEY_KEPT + timedelta(minutes=60), 1), (KEY_KEPT + timedelta(minutes=61), 0)):
        keys.now = began + age
        keys.forget_old()
        assert [*keys.blobs.names("documents", "idempotency/")] == [NAME] * left
    assert "owners/o.json" in keys.blobs.documents
    assert keys.take(NAME, Fingerprints("g"), "job_2") == Taken("job_2")


def test_the_key_of_a_message_is_kept_for_as_long_as_the_message_may_come_again(keys: Keys) -> None:
    name, began = key_name("anonymous", "goods-gen", f"{BY_QUEUE}key:k"), keys.now
    keys.take(name, Fingerprints("f"), "job_1")
    job = keys.made("job_1")
    keys.blobs.written[name] = began
    keys.now = began + QUEUED_KEY_KEPT - SECOND
    assert keys.forget_old() == 0
    assert keys.look(name, Fingerprints("f")) == keys.take(name, Fingerprints("f"), "job_2") == Known(job)

    keys.now = began + QUEUED_KEY_KEPT + timedelta(minutes=61)
    assert keys.forget_old() == 1


def test_the_key_of_a_refused_request_is_free_for_any(keys: Keys) -> None:
    keys.give_back(NAME, taken(keys), is_refused=True)
    assert keys.look(NAME, Fingerprints("f")) is None
    assert keys.take(NAME, Fingerprints("g"), "job_2") == Taken("job_2")


def test_a_refused_request_does_not_free_the_key_of_a_job_that_another_post_may_be_making(keys: Keys) -> None:
    """It took the key over from one that stood still, and may live."""
    taken(keys)
    keys.now += KEY_ABANDONED
    keys.give_back(NAME, taken(keys, "job_2"), is_refused=True)
    assert keys.take(NAME, Fingerprints("f"), "job_3") == Taken("job_1")
