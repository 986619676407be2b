"""The fault matrix as a part of the suite: played once, each case judged by itself."""

import pytest

from tests.faults.matrix import CASES, Case
from tests.faults.run import Result, play

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def played() -> tuple[dict[str, Result], list[str]]:
    results, leaks = play(CASES)
    return {result.case.name: result for result in results}, leaks


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ends_as_the_rules_say(case: Case, played: tuple[dict[str, Result], list[str]]) -> None:
    result = played[0][case.name]
    assert result.wrong == [], result.seen


def test_no_key_went_to_anything_but_its_providers_api(played: tuple[dict[str, Result], list[str]]) -> None:
    assert played[1] == []


def test_the_names_of_the_cases_are_different_and_enough() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 40
