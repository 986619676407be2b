"""The job as clients see it: its own money, and that of each picture, whoever wrote its document."""

from typing import Any

from shared.domain.problem import Problem, moderated, unusable
from shared.names import picture_instance_id
from shared.provenance import SAMPLE_SOURCE_TYPE, SOURCE_TYPE
from tests.triggers.calls import (
    RUNTIME,
    Clock,
    FakeHub,
    Status,
    body,
    finish,
    finish_before,
    get,
    new_job,
    output,
    picture,
    record,
    result,
)


async def shown(hub: FakeHub, job_id: str) -> dict[str, Any]:
    answer = await get(hub, job_id, headers={"Accept-Language": "en"})
    assert answer.status_code == 200, body(answer)
    return body(answer)


def told(job: dict[str, Any], *names: str) -> list[Any]:
    """Of each picture these fields."""
    return [tuple(entry[name] for name in names) for entry in job["pictures"]]


async def test_of_a_running_job_nobody_knows_yet_what_it_costs(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="2", seed="5", preset="mug")
    job = await shown(hub, job_id)
    assert told(job, "index", "status", "seed", "preset", "charged", "error", "cost_usd") == [
        (0, "queued", 5, "mug", "unknown", None, 0.08),
        (1, "queued", 6, "mug", "unknown", None, 0.08),
    ]
    assert job["usage"] == {"cost_usd": 0.16, "open_usd": 0.16, "estimated": True, "settled": False}

    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "validating", "progress": 5})
    assert told(await shown(hub, job_id), "status") == [("processing",)] * 2


async def test_every_picture_that_was_asked_for_says_how_it_ended_and_what_it_owes(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="3", seed="5")
    refused = picture(1, "failed", ("free",), problem=moderated("Fake", "input", "no").to_payload())
    finish(app, hub, job_id, picture(0, owes=("open", "paid")), refused, picture(2, "canceled", ("may be charged",)))
    job = await shown(hub, job_id)

    assert told(job, "index", "status", "seed", "charged", "cost_usd") == [
        (0, "succeeded", 5, "yes", 0.16),
        (1, "failed", 6, "no", 0.0),
        (2, "canceled", 7, "unknown", 0.08),
    ]
    errors = [entry["error"] for entry in job["pictures"]]
    assert [error and (error["code"], error["charged"]) for error in errors] == [None, ("content_moderated", "no"), None]
    assert "refused the input" in errors[1]["detail"]
    assert (job["status"], [made["index"] for made in job["outputs"]], job["error"]["charged"]) == ("succeeded", [0], "unknown")
    assert told(job, "settled") == [(False,), (True,), (False,)]
    assert job["usage"] == {"cost_usd": 0.24, "open_usd": 0.16, "estimated": True, "settled": False}


async def test_a_job_with_a_picture_says_what_made_it(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, label="visible")
    assert (await shown(hub, job_id))["provenance"] is None
    finish(app, hub, job_id)
    job = await shown(hub, job_id)

    assert job["provenance"] == {
        "digital_source_type": SOURCE_TYPE, "generator": "Fake fake", "model": "fake", "provider": "fake",
        "created_at": job["completed_at"], "label": "visible",
    }  # fmt: skip


async def test_a_job_without_a_picture_has_no_provenance(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    finish(app, hub, job_id, picture(0, "failed", ("free",), problem=Problem("internal").to_payload()))
    assert (await shown(hub, job_id))["provenance"] is None


async def test_a_sample_is_said_to_be_generated_by_no_trained_model(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    app.jobs.update(job_id, lambda job: job | {"sample": True})
    finish(app, hub, job_id)
    told = (await shown(hub, job_id))["provenance"]
    assert (told["digital_source_type"], told["generator"]) == (
        SAMPLE_SOURCE_TYPE, "SAMPLE, no generated picture: a simulator of Fake fake",
    )  # fmt: skip


async def test_money_is_settled_when_nothing_more_can_be_charged(app: Any, hub: FakeHub) -> None:
    for owes, is_settled in ((("paid",), True), (("open", "paid"), False), (("free", "paid"), True)):
        job_id = await new_job(hub)
        finish(app, hub, job_id, picture(owes=owes))
        assert (await shown(hub, job_id))["usage"]["settled"] is is_settled, owes


async def test_a_job_that_was_refused_before_anything_was_sent_owes_nothing(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="2")
    finish(app, hub, job_id, problem=Problem("unsupported_image", stage="validating").to_payload())
    job = await shown(hub, job_id)

    assert told(job, "status", "charged") == [("failed", "no")] * 2
    assert (job["error"]["charged"], job["usage"]["settled"], job["usage"]["cost_usd"]) == ("no", True, 0)


async def test_a_job_that_was_given_up_says_what_its_records_say(app: Any, hub: FakeHub, clock: Clock) -> None:
    job_id = await new_job(hub, n="3", seed="5")
    record(app, job_id, "submitted", "accepted", index=0, handle={"id": "p", "poll_url": "x"})
    record(app, job_id, "refused", "refused", index=1)
    hub.statuses[job_id] = Status(RUNTIME.Terminated, {"progress": 40})
    job = await shown(hub, job_id)

    assert told(job, "status", "charged") == [("failed", "unknown"), ("failed", "no"), ("failed", "no")]
    assert [entry["error"]["code"] for entry in job["pictures"]] == ["internal"] * 3
    assert (job["status"], job["progress"], job["error"]["charged"], job["usage"]["settled"]) == ("failed", 40, "unknown", False)


async def test_an_ended_job_of_the_former_version_is_told_as_that_one_knew_it(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    finish_before(app, job_id, provider="fake")
    job = await shown(hub, job_id)
    assert told(job, "status", "charged", "cost_usd", "error") == [("succeeded", "yes", 0.08, None)]
    assert job["usage"] == {"cost_usd": 0.08, "open_usd": 0, "estimated": True, "settled": True}

    # One of two came; the other was moderated.
    job_id = await new_job(hub, n="2")
    error = Problem("content_moderated", charged="no").to_payload()
    finish_before(app, job_id, provider="bfl", outputs=[output(job_id, 1)], error=error, charges={"0": "no"})
    assert told(await shown(hub, job_id), "index", "status", "charged") == [(0, "failed", "no"), (1, "succeeded", "yes")]

    job_id = await new_job(hub)
    finish_before(app, job_id, status="failed", outputs=[], error=Problem("internal", charged="unknown").to_payload())
    assert told(await shown(hub, job_id), "status", "charged") == [("failed", "unknown")]


async def test_a_job_that_the_former_version_began_is_shown_while_it_runs(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    gained = ("starts", "deleted_at")
    document, etag = app.blobs.read_document(f"jobs/{job_id}/job.json")
    before = {name: value for name, value in document.items() if name not in gained}
    before["usage"] = {"cost_usd": 0.08, "estimated": True}
    app.blobs.replace_document(f"jobs/{job_id}/job.json", before, etag)
    job = await shown(hub, job_id)

    assert (job["status"], job["usage"]["settled"], told(job, "status", "charged")) == ("queued", False, [("queued", "unknown")])


async def test_what_ended_a_job_before_there_was_anything_of_its_pictures_is_told_of_each(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="2")
    finish(app, hub, job_id, problem=unusable("transparent").to_payload())
    job = await shown(hub, job_id)

    assert [entry["error"]["code"] for entry in job["pictures"]] == ["image_unusable"] * 2
    assert job["pictures"][0]["error"]["detail"] in job["error"]["detail"]


async def test_of_several_pictures_each_is_told_as_soon_as_it_is_there(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="3", seed="5")
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "generating", "progress": 5})
    ends = [
        picture(0, output=output(job_id)),
        picture(1, "failed", ("free",), problem=moderated("Fake", "input", "no").to_payload()),
        None,
    ]
    for index, end in enumerate(ends):
        shows = {"stage": "generating", "progress": 90 if end else 40, "sends": end["sends"] if end else []}
        hub.statuses[picture_instance_id(job_id, index, 3)] = Status(
            RUNTIME.Completed if end else RUNTIME.Running, shows, output=end
        )
    before = (await get(hub, job_id)).headers["ETag"]
    job = await shown(hub, job_id)

    assert (job["status"], job["stage"], job["progress"], job["error"]) == ("processing", "generating", 40, None)
    assert told(job, "status", "charged") == [("succeeded", "yes"), ("failed", "unknown"), ("processing", "unknown")]
    assert [entry["error"] and entry["error"]["code"] for entry in job["pictures"]] == [None, "content_moderated", None]
    assert [made["index"] for made in job["outputs"]] == [0]
    # As its link does, the result of each answers while the others are drawn.
    app.blobs.put_image(output(job_id)["blob"], b"png", "image/png")
    answers = [await result(hub, job_id, index=index, inline="1") for index in "012"]
    assert [answer.status_code for answer in answers] == [200, 422, 409]
    assert (answers[0].get_body(), answers[0].headers["Cache-Control"]) == (b"png", "private, max-age=3600")
    assert [body(answer)["code"] for answer in answers[1:]] == ["content_moderated", "result_not_ready"]
    assert body(await result(hub, job_id))["code"] == "result_not_ready", "the job goes on"
    # Another picture is news.
    last = picture(2, output=output(job_id, 2))
    shows = {"stage": "storing", "progress": 92, "sends": last["sends"]}
    hub.statuses[picture_instance_id(job_id, 2, 3)] = Status(RUNTIME.Completed, shows, output=last)
    assert (await get(hub, job_id)).headers["ETag"] != before
    assert [made["index"] for made in (await shown(hub, job_id))["outputs"]] == [0, 2]
