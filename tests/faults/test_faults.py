"""The whole matrix, once, as `python -m tests.faults` plays it."""

import pytest

from tests.faults.case import Case
from tests.faults.matrix import CASES
from tests.faults.runner import Report, run

# The first test waits for all cases.
pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Report:
    """What came of the cases that this session asks for."""
    asked = {item.callspec.params["case"].name for item in request.session.items if "report" in getattr(item, "fixturenames", ())
             and hasattr(item, "callspec")}  # fmt: skip
    return run([case for case in CASES if case.name in asked])


def test_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_comes_of_a_failure(report: Report, case: Case) -> None:
    (outcome,) = (outcome for outcome in report.outcomes if outcome.case.name == case.name)
    assert outcome.wrong == []


def test_keys_go_to_the_providers_apis_alone(report: Report) -> None:
    assert report.strays == []
