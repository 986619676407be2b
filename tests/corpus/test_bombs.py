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


#: The two files of a PPL job, the worst of each kind.
PAIRS = [
    ("png-rgba-16-bit", "png-rgba-16-bit"),
    ("jpeg-progressive-cmyk", "jpeg-progressive-cmyk"),
    ("png-palette", "jpeg-progressive-colour"),
    ("webp-one-colour", "webp-one-colour"),
    ("avif-whole-444-alpha", "heic-whole-444-alpha"),
]


@pytest.mark.parametrize("names", PAIRS, ids="+".join)
def test_two_bombs_at_once_cost_no_more(worker: Worker, names: tuple[str, str]) -> None:
    verdict = worker.try_out(*(BOMBS[name]() for name in names))
    assert verdict.kind != "fault", (verdict.what, verdict.detail)
