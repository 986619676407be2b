"""infra/ as it stands passes every check."""

import pytest

from tests.infra.checks import CHECKS, Check
from tests.infra.compiler import Infra


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_the_infrastructure_passes(check: Check, infra: Infra) -> None:
    assert list(check(infra)) == []


def test_a_snapshot_of_each_environment_has_no_diagnostics(infra: Infra) -> None:
    assert {name: snapshot.diagnostics for name, snapshot in infra.snapshots.items() if snapshot.diagnostics} == {}
