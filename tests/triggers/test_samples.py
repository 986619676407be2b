"""What callers see of a sandbox: on every answer, on every job, in the options; and what they are told where it is refused."""

from dataclasses import replace
from typing import Any

import pytest

from tests.triggers.calls import FakeHub, body, get, post, raw, request, settings, user
from triggers import health, options
from triggers.job_view import Job, view

SANDBOX = {"SANDBOX": "true", "ENVIRONMENT_TYPE": "dev"}


@pytest.mark.parametrize("is_sandbox", [True, False])
async def test_a_job_its_answers_and_the_options_say_so(app: Any, hub: FakeHub, is_sandbox: bool) -> None:
    app.settings = replace(app.settings, is_sandbox=is_sandbox)
    accepted = await post(hub)
    job = body(accepted)
    told = await get(hub, job["id"])

    assert (accepted.status_code, job["sample"], body(told)["sample"]) == (202, is_sandbox, is_sandbox)
    assert body(await raw(options.get_options)(req=request()))["sandbox"] is is_sandbox
    for answer in (accepted, told, await raw(health.health)(req=request())):
        assert answer.headers.get("X-Sandbox") == ("true" if is_sandbox else None)


async def test_a_sample_stays_one_when_the_sandbox_is_none_any_more(app: Any, hub: FakeHub) -> None:
    app.settings = replace(app.settings, is_sandbox=True)
    job_id = body(await post(hub))["id"]
    app.settings = replace(app.settings, is_sandbox=False)

    assert view(request(), Job(app.jobs.read(job_id)))["sample"] is True


async def test_a_job_of_before_is_no_sample(app: Any, hub: FakeHub) -> None:
    document = app.jobs.read(body(await post(hub))["id"])
    del document["sample"]

    assert view(request(), Job(document))["sample"] is False


@pytest.mark.parametrize(
    "environ", [{"SANDBOX": "true"}, {"SANDBOX": "true", "ENVIRONMENT_TYPE": "prod"}, {"SANDBOX": "treu"}], ids=str
)
async def test_where_a_sandbox_is_refused_no_job_is_taken_in(app: Any, hub: FakeHub, environ: dict[str, str]) -> None:
    app.blobs.check = lambda: None
    settings(app, **environ)
    refused = await post(hub)

    assert (refused.status_code, body(refused)["code"], body(refused)["charged"]) == (500, "internal", "no")
    assert [error["field"] for error in body(refused)["errors"]] == ["SANDBOX"]
    assert hub.started == []
    ready = body(await user(health.health_ready)(req=request(), client=hub))
    assert (ready["code"], ready["sandbox"], list(ready["checks"]["settings"]["problems"])) == ("not_ready", False, ["SANDBOX"])
