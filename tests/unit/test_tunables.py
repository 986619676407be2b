"""Settings reach the part that they are for, and the numbers that users and operators were promised are those."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.job import MAX_STARTS
from shared.domain.problem import ProblemError
from shared.services import Services
from shared.settings import Settings
from shared.storage.key_store import KEY_KEPT
from tests.fakes import FakeBlobs

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def built(**environ: str) -> Services:
    settings = Settings.from_environ({"AzureWebJobsStorage": "UseDevelopmentStorage=true", **environ})
    made = Services(settings, clock=lambda: NOON)
    made.__dict__["blobs"] = FakeBlobs()
    return made


@pytest.mark.parametrize(("setting", "generator"), [("BFL_MAX_ACTIVE", "bfl"), ("REPLICATE_MAX_ACTIVE", "replicate")])
def test_a_provider_serves_as_many_at_once_as_its_setting_says(setting: str, generator: str) -> None:
    made = built(**{setting: "2"})
    places: list[Any] = [
        made.gates.change(generator, lambda gate, holder=holder: gate.enter(holder, "i", "e"))[0]  # type: ignore[misc]
        for holder in ("a/0", "b/0", "c/0")
    ]

    assert [place.granted for place in places] == [True, True, False]


@pytest.mark.parametrize(
    ("setting", "code"), [("MAX_ACTIVE_JOBS_PER_OWNER", "too_many_active_jobs"), ("DAILY_JOBS_PER_OWNER", "quota_exceeded")]
)
def test_each_limit_of_an_owner_is_its_own(setting: str, code: str) -> None:
    made = built(**{setting: "1"})
    made.quotas.admit("me", "job_1")
    with pytest.raises(ProblemError) as refused:
        made.quotas.admit("me", "job_2")

    assert refused.value.problem.code == code


@pytest.mark.parametrize("minutes", [5, 90])
def test_links_live_as_long_as_the_setting_says(minutes: int) -> None:
    _, ends = built(SAS_TTL_MINUTES=str(minutes)).links.sign("images", "a.png")

    assert ends == NOON + timedelta(minutes=minutes)


def test_a_key_stands_for_its_job_for_a_day_and_a_job_is_started_again_five_times() -> None:
    assert (timedelta(hours=24), 5) == (KEY_KEPT, MAX_STARTS)
