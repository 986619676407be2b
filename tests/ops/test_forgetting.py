"""What forget says of an owner of whom nothing is known."""

from types import SimpleNamespace
from typing import Any

import pytest

from ops.forgetting import forget
from tests.fakes import make_services


@pytest.mark.parametrize("is_sure", [False, True])
def test_to_forget_whom_nobody_knows_is_done_already(is_sure: bool) -> None:
    around: Any = SimpleNamespace(services=make_services())
    report = forget(around, "somebody", is_sure=is_sure, seconds=0)
    assert (report.code, report.data["jobs"]) == (0, 0)
    assert "nothing is known of somebody" in report.lines[0]
