"""Stories with the real activities: begun again from their records, told twice, overtaken by a cancel, beside each other."""

import pytest

from devhost.worker_deaths import WorkerDied
from shared.domain.problem import Problem
from shared.providers.provider import ProviderError
from tests.orchestrators.house import House
from tests.orchestrators.story import JOB

OTHER_JOB = "job_00000000000000000000000002"
PAID_ONCE = {"cost_usd": 0.08, "estimated": True, "settled": True}


def test_a_job_is_made_paid_and_leaves_its_slot() -> None:
    house = House()
    house.post()
    house.go_on()

    job = house.job()
    assert (job["status"], job["usage"], job["possible_duplicate"]) == ("succeeded", PAID_ONCE, False)
    assert (len(house.provider.submitted), house.provider.billed, house.held) == (1, 1, set())


# ---- an engine that ends a story ----


@pytest.mark.parametrize("episode", range(1, 12))
def test_a_job_whose_worker_died_in_an_episode_is_told_again_from_its_records(episode: int) -> None:
    house = House()
    house.deaths.when = lambda instance, number: number == episode
    house.post()
    house.see_every(15.0)
    house.go_on()

    job = house.job()
    assert house.deaths.happened == 1
    assert (job["status"], job["usage"], job["possible_duplicate"]) == ("succeeded", PAID_ONCE, False)
    assert (len(house.provider.submitted), job.get("starts", 0), house.held) == (1, 1, set())


@pytest.mark.parametrize("nth", [2, 3, 5, 7])
def test_jobs_of_several_pictures_pay_each_once_however_their_stories_die(nth: int) -> None:
    house = House()
    house.deaths.when = lambda instance, number: sum(house.deaths.of.values()) % (nth * 4 + 3) == nth
    house.post(pictures=3)
    house.see_every(15.0)
    house.go_on()

    job = house.job()
    assert house.deaths.happened >= 1
    assert (job["status"], [output["index"] for output in job["outputs"]]) == ("succeeded", [0, 1, 2])
    assert (job["usage"]["cost_usd"], job["possible_duplicate"]) == (0.24, False)
    assert (len(house.provider.submitted), house.held) == (3, set())


def test_the_children_of_a_later_start_have_names_of_their_own_and_the_former_ones_are_ended() -> None:
    house = House()
    house.provider.seconds = {2: 60.0}
    # It dies when the first picture has ended.
    house.deaths.when = lambda instance, number: instance == JOB and number == 3
    house.post(pictures=2)
    house.bench.at(20.0, house.see)
    house.go_on()

    assert house.job()["status"] == "succeeded"
    statuses = house.bench.instances()
    assert (statuses[f"{JOB}-1"], statuses[f"{JOB}-1-1"]) == ("Terminated", "Completed")
    assert len(house.provider.submitted) == 2


def test_a_story_that_dies_whenever_it_begins_ends_after_five_starts_and_says_that_nothing_was_charged() -> None:
    house = House()
    house.deaths.when = lambda instance, number: True
    house.post()
    house.see_every(60.0)
    house.go_on()

    job = house.job()
    assert (job["status"], job["starts"], job["error"]["code"], job["error"]["charged"]) == ("failed", 5, "internal", "no")
    assert (job["usage"], house.provider.submitted) == ({"cost_usd": 0, "estimated": True, "settled": True}, [])


def test_a_story_that_dies_for_good_after_its_send_says_what_the_ledger_says() -> None:
    house = House()
    house.deaths.when = lambda instance, number: number > 2 if house.provider.submitted else False
    house.post()
    house.see_every(60.0)
    house.go_on()

    job = house.job()
    assert (job["status"], job["error"]["code"], job["error"]["charged"]) == ("failed", "internal", "unknown")
    assert (job["usage"]["settled"], len(house.provider.submitted)) == (False, 1)


def test_a_picture_that_was_stored_is_an_output_though_the_story_dies_for_good() -> None:
    house = House()
    house.deaths.when = lambda instance, number: any("/output/" in name for name in house.blobs.images)
    house.post()
    house.see_every(60.0)
    house.go_on()

    job = house.job()
    assert (job["status"], job["error"], len(job["outputs"])) == ("succeeded", None, 1)
    assert job["usage"] == PAID_ONCE


def test_a_run_that_an_operator_terminated_is_not_started_again_and_its_ledger_speaks() -> None:
    house = House()
    house.post()
    house.bench.at(4.0, lambda: house.bench.terminate(JOB, "enough"))
    house.see_every(60.0, 20)
    house.go_on()

    job = house.job()
    assert (job["status"], job["error"]["code"], job["error"]["charged"]) == ("failed", "internal", "unknown")
    assert job.get("starts", 0) == 0
    assert len(house.provider.submitted) == 1


def test_a_job_that_an_operator_suspended_is_resumed_to_hear_its_cancel() -> None:
    house = House()
    house.provider.on_cancel = "canceled"
    house.post()
    house.bench.at(3.0, lambda: house.bench.suspend(JOB, "a look"))
    house.bench.at(6.0, house.cancel)
    house.go_on()

    assert (house.job()["status"], house.provider.canceled) == ("canceled", ["p-1"])


def test_a_watch_that_died_after_the_end_of_its_job_is_taken_up_again() -> None:
    house = House()
    house.provider.seconds = {1: 300.0}
    house.post()
    house.bench.at(200.0, lambda: setattr(house.deaths, "when", lambda instance, number: not house.deaths.happened))
    house.see_every(60.0)
    house.go_on(190.0)
    early = house.job()
    assert (early["status"], early["error"]["code"], early["error"]["charged"]) == ("failed", "generation_timeout", "unknown")
    house.go_on()

    job = house.job()
    assert house.deaths.happened == 1
    assert (job["status"], job["error"]["charged"], job["usage"], len(job["outputs"])) == ("failed", "yes", PAID_ONCE, 1)
    assert house.held == set()


@pytest.mark.parametrize("pictures", [1, 2])
def test_a_watch_that_is_taken_up_again_forgets_nothing_of_how_its_picture_ended(pictures: int) -> None:
    house = House()
    house.provider.seconds = {1: 3000.0}
    watching = JOB if pictures == 1 else f"{JOB}-0"
    house.post(pictures=pictures)
    house.bench.at(200.0, lambda: setattr(
        house.deaths, "when", lambda instance, number: instance == watching and not house.deaths.happened
    ))  # fmt: skip
    house.see_every(60.0)
    house.go_on()

    first = house.job()["pictures"][0]
    assert house.deaths.happened == 1
    assert (first["state"], first["problem"]["code"], first["is_watched"]) == ("failed", "generation_timeout", False)
    assert first["problem"]["charged"] == "unknown"


# ---- a job that was never started ----


def test_a_job_whose_post_died_half_way_is_started_by_whoever_sees_it_a_minute_later() -> None:
    house = House()
    house.accept()
    house.bench.let_pass(50.0)
    house.see()
    assert house.bench.instances() == {}, "its POST may be about to start it"
    house.bench.at(30.0, house.see)
    house.go_on()

    assert (house.job()["status"], len(house.provider.submitted)) == ("succeeded", 1)


def test_a_job_that_has_ended_is_never_started_though_the_hub_knows_nothing_of_it() -> None:
    house = House()
    house.post()
    house.go_on()
    before = house.job()
    assert house.bench.purge(JOB)
    house.see()
    house.go_on()

    assert (house.job(), house.bench.instances()) == (before, {})


# ---- two runs of one step ----


def test_every_step_delivered_twice_pays_once() -> None:
    house = House(twice=True)
    house.post(pictures=2)
    house.go_on()

    assert (house.job()["status"], house.job()["usage"]["cost_usd"]) == ("succeeded", 0.16)
    assert len(house.provider.submitted) == 2


def test_a_run_that_wakes_after_the_job_was_canceled_does_not_send() -> None:
    house = House(twice=True)
    # The first run of the submit stands still before its intent is on record; its twin goes on meanwhile.
    house.hooks.once("get_image", lambda: None)
    house.hooks.once("get_image", lambda: None)
    house.hooks.once("get_image", lambda: house.bench.let_pass(60.0))
    house.provider.on_submit = [ProviderError(Problem("provider_unavailable", params={"provider": "Fake"}), retry_after=30)]
    house.post()
    house.bench.at(10.0, house.cancel)
    house.go_on()

    assert (house.job()["status"], house.job()["usage"]) == ("canceled", {"cost_usd": 0, "estimated": True, "settled": True})
    assert len(house.provider.submitted) == 1, "the twin's, which was refused"
    assert house.held == set()


def test_a_run_that_wakes_from_before_its_call_does_not_send_beside_another() -> None:
    house = House(twice=True)
    house.hooks.once("require_key", lambda: house.bench.let_pass(90.0))
    house.post()
    house.go_on()

    job = house.job()
    assert (job["status"], len(house.provider.submitted)) == ("succeeded", 1)
    # Whoever took over could not know that nothing had been sent.
    assert job["possible_duplicate"] is True


def test_two_runs_that_both_sent_are_a_possible_duplicate() -> None:
    house = House(twice=True, can_find=False)
    house.hooks.once("submit", lambda: house.bench.let_pass(90.0))
    house.post()
    house.go_on()

    assert (len(house.provider.submitted), house.job()["possible_duplicate"]) == (2, True)


def test_a_worker_that_dies_after_its_send_has_it_found() -> None:
    house = House()
    house.hooks.once("submit", _die)
    house.post()
    house.go_on()

    job = house.job()
    assert (job["status"], job["usage"], job["possible_duplicate"]) == ("succeeded", PAID_ONCE, False)
    assert len(house.provider.submitted) == 1


def _die() -> None:
    raise WorkerDied


@pytest.mark.parametrize("what", ["get_image", "require_key", "look", "download", "put_image"])
def test_a_worker_that_dies_in_any_step_costs_no_second_picture(what: str) -> None:
    house = House()
    house.hooks.once(what, _die)
    house.post()
    house.go_on()

    job = house.job()
    assert (job["status"], len(job["outputs"]), job["usage"]["cost_usd"]) == ("succeeded", 1, 0.08)
    assert len(house.provider.submitted) == 1
