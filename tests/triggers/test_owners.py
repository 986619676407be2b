"""Whose a request is: as the platform says where it signs in, nobody's where it does not. Nothing of one owner is another's."""

from typing import Any

import pytest

from shared.domain.kinds import KINDS
from shared.storage.quota_store import QuotaStore
from tests import pictures
from tests.triggers.calls import (
    IMAGE,
    RUNTIME,
    FakeHub,
    Status,
    body,
    cancel,
    delete,
    finish,
    finish_before,
    form,
    get,
    new_job,
    picture,
    post,
    raw,
    record,
    request,
    result,
    settings,
    user,
)
from tests.triggers.test_translate import Words
from triggers import (
    api_document,
    generate,
    health,
    job_list,
    jobs,
    options,
    problem_pages,
    retry,
    sheet,
    translate,
    usage,
    webhook_secret,
    webhooks,
)
from triggers.no_route import ROUTES

PRINCIPAL = "X-MS-CLIENT-PRINCIPAL-ID"


async def post_of(hub: FakeHub, who: str, key: str = "k") -> Any:
    return await post(hub, headers={PRINCIPAL: who, "Idempotency-Key": key})


@pytest.mark.parametrize("function", [translate.BY_KIND["ppl"], translate.BY_KIND["goods"]])
@pytest.mark.parametrize("headers", [{}, {PRINCIPAL: " "}])
async def test_who_is_not_signed_in_may_not_use_the_translator_which_is_paid_for(
    app: Any, function: Any, headers: dict[str, str]
) -> None:
    settings(app, AUTH_MODE="easyauth")
    app.__dict__["translator"] = Words()
    answer = await raw(function)(req=request("POST", body='{"prompt": "영웅"}'.encode(), headers=headers))

    assert (answer.status_code, body(answer)["code"]) == (401, "unauthorized")
    signed_in = await raw(function)(req=request("POST", body='{"prompt": "영웅"}'.encode(), headers={PRINCIPAL: "a"}))
    assert signed_in.status_code == 200


# ---- every route ----

#: What may be asked by whoever is not signed in; the platform leaves the same addresses out (infra/app/api.bicep).
OPEN = {
    "options", "problems", "problems/{code}", "health", "health/ready", "openapi.json", "docs", "webhooks/replicate",
}  # fmt: skip
CLOSED = [
    {"AUTH_MODE": "easyath"}, {"AUTH_MODE": "easyauth", "AUTH_STAND_IN": "false"},
    {"AUTH_MODE": "easyauth", "AUTH_STAND_IN": "true", "WEBSITE_HOSTNAME": "toon.azurewebsites.net"},
]  # fmt: skip
FORGED = {
    PRINCIPAL: "me", "X-MS-CLIENT-PRINCIPAL-NAME": "me@example.com", "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
    "X-MS-CLIENT-PRINCIPAL": "eyJjbGFpbXMiOltdfQ==", "Authorization": "Bearer forged",
}  # fmt: skip
JOB = "job_0123456789abcdefghjkmnpqrs"


async def everything_asked(app: Any, hub: FakeHub, headers: dict[str, str]) -> dict[str, Any]:
    """The answers of all functions, by method and route."""
    app.__dict__["translator"] = Words()
    app.blobs.check = lambda: None
    answers: dict[str, Any] = {}
    for route, methods in ROUTES.items():
        for method in methods:
            kind = next((kind for kind in KINDS.values() if route.startswith(kind.route)), None)
            sent = request(
                method,
                route={"id": JOB, "code": "busy"} if "{" in route else {},
                headers=headers,
                body='{"prompt": "영웅"}'.encode(),
            )
            if route.endswith(("/generate", "/sheet")) and kind:
                fields = {"prompt": "a mug"} if route.endswith("/generate") else {"presets": "mug"}
                sent = form(fields, dict.fromkeys(kind.images, IMAGE), headers)
            answers[f"{method} {route}"] = await ask(route, method, kind)(sent, hub)
    return answers


def ask(route: str, method: str, kind: Any) -> Any:
    with_client = {
        "jobs/{id}": jobs.delete_job if method == "DELETE" else jobs.get_job, "jobs/{id}/result": jobs.get_job_result,
        "jobs/{id}/cancel": jobs.cancel_job, "jobs/{id}/retry": retry.retry_job, "goods-gen/sheet": sheet.sheet_goods,
        "health/ready": health.health_ready, "jobs": job_list.list_jobs,
        "webhooks/replicate": webhooks.replicate_webhook,
    }  # fmt: skip
    if route in with_client:
        return lambda sent, hub: user(with_client[route])(req=sent, client=hub)
    if route.endswith("/generate"):
        return lambda sent, hub: user(generate.BY_KIND[kind.name])(req=sent, client=hub)
    without = {
        "options": options.get_options, "health": health.health, "webhooks/secret": webhook_secret.get_webhook_secret,
        "webhooks/secret/rotate": webhook_secret.rotate_webhook_secret, "jobs/claim": job_list.claim_jobs,
        "usage": usage.get_usage,
        "problems": problem_pages.problem_catalogue, "problems/{code}": problem_pages.problem_page,
        "openapi.json": api_document.get_openapi, "docs": api_document.get_docs,
    }  # fmt: skip
    return lambda sent, hub: raw(without.get(route) or translate.BY_KIND[kind.name])(req=sent)


async def test_whoever_is_not_signed_in_gets_what_is_open_and_nothing_else(app: Any, hub: FakeHub) -> None:
    settings(app, AUTH_MODE="easyauth")
    answers = await everything_asked(app, hub, {})
    for asked, answer in answers.items():
        if asked.split(" ")[1] in OPEN - {"webhooks/replicate"}:
            assert answer.status_code in (200, 503), asked
        else:
            assert (answer.status_code, body(answer)["code"]) == (401, "unauthorized"), asked
    assert (hub.started, app.blobs.images) == ([], {})


@pytest.mark.parametrize("closed", CLOSED)
async def test_where_the_platform_does_not_look_nobody_is_believed(app: Any, hub: FakeHub, closed: dict[str, str]) -> None:
    settings(app, **closed)
    answers = await everything_asked(app, hub, FORGED)
    for asked, answer in answers.items():
        if asked.split(" ")[1] not in OPEN:
            assert (answer.status_code, body(answer)["code"]) == (500, "internal"), asked
            assert body(answer)["errors"][0]["field"] == "AUTH_MODE", asked
    assert answers["GET health"].status_code == 200
    assert "AUTH_MODE" in body(answers["GET health/ready"])["checks"]["settings"]["problems"]
    assert (hub.started, app.blobs.images) == ([], {})


async def test_who_is_not_signed_in_orders_nothing(app: Any, hub: FakeHub) -> None:
    settings(app, AUTH_MODE="easyauth")
    answer = await post(hub)

    assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (401, "unauthorized", "no")
    assert (hub.started, app.blobs.images) == ([], {})


async def test_where_nobody_signs_in_no_header_makes_an_owner(app: Any, hub: FakeHub) -> None:
    """Anybody could send it."""
    job_id = body(await post_of(hub, "somebody"))["id"]

    assert app.jobs.read(job_id)["owner"] == "anonymous"
    assert (await get(hub, job_id)).status_code == 200


async def test_a_key_is_its_owners_only(app: Any, hub: FakeHub) -> None:
    settings(app, AUTH_MODE="easyauth")
    mine, yours, again = [await post_of(hub, who) for who in ("me", "you", "me")]

    assert [answer.status_code for answer in (mine, yours, again)] == [202, 202, 202]
    assert body(mine)["id"] != body(yours)["id"]
    assert body(again)["id"] == body(mine)["id"]


async def test_a_key_counts_for_one_route_only(app: Any, hub: FakeHub) -> None:
    image = pictures.photo_jpeg(99, 99)
    goods = await post(hub, headers={"Idempotency-Key": "k"})
    sent = form({"prompt": "a mug"}, {"input_image_1": image, "input_image_2": image}, {"Idempotency-Key": "k"})
    ppl = await user(generate.BY_KIND["ppl"])(req=sent, client=hub)

    assert [goods.status_code, ppl.status_code] == [202, 202]
    assert body(goods)["id"] != body(ppl)["id"]


@pytest.mark.parametrize("ask", [jobs.get_job, jobs.get_job_result, jobs.cancel_job, jobs.delete_job])
async def test_nobody_reads_or_touches_the_job_of_another(app: Any, hub: FakeHub, ask: Any) -> None:
    settings(app, AUTH_MODE="easyauth")
    job_id = body(await post_of(hub, "me"))["id"]
    answer = await user(ask)(req=request("POST", route={"id": job_id}, headers={PRINCIPAL: "you"}), client=hub)

    assert (answer.status_code, body(answer)["code"]) == (404, "job_not_found")
    assert (hub.raised, app.jobs.read(job_id)["cancel_requested_at"]) == ([], None)


# ---- deleted jobs ----


@pytest.mark.parametrize("has_ended", [False, True])
async def test_a_job_that_is_deleted_and_not_yet_forgotten_is_seen_by_nobody(app: Any, hub: FakeHub, has_ended: bool) -> None:
    job_id = await new_job(hub)
    record(app, job_id, "submitted", "accepted", handle={"id": "p-1", "poll_url": "x"})
    if has_ended:
        finish(app, hub, job_id, picture(state="canceled", owes=("accepted",), is_watched=True))
    await delete(hub, job_id)

    assert app.jobs.read(job_id) is not None
    for ask in (get, result, cancel, delete):
        assert body(await ask(hub, job_id))["code"] == "job_not_found"


@pytest.mark.parametrize(("has_ended", "charged"), [(False, "unknown"), (True, "yes")])
async def test_the_key_of_a_deleted_job_says_what_that_may_cost_and_makes_no_other(
    app: Any, hub: FakeHub, has_ended: bool, charged: str
) -> None:
    job_id = body(await post(hub, headers={"Idempotency-Key": "k"}))["id"]
    if has_ended:
        finish(app, hub, job_id)
        hub.is_away("purge_instance_history")
    await delete(hub, job_id)
    answer = await post(hub, headers={"Idempotency-Key": "k"})

    assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (410, "job_deleted", charged)
    assert hub.started_jobs == [job_id]


async def test_a_job_whose_last_step_died_before_it_gave_its_place_back_gives_it_back_when_it_is_deleted(
    app: Any, hub: FakeHub
) -> None:
    app.__dict__["quotas"] = QuotaStore(app.documents, 1, None, app.now)
    job_id = await new_job(hub)
    finish_before(app, job_id)
    hub.statuses[job_id] = Status(RUNTIME.Completed)
    assert body(await post(hub))["code"] == "too_many_active_jobs"
    assert (await delete(hub, job_id)).status_code == 204

    assert (await post(hub)).status_code == 202


# ---- a repeated POST ----


@pytest.mark.parametrize("runtime", [RUNTIME.Failed, RUNTIME.Completed, None])
async def test_a_repeated_post_never_starts_a_job_that_has_ended(app: Any, hub: FakeHub, runtime: Any) -> None:
    job_id = body(await post(hub, headers={"Idempotency-Key": "k"}))["id"]
    finish(app, hub, job_id)
    hub.statuses.pop(job_id)
    if runtime is not None:
        hub.statuses[job_id] = Status(runtime)
    again = await post(hub, headers={"Idempotency-Key": "k"})

    assert (again.status_code, body(again)["id"], body(again)["status"]) == (200, job_id, "succeeded")
    assert hub.started_jobs == [job_id]


async def test_a_repeated_post_finds_its_job_while_no_new_one_is_taken_in(app: Any, hub: FakeHub) -> None:
    first = await post(hub, headers={"Idempotency-Key": "k"})
    app.gates.change("fake", lambda gate: gate.pause("maintenance"))
    app.gates.change("bfl", lambda gate: gate.pause("maintenance"))
    again = await post(hub, headers={"Idempotency-Key": "k"})

    assert (again.status_code, body(again)["id"]) == (202, body(first)["id"])
    assert body(await post(hub))["code"] == "intake_paused"


# ---- what was started again ----


async def test_a_cancel_reaches_the_pictures_of_every_start_that_go_on(app: Any, hub: FakeHub) -> None:
    """A start that was counted may not have come to be, and the one before it goes on."""
    job_id = await new_job(hub, n="2")
    hub.statuses[job_id] = Status(RUNTIME.Failed)
    await get(hub, job_id)
    present = [f"{job_id}-1", f"{job_id}-0-1", f"{job_id}-1-1"]
    hub.statuses |= {instance: Status(RUNTIME.Running) for instance in present}
    hub.statuses[f"{job_id}-0"] = Status(RUNTIME.Terminated)
    assert (await cancel(hub, job_id)).status_code == 202

    assert hub.raised == [(instance, "cancel") for instance in present]


async def test_a_job_whose_story_was_terminated_is_not_given_up_while_a_picture_of_it_is_made(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="2")
    hub.statuses |= {job_id: Status(RUNTIME.Terminated), f"{job_id}-1": Status(RUNTIME.Running)}
    assert body(await get(hub, job_id))["status"] == "queued"

    hub.statuses[f"{job_id}-1"] = Status(RUNTIME.Completed)
    assert body(await get(hub, job_id))["status"] == "failed"
    assert hub.started_jobs == [job_id]
