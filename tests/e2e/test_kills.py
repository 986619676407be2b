"""A dozen kills of the run that docs/performance.md tells of (bench/kills.py), over real jobs."""

from pathlib import Path

import pytest

from bench.kills import MAX_SHARE, run
from tests.given_host import needs_a_host_of_its_own
from tests.stack import Stack

pytestmark = pytest.mark.stack


# A send that was killed is left alone for most of a minute before it is repeated.
@pytest.mark.timeout(480)
def test_kills_of_host_and_worker_lose_nothing_and_hide_no_second_submit(tmp_path: Path) -> None:
    needs_a_host_of_its_own(Stack(tmp_path))
    found = run(tmp_path, kills=12, seed=12, number=8, share=MAX_SHARE)

    assert found.wrongs == []
    assert found.host >= 6
    assert found.worker >= 6
    assert found.moments.keys() - {"start-up"}, "some hosts were killed at work"
    assert found.statuses["succeeded"] >= 8
    assert found.submits >= found.statuses["succeeded"]
