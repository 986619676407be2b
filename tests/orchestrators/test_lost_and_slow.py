"""Lost sends and slow predictions, with the real activities: what is found, paid and kept, and who has a slot meanwhile."""

from typing import Any

import pytest

from tests.orchestrators.house import House
from tests.orchestrators.story import JOB

OTHER_JOB = "job_00000000000000000000000002"
PAID_ONCE = {"cost_usd": 0.08, "estimated": True, "settled": True}


# ---- lost sends ----


@pytest.mark.parametrize("lag", [0.0, 12.0, 30.0])
def test_a_lost_send_is_found_though_the_providers_list_lags(lag: float) -> None:
    house = House()
    house.provider.forgets_answer_of, house.provider.list_lags = {1}, lag
    house.post()
    house.go_on()

    job = house.job()
    assert (job["status"], job["usage"], job["possible_duplicate"]) == ("succeeded", PAID_ONCE, False)
    assert len(house.provider.submitted) == 1


def test_a_lost_send_that_is_found_after_a_cancel_is_paid_for_and_kept() -> None:
    house = House()
    house.provider.forgets_answer_of, house.provider.list_lags, house.provider.seconds = {1}, 20.0, {1: 60.0}
    house.post()
    house.bench.at(3.0, house.cancel)
    house.go_on()

    job = house.job()
    assert (job["status"], job["usage"], len(job["outputs"]), house.provider.billed) == ("canceled", PAID_ONCE, 1, 1)


def test_a_lost_send_that_is_never_found_is_repeated_once_and_flagged() -> None:
    house = House()
    house.provider.forgets_answer_of, house.provider.list_lags = {1}, 1e9
    house.post()
    house.go_on()

    job = house.job()
    assert (job["status"], job["possible_duplicate"], len(house.provider.submitted)) == ("succeeded", True, 2)
    assert job["usage"] == {"cost_usd": 0.08, "estimated": True, "settled": False}


def test_two_jobs_of_one_seed_never_share_a_prediction() -> None:
    house = House()
    house.provider.forgets_answer_of = {1, 2}
    house.post()
    house.post(job_id=OTHER_JOB)
    house.go_on()

    found = [house.blobs.documents[f"jobs/{job}/submission-0-1.json"][0]["handle"]["id"] for job in (JOB, OTHER_JOB)]
    assert sorted(found) == ["p-1", "p-2"]
    assert [house.job(job)["usage"] for job in (JOB, OTHER_JOB)] == [PAID_ONCE] * 2


# ---- several pictures and their slots ----


def test_slow_pictures_hold_up_strangers_only_while_the_provider_counts_them() -> None:
    """Two jobs of four share six slots, and the first six pictures take longer than their deadline, once."""
    house = House(GENERATION_TIMEOUT_SECONDS="30")
    house.provider.seconds = dict.fromkeys(range(1, 7), 36.0)
    house.post(pictures=4)
    house.post(pictures=4, job_id=OTHER_JOB)
    most = house.count_running()
    house.go_on()

    first, second = house.job(), house.job(OTHER_JOB)
    # All of the first one's came too late; the other still ran when its own did.
    assert (first["status"], first["error"]["charged"], second["status"], second["error"]) == ("failed", "yes", "succeeded", None)
    assert [len(job["outputs"]) for job in (first, second)] == [4, 4]
    assert first["usage"] == second["usage"] == {"cost_usd": 0.32, "estimated": True, "settled": True}
    assert (len(house.provider.submitted), house.provider.billed, max(most)) == (8, 8, 6)
    assert house.held == set()
    # The last two had their slots as soon as looks said that the first had ended.
    began = sorted(house.provider.began.values())
    assert (began[-1] - began[0]).total_seconds() < 50


def test_a_picture_that_was_ready_after_its_deadline_is_kept_before_its_link_dies() -> None:
    house = House()
    house.provider.seconds = {1: 131.0, 2: 110.0}
    house.post(pictures=2)
    house.go_on()

    record: Any = house.job()
    assert (record["status"], len(record["outputs"]), record["usage"]["cost_usd"]) == ("succeeded", 2, 0.16)


def test_the_slot_of_a_watch_that_died_is_kept_for_it() -> None:
    house = House(slots=1, GENERATION_TIMEOUT_SECONDS="30")
    house.provider.seconds = {1: 300.0}
    house.post()
    house.bench.at(60.0, lambda: setattr(house.deaths, "when", lambda instance, number: not house.deaths.happened))
    house.bench.at(160.0, lambda: house.post(job_id=OTHER_JOB))
    most = house.count_running()
    house.go_on()

    assert (house.deaths.happened, max(most)) == (1, 1)
    # Whoever waited for the slot had asked who lives, and so the watch went on.
    assert [len(house.job(job)["outputs"]) for job in (JOB, OTHER_JOB)] == [1, 1]
