"""Each fault of the list can still be made, and its tests are there; `make mutants` plays them."""

import ast

import pytest

from tests.mutants import MUTANTS
from tests.mutants.mutant import ROOT, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_a_fault_can_be_made(mutant: Mutant) -> None:
    """In what is still Python, where it was."""
    text = mutant.applied((ROOT / mutant.file).read_text("utf-8"))
    if mutant.file.endswith(".py"):
        ast.parse(text)

    assert [test for test in mutant.tests if not (ROOT / test.partition("::")[0]).exists()] == []


def test_faults_differ() -> None:
    assert len({mutant.what for mutant in MUTANTS}) == len(MUTANTS)
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}) == len(MUTANTS)
