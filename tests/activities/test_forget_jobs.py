"""Deleted jobs are forgotten when their stories have ended, and not before."""

from typing import Any

import pytest

from activities.finish_job import finish, finish_and_forget
from activities.forget_jobs import forget
from activities.keep_leftover import keep_and_forget
from activities.submit_prediction import submit
from shared import forgetting, names
from shared.storage.image_names import output_name, upload_name
from tests.activities.orders import Client, Clock, finish_order, keep_order, picture_end, submit_order
from tests.fakes import NO_INSTANCE, images_of, instance_status, make_job

FORGET: Any = {"traceparent": None}


def left_of(services: Any, job_id: str) -> list[str]:
    return [name for name in services.blobs.documents if job_id in name] + images_of(services.blobs.images, job_id)


def end(services: Any, job_id: str = "job_1") -> None:
    finish(services, finish_order(picture_end(), job_id=job_id))


async def test_a_job_that_is_deleted_after_its_end_is_gone_at_once(services: Any, client: Client) -> None:
    services.blobs.put_image(output_name("job_1", 0, "png"), b"image", "image/png")
    end(services)
    client.statuses["job_1"] = instance_status("Completed")
    await forgetting.begin(services, client, "job_1")

    assert left_of(services, "job_1") == []
    assert (client.purged, client.started) == (["job_1"], [])


async def test_a_job_that_runs_is_hidden_and_woken_and_forgotten_later(services: Any, client: Client) -> None:
    services.blobs.put_image(upload_name("job_1", "input_image", "png"), b"image", "image/png")
    await forgetting.begin(services, client, "job_1")

    assert services.jobs.read("job_1")["deleted_at"]
    assert images_of(services.blobs.images, "job_1") == []
    assert client.events == [("job_1", names.EVENT_CANCEL)]
    assert client.started == [names.JANITOR]
    assert await forget(services, client, FORGET) == {"left": 1}

    end(services)
    client.statuses["job_1"] = instance_status("Completed")
    assert await forget(services, client, FORGET) == {"left": 0}
    assert left_of(services, "job_1") == []


async def test_a_watch_that_goes_on_keeps_the_records_of_a_deleted_job(services: Any, client: Client) -> None:
    await submit(services, client, submit_order())
    end(services)
    await forgetting.begin(services, client, "job_1")

    # Its instance still runs: it watches a prediction that may be paid for.
    assert await forget(services, client, FORGET) == {"left": 1}
    assert "jobs/job_1/submission-0-1.json" in services.blobs.documents


async def test_a_job_of_the_first_version_which_counted_no_money_is_forgotten(services: Any, client: Client) -> None:
    make_job(services, "job_2", owner="me", status="failed", pictures=[], polls=0, fallback_used=False)
    services.jobs.hide("job_2", services.now())
    client.statuses["job_2"] = instance_status("Completed")

    assert await forget(services, client, FORGET) == {"left": 0}
    assert left_of(services, "job_2") == []


async def test_a_child_that_goes_on_is_waited_for(services: Any, client: Client) -> None:
    make_job(services, "job_2", seeds=[1, 2], status="failed", pictures=[], polls=0, fallback_used=False)
    services.jobs.hide("job_2", services.now())
    client.statuses |= {"job_2": instance_status("Completed"), "job_2-0": NO_INSTANCE}

    assert await forget(services, client, FORGET) == {"left": 1}
    client.statuses["job_2-1"] = instance_status("Completed")
    assert await forget(services, client, FORGET) == {"left": 0}
    assert set(client.purged) == {"job_2", "job_2-0", "job_2-1"}


@pytest.mark.parametrize("is_deleted", [True, False])
async def test_the_last_steps_of_a_deleted_jobs_story_call_the_janitor(services: Any, client: Any, is_deleted: bool) -> None:
    """The DELETE may have come when the one that was there was just ending."""
    if is_deleted:
        services.jobs.hide("job_1", services.now())
    await finish_and_forget(services, client, finish_order(picture_end(state="canceled")))
    assert client.started == [names.JANITOR] * is_deleted
    await keep_and_forget(services, client, keep_order(picture_end()))

    assert client.started == [names.JANITOR] * 2 * is_deleted


async def test_a_job_that_is_deleted_while_another_is_forgotten_is_not_overlooked(services: Any) -> None:
    class Slow(Client):
        """Somebody deletes a job while the history of another is purged."""

        async def purge_instance_history(self, instance: str) -> None:
            await super().purge_instance_history(instance)
            services.jobs.hide("job_2", services.now())

    client: Any = Slow()
    make_job(services, "job_2")
    end(services)
    services.jobs.hide("job_1", services.now())
    client.statuses["job_1"] = instance_status("Completed")

    assert await forget(services, client, FORGET) == {"left": 1}


async def test_the_claim_of_its_prediction_goes_with_a_job(services: Any, client: Client) -> None:
    await submit(services, client, submit_order())
    assert any(name.startswith("predictions/") for name in services.blobs.documents)
    end(services)
    client.statuses["job_1"] = instance_status("Completed")
    await forgetting.begin(services, client, "job_1")

    assert [name for name in services.blobs.documents if name.startswith(("predictions/", "jobs/", "deleted/"))] == []


async def test_a_hub_that_is_away_makes_no_delete_fail(services: Any, client: Client) -> None:
    client.is_away = True
    await forgetting.begin(services, client, "job_1")

    assert services.jobs.read("job_1")["deleted_at"]
    client.is_away = False
    end(services)
    client.statuses["job_1"] = instance_status("Completed")
    assert await forget(services, client, FORGET) == {"left": 0}


async def test_a_hub_that_gives_no_answer_forgets_nothing(services: Any, client: Client) -> None:
    end(services)
    services.jobs.hide("job_1", services.now())
    client.is_away = True

    assert await forget(services, client, FORGET) == {"left": 1}
    assert services.jobs.read("job_1") is not None


async def test_a_mark_without_a_job_is_swept_away(services: Any, client: Client, clock: Clock) -> None:
    services.blobs.create_document("deleted/job_gone.json", {"job_id": "job_gone"})

    assert await forget(services, client, FORGET) == {"left": 0}
    assert left_of(services, "job_gone") == []


async def test_one_job_that_goes_on_holds_up_no_other(services: Any, client: Client) -> None:
    make_job(services, "job_2", status="failed", pictures=[], polls=0, fallback_used=False)
    for job_id in ("job_1", "job_2"):
        services.jobs.hide(job_id, services.now())
    client.statuses["job_2"] = instance_status("Completed")

    assert await forget(services, client, FORGET) == {"left": 1}
    assert (services.jobs.read("job_1") is None, services.jobs.read("job_2")) == (False, None)
