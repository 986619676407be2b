"""A few seeds and all that ever failed: nothing of them may be wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.explore.explorer import play
from tests.explore.plan import SEEDS_WITH_MODELS, from_seed
from tests.explore.virtual import close_loops

#: Every seed whose story was ever wrong, one a line; what follows # is for readers.
_LINES = (line.split("#")[0].strip() for line in (Path(__file__).parent / "seeds.txt").read_text().splitlines())
KEPT = [int(line) for line in _LINES if line]
FIXED = (*range(40), *range(SEEDS_WITH_MODELS, SEEDS_WITH_MODELS + 30))


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_loops()


@pytest.mark.parametrize("seed", sorted({*FIXED, *KEPT}))
def test_nothing_is_wrong_with_a_seed(seed: int) -> None:
    verdict = play(from_seed(seed))
    assert not verdict.wrongs, "\n".join(verdict.lines())


def test_a_seed_is_always_the_same_story() -> None:
    first, second = (list(play(from_seed(11)).lines()) for _ in range(2))
    assert first == second
