"""How a job ends, once, and what becomes of it when a prediction that went on comes to its end."""

import logging
from typing import Any

import pytest

from activities.check_prediction import check
from activities.finish_job import finish
from activities.keep_leftover import keep
from activities.submit_prediction import submit
from shared import starting
from shared.domain.job import charged
from shared.domain.problem import Problem, ProblemError, moderated
from shared.providers.provider import Ready
from shared.storage.image_names import output_name
from tests import pictures
from tests.activities.orders import LOST, Clock, check_order, finish_order, keep_order, picture_end, sends, submit_order
from tests.fakes import FakeGenerator, images_of, make_job, make_services
from tests.orchestrators.story import stored

PAID = {"cost_usd": 0.08, "estimated": True, "settled": True}
FREE = moderated("Fake", "input", "no").to_payload()


def read(services: Any, job_id: str = "job_1") -> Any:
    return services.jobs.read(job_id)


def said(caplog: pytest.LogCaptureFixture, event: str) -> int:
    return [record.message for record in caplog.records].count(event)


# ---- the end ----


def test_an_ended_job_has_its_costs_and_times(services: Any) -> None:
    assert finish(services, finish_order(picture_end())) == {"status": "succeeded"}

    job = read(services)
    assert (job["usage"], job["attempts"], job["polls"]) == (PAID, 1, 3)
    assert (job["metrics"]["queue_ms"], job["metrics"]["provider_ms"]) == (2000, 7000)
    assert job["expires_at"] > job["completed_at"]


def test_a_terminal_status_never_changes(services: Any) -> None:
    finish(services, finish_order(picture_end()))
    again = finish(services, finish_order(picture_end(state="failed")))

    assert again == {"status": "succeeded"}
    assert read(services)["outputs"] == [stored()["output"]]


def test_finish_twice_is_counted_once(services: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "toonconnect")
    finish(services, finish_order(picture_end()))
    before = read(services)
    assert finish(services, finish_order(picture_end())) == {"status": "succeeded"}

    assert (said(caplog, "job_ended"), read(services)) == (1, before)


def test_the_end_of_a_job_that_was_given_up_meanwhile_is_counted_once(services: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "toonconnect")
    starting.give_up(services, read(services), 30)

    assert finish(services, finish_order(picture_end())) == {"status": "failed"}
    assert said(caplog, "job_ended") == 1


def test_an_ended_job_gives_back_its_place_in_the_quota(clock: Clock) -> None:
    services = make_services(clock=clock, MAX_ACTIVE_JOBS_PER_OWNER="1")
    make_job(services)
    services.quotas.admit("anonymous", "job_1")
    with pytest.raises(ProblemError):
        services.quotas.admit("anonymous", "job_2")
    finish(services, finish_order(picture_end()))

    services.quotas.admit("anonymous", "job_2")


def test_a_job_that_was_forgotten_meanwhile_ends_quietly(services: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "toonconnect")

    assert finish(services, finish_order(picture_end(), job_id="job_gone")) == {"status": "canceled", "is_deleted": True}
    assert said(caplog, "job_ended") == 0


def test_the_end_of_a_deleted_job_leaves_no_image(services: Any, clock: Clock) -> None:
    services.jobs.hide("job_1", clock())
    services.blobs.put_image(output_name("job_1", 0, "png"), b"late", "image/png")
    finish(services, finish_order(picture_end()))

    assert images_of(services.blobs.images, "job_1") == []
    assert read(services)["deleted_at"]


@pytest.mark.parametrize(
    ("states", "problem", "status"),
    [
        (["stored", "failed", "canceled"], None, "succeeded"),
        (["failed", "canceled"], None, "failed"),
        (["canceled", "canceled"], None, "canceled"),
        ([], Problem("unsupported_image").to_payload(), "failed"),
    ],
)
def test_a_job_ends_as_its_pictures_did(services: Any, states: list[str], problem: Any, status: str) -> None:
    ends = [picture_end(index, state) for index, state in enumerate(states)]

    assert finish(services, finish_order(*ends, problem=problem)) == {"status": status}


# ---- pictures of which only the records know ----


async def test_a_story_that_lost_sight_of_its_sends_is_told_by_the_records(
    services: Any, client: Any, generator: FakeGenerator, clock: Clock
) -> None:
    generator.on_submit = [LOST]
    await submit(services, client, submit_order())
    finish(services, finish_order(picture_end(state="failed", sends=None, problem=Problem("internal").to_payload())))

    job = read(services)
    assert (job["error"]["code"], job["error"]["charged"], job["usage"]["settled"]) == ("internal", "unknown", False)
    assert job["pictures"][0]["sends"] == sends("open")


def test_nothing_on_record_means_that_nothing_was_charged(services: Any) -> None:
    finish(services, finish_order(picture_end(state="failed", sends=None, problem=Problem("internal").to_payload())))

    job = read(services)
    assert (job["error"]["charged"], job["usage"]) == ("no", {"cost_usd": 0, "estimated": True, "settled": True})


async def test_a_picture_that_was_stored_unseen_is_an_output(
    services: Any, client: Any, generator: FakeGenerator, clock: Clock
) -> None:
    generator.looks, generator.picture = [Ready("https://fake/x")], pictures.photo_jpeg(200, 200)
    await submit(services, client, submit_order())
    look: Any = await check(services, client, check_order())
    finish(services, finish_order(picture_end(state="failed", sends=None, problem=Problem("internal").to_payload())))

    job = read(services)
    assert (job["status"], job["outputs"], job["usage"], job["error"]) == ("succeeded", [look["output"]], PAID, None)


# ---- what came late ----


def late(services: Any, picture: Any) -> Any:
    """The job after a leftover has ended, told twice."""
    keep(services, keep_order(picture))
    keep(services, keep_order(picture))
    return read(services)


def test_a_late_picture_is_added_once_and_the_job_stays_as_it_ended(services: Any) -> None:
    finish(services, finish_order(picture_end(state="failed")))
    assert (read(services)["error"]["charged"], charged(read(services))) == ("unknown", "unknown")
    job = late(services, picture_end())

    assert (job["status"], job["outputs"]) == ("failed", [stored()["output"]])
    # Whoever is told anything about this job is told the truth.
    assert (job["error"]["charged"], charged(job), job["usage"]) == ("yes", "yes", PAID)


def test_a_canceled_job_gets_its_late_picture_too(services: Any) -> None:
    finish(services, finish_order(picture_end(state="canceled")))
    assert charged(read(services)) == "unknown"
    job = late(services, picture_end())

    assert (job["status"], len(job["outputs"]), job["error"], job["usage"]) == ("canceled", 1, None, PAID)
    assert charged(job) == "yes"


def test_a_leftover_that_failed_costs_what_its_provider_says(services: Any) -> None:
    finish(services, finish_order(picture_end(state="failed")))
    job = late(services, picture_end(state="failed", sends=sends("free"), is_watched=False))

    assert (job["outputs"], job["error"]["code"], job["error"]["charged"]) == ([], "generation_timeout", "no")
    assert job["usage"] == {"cost_usd": 0, "estimated": True, "settled": True}


def test_a_late_free_end_never_lowers_what_a_lost_send_may_cost(services: Any) -> None:
    finish(services, finish_order(picture_end(state="failed", sends=sends("open", "accepted"))))
    assert read(services)["possible_duplicate"] is True
    job = late(services, picture_end(state="failed", sends=sends("open", "free"), is_watched=False))

    assert (job["error"]["charged"], job["usage"]["settled"], job["possible_duplicate"]) == ("unknown", False, True)


def test_what_the_end_of_the_job_has_counted_is_not_counted_again(services: Any) -> None:
    finish(services, finish_order(picture_end(state="failed", sends=sends("paid"))))
    assert read(services)["usage"] == PAID

    assert late(services, picture_end())["usage"] == PAID


def test_the_error_of_several_pictures_tells_of_those_that_are_missing(services: Any) -> None:
    ends = [picture_end(0, sends=sends("paid")), picture_end(1, "failed"), picture_end(2, "failed", sends=sends("free"))]
    finish(services, finish_order(*ends))
    assert read(services)["error"]["charged"] == "unknown"
    job = late(services, picture_end(1, "failed", sends=sends("free"), is_watched=False))

    assert (job["status"], job["error"]["charged"], job["usage"], len(job["outputs"])) == ("succeeded", "no", PAID, 1)


def test_how_a_picture_ended_is_not_forgotten_by_whoever_watched_it_on(services: Any) -> None:
    finish(services, finish_order(picture_end(state="failed")))
    # A story that was told again after the end knows only that nobody wants it.
    job = late(services, picture_end(state="canceled", is_watched=False))

    (picture,) = job["pictures"]
    assert (picture["state"], picture["problem"]["code"], picture["is_watched"]) == ("failed", "generation_timeout", False)


async def test_a_leftover_whose_story_is_lost_is_told_by_the_records(services: Any, client: Any) -> None:
    await submit(services, client, submit_order())
    finish(services, finish_order(picture_end(state="failed")))
    job = late(services, picture_end(state="failed", sends=None, is_watched=False))

    (sent,) = sends("accepted")
    assert job["pictures"][0]["sends"] == [{**sent, "cost": {"usd": 0.08, "quoted": False}}]
    assert job["error"]["charged"] == "unknown"


def test_a_late_picture_of_a_job_that_was_given_up_is_kept(services: Any) -> None:
    starting.give_up(services, read(services), 30)
    job = late(services, picture_end())

    assert (job["status"], len(job["outputs"]), job["error"]["charged"]) == ("failed", 1, "yes")


def test_a_late_picture_of_a_job_of_the_former_version_is_kept(services: Any) -> None:
    make_job(
        services, "job_old", status="failed", error=Problem("generation_timeout", charged="unknown").to_payload(),
        charges={"0": "unknown"}, settled_cost_usd=0.0,
    )  # fmt: skip
    assert charged(read(services, "job_old")) == "unknown"
    keep(services, keep_order(picture_end(), "job_old"))

    job = read(services, "job_old")
    assert (job["status"], len(job["outputs"]), job["error"]["charged"], job["usage"]) == ("failed", 1, "yes", PAID)


def test_a_leftover_of_a_job_that_is_gone_ends_quietly(services: Any) -> None:
    assert keep(services, keep_order(picture_end(), "job_gone")) == {"kept": False}


def test_a_leftover_of_a_deleted_job_leaves_no_image(services: Any, clock: Clock) -> None:
    finish(services, finish_order(picture_end(state="failed")))
    services.jobs.hide("job_1", clock())
    services.blobs.put_image(output_name("job_1", 0, "png"), b"late", "image/png")

    assert keep(services, keep_order(picture_end())) == {"kept": False, "is_deleted": True}
    assert images_of(services.blobs.images, "job_1") == []


def test_a_missing_field_of_a_document_is_no_missing_job(services: Any) -> None:
    """A defect of ours is not read as 'the job is gone': a paid picture would be dropped."""
    broken: Any = {**picture_end()}
    del broken["sends"]
    with pytest.raises(KeyError):
        finish(services, finish_order(broken))

    assert read(services)["status"] == "queued"


def test_a_story_told_again_after_its_watch_died_adds_what_came_meanwhile(services: Any) -> None:
    finish(services, finish_order(picture_end(state="failed")))

    finish(services, finish_order(picture_end()))

    job = read(services)
    assert (job["status"], len(job["outputs"]), job["usage"]["cost_usd"], job["error"]["charged"]) == ("failed", 1, 0.08, "yes")
    assert not job["pictures"][0]["is_watched"]
