"""A judge that lets gross faults of the app pass is worth nothing: each must turn a story wrong that is right without it."""

from collections.abc import Iterator

import pytest

from tests.explore.explorer import play
from tests.explore.mutants import MUTANTS
from tests.explore.plan import from_seed
from tests.explore.virtual import close_loops


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_loops()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_gross_fault_is_seen(name: str) -> None:
    mutant = MUTANTS[name]
    assert play(from_seed(mutant.seed)).wrongs == []
    assert any(mutant.told in wrong for wrong in mutant.wrongs(mutant.seed))
