"""What is small and costs much, through the app's own functions: a picture or a problem, in 3 s of CPU and 400 MB."""

from collections.abc import Iterator

import pytest

from tests.corpus.bombs import BOMBS
from tests.corpus.real import MAX_UPLOAD_BYTES
from tests.corpus.workers import Worker


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as running:
        yield running


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_little(worker: Worker, name: str) -> None:
    data = BOMBS[name]()
    assert len(data) <= MAX_UPLOAD_BYTES
    verdict = worker.try_out(data)
    assert verdict.kind != "fault", (verdict.what, verdict.detail)


#: The two files of a PPL job: of each kind what costs most and is taken.
PAIRS = [
    ("png-rgba-16-bit", "png-rgba-16-bit"),
    ("jpeg-progressive-cmyk", "jpeg-progressive-cmyk"),
    ("png-palette", "jpeg-progressive-colour"),
    ("avif-whole", "avif-whole"),
    ("avif-whole-at-the-limit-444-alpha", "heic-whole-444-alpha-at-the-limit"),
]
# A name that is none would be told only when its test runs.
assert set(sum(PAIRS, ())) <= set(BOMBS)


@pytest.mark.parametrize("names", PAIRS, ids="+".join)
def test_two_bombs_at_once_cost_no_more(worker: Worker, names: tuple[str, str]) -> None:
    verdict = worker.try_out(*(BOMBS[name]() for name in names))
    # What is refused before it is decoded would show nothing here.
    assert verdict.kind == "taken", (verdict.what, verdict.detail)


def test_what_one_picture_took_is_given_back_before_the_next(worker: Worker) -> None:
    # In this order a heap that grows and is never given back came to 540 MB.
    names = [
        "heic-whole-444-alpha-at-the-limit",
        "apng-blank-frames-at-the-limit",
        "avif-whole-at-the-limit-444-alpha",
        "avif-whole",
        "jpeg-progressive-cmyk",
        "gif-whole-frames-at-the-limit",
    ]
    verdict = worker.try_out(*(BOMBS[name]() for name in names), at_once=False)
    assert verdict.kind != "fault", (verdict.what, verdict.detail)
