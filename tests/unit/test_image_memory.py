"""Images of a moment ago."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.storage.image_memory import KEPT_SECONDS, ImageMemory


class Memory(ImageMemory):
    def __init__(self, kept_bytes: int = 10) -> None:
        self.now = 0.0
        super().__init__(lambda: self.now, kept_bytes)


@pytest.fixture
def memory() -> Memory:
    return Memory()


def test_an_image_is_kept_for_a_minute_after_it_was_written(memory: Memory) -> None:
    memory.wrote("a", b"1")
    memory.now = KEPT_SECONDS - 1
    assert memory.get("a") == b"1"
    memory.now = KEPT_SECONDS
    assert memory.get("a") is None


def test_what_is_written_again_is_the_second_one(memory: Memory) -> None:
    memory.wrote("a", b"1")
    memory.wrote("a", b"2")
    assert memory.get("a") == b"2"


def test_what_was_read_never_replaces_what_was_written_meanwhile(memory: Memory) -> None:
    memory.wrote("a", b"new")
    memory.read("a", b"old")
    assert memory.get("a") == b"new"
    memory.read("b", b"old")
    assert memory.get("b") == b"old"


def test_the_one_that_nobody_asked_for_makes_room(memory: Memory) -> None:
    for name in "abc":
        memory.wrote(name, b"123")
    memory.get("a")
    memory.wrote("d", b"123")
    assert [name for name in "abcd" if memory.get(name)] == ["a", "c", "d"]


def test_what_is_larger_than_all_room_is_not_kept(memory: Memory) -> None:
    memory.wrote("a", b"1")
    memory.wrote("big", b"1" * 11)
    assert (memory.get("a"), memory.get("big")) == (b"1", None)
    memory.wrote("a", b"1" * 11)
    assert memory.get("a") is None, "the old one is not the image any more"


def test_what_was_deleted_is_forgotten_by_its_prefix(memory: Memory) -> None:
    for name in ("job_1/a", "job_1/b", "job_2/a"):
        memory.wrote(name, b"1")
    memory.forget("job_1/")
    assert [memory.get(name) for name in ("job_1/a", "job_1/b", "job_2/a")] == [None, None, b"1"]


@given(st.lists(st.tuples(st.sampled_from(["wrote", "read", "get", "forget"]), st.sampled_from("abcd"), st.integers(0, 12))))
def test_it_never_holds_more_than_it_may(steps: list[tuple[str, str, int]]) -> None:
    memory = Memory()
    for what, name, size in steps:
        memory.now += 10
        getattr(memory, what)(name, *([b"x" * size] if what in ("wrote", "read") else []))
        held = [len(memory.get(name) or b"") for name in "abcd"]
        assert sum(held) <= 10
