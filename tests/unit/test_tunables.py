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


def test_a_model_has_the_share_of_its_accounts_slots_that_its_setting_says() -> None:
    made = built(BFL_KONTEXT_MAX_ACTIVE="1", BFL_MAX_ACTIVE="3")

    def asked(holder: str, model: str) -> bool:
        place, _ = made.gates.change("bfl", lambda gate: gate.enter(holder, "i", "e", generator=model))
        return place.granted

    assert [asked("a/0", "flux-kontext-max"), asked("b/0", "flux-kontext-max"), asked("c/0", "flux-2-pro")] == [True, False, True]
    # A slot of before, which named no model, was one of the model that the provider had then.
    assert made.gates.look("bfl").default_generator == "flux-kontext-max"


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


def granted(made: Services, provider: str, model: str, *holders: str) -> list[bool]:
    return [
        made.gates.change(provider, lambda gate, holder=holder: gate.enter(holder, "i", "e", generator=model))[0].granted  # type: ignore[misc]
        for holder in holders
    ]


def test_kontext_max_has_its_share_of_bfls_account_and_other_models_the_whole() -> None:
    made = built(BFL_MAX_ACTIVE="4", BFL_KONTEXT_MAX_ACTIVE="2")

    assert granted(made, "bfl", "flux-kontext-max", "a/0", "b/0", "c/0") == [True, True, False]
    assert granted(made, "bfl", "flux-2-pro", "d/0", "e/0", "f/0") == [True, True, False]
    assert made.gates.look("replicate").width("flux-kontext-max") == made.settings.replicate_max_active


@pytest.mark.parametrize(("model", "width"), [("flux-kontext-max", 2), ("flux-2-pro", 4)])
def test_who_holds_a_slot_since_before_counts_for_the_model_that_bfl_had_then(model: str, width: int) -> None:
    made = built(BFL_MAX_ACTIVE="4", BFL_KONTEXT_MAX_ACTIVE="2", BFL_MODEL=model)

    assert made.gates.look("bfl").width() == width
