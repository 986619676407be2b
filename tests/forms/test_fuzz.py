"""Whatever is sent, the answer is a job or a problem that says what to do, never a failure of ours."""

import pytest

from tests.forms.requests import make
from tests.forms.runner import run


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_every_answer_is_a_job_or_a_problem_that_can_be_read(seed: str) -> None:
    tally = run(seed, 300)

    assert tally.codes["202"] >= 50, "most of what is sent must get past the first check"
    assert {"validation_failed", "invalid_request"} <= set(tally.codes)


def test_a_seed_makes_the_same_request_each_time() -> None:
    assert make("1-7") == make("1-7") != make("1-8")
