"""Asks the app, and judges what it says: a job that is worth its money, or a problem that anybody can read."""

import asyncio
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import azure.functions as func
from azure.functions.http import HttpRequest

from shared.domain.presets import PRESETS
from shared.domain.problem import CATALOGUE
from shared.domain.text import is_blank, is_damaged
from shared.services import Services, use_services
from shared.webhooks import WebhookVerifier
from tests.fakes import FakeGenerator, make_services
from tests.forms.requests import Sent, make
from tests.triggers.calls import FakeHub, body, finish, new_job, raw, settings, user
from tests.triggers.conftest import FakeLinks
from tests.triggers.test_translate import Words
from triggers import generate, health, jobs, options, translate, webhooks

_HANGUL = re.compile("[가-힣]")
#: Longer than any of them may take; decoding a picture is no part of it.
MAX_SECONDS = 3.0


@dataclass
class Tally:
    """How many of each came, and how long the slowest took."""

    codes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    slowest_seed: str = ""


@contextmanager
def world() -> Iterator[tuple[Services, FakeHub]]:
    """An app over storage that works, and a finished job in it."""
    app, hub = make_services(FakeGenerator()), FakeHub()
    app.__dict__.update(links=FakeLinks(), translator=Words(), webhooks=WebhookVerifier(lambda: "whsec_c2VjcmV0"))
    use_services(app)
    try:
        yield app, hub
    finally:
        use_services(None)


def run(seed: str, count: int) -> Tally:
    """Raises AssertionError that names the seed of a request which got no answer that it should."""
    return asyncio.run(_run(seed, count))


async def _run(seed: str, count: int) -> Tally:
    tally = Tally()
    with world() as (app, hub):
        job_id = await new_job(hub)
        finish(app, hub, job_id)
        for number in range(count):
            one = f"{seed}-{number}"
            sent = make(one)
            if sent.what == "delete":
                # Its own job, so that the others keep theirs.
                settings(app, AUTH_MODE="none")
                sent.route = {"id": await new_job(hub)} if sent.route.get("id") == "{job}" else sent.route
            elif sent.route.get("id") == "{job}":
                sent.route = {"id": job_id}
            started = time.perf_counter()
            try:
                code = await _judged(app, hub, sent)
            except Exception as error:
                raise AssertionError(f"{one}: {sent.what}: {error!r}") from error
            took = time.perf_counter() - started
            assert took < MAX_SECONDS, f"{one} took {took:.1f} s"
            if took > tally.slowest:
                tally.slowest, tally.slowest_seed = took, one
            tally.codes[code] += 1
    return tally


async def _judged(app: Services, hub: FakeHub, sent: Sent) -> str:
    """The code of the problem, or the status of what is none."""
    mode, pages = ("easyauth", "https://page.example") if sent.signs_in else ("none", "*")
    settings(app, AUTH_MODE=mode, ALLOWED_ORIGINS=pages)
    jobs_before = len(hub.started)
    answer = await _asked(hub, sent, "ko")
    for name, value in answer.headers.items():
        assert value.isascii(), f"header {name}: {value!r}"
        assert value.isprintable(), f"header {name}: {value!r}"
    if answer.status_code < 400:
        if answer.status_code == 202 and sent.what in ("goods", "ppl"):
            _require_worth(app, body(answer)["id"])
        return str(answer.status_code)
    assert len(hub.started) == jobs_before, "a job was started, and the answer is an error"
    document = _problem(answer)
    # Of one that is refused nothing is owed, unless it asks for a job that there is.
    assert document["charged"] == "no" or sent.what not in ("goods", "ppl", "translate") or "idempotency" in document["code"]
    # Of a webhook_url, where nobody has set a key up.
    assert answer.status_code < 500 or document["code"] == "webhooks_not_configured", document
    english = _problem(await _asked(hub, sent, "en"))
    if english["code"] != document["code"]:
        # The first look may have changed what there is to see.
        assert sent.what in ("delete", "cancel"), (document["code"], english["code"])
        return str(document["code"])
    names = [error["field"] for error in document["errors"]]
    assert names == [error["field"] for error in english["errors"]]
    for korean in (document["title"], document["detail"], *(error["message"] for error in document["errors"])):
        assert _HANGUL.search(korean) or "Idempotency-Key" in korean, korean
    for name in names:
        assert name.isprintable(), name
    fixed = english["detail"] if not names else ""
    for sentence in (english["title"], fixed, *(error["message"] for error in english["errors"])):
        assert not _HANGUL.search(sentence), sentence
    return str(document["code"])


def _problem(answer: func.HttpResponse) -> dict[str, Any]:
    document = body(answer)
    assert answer.mimetype == "application/problem+json"
    assert document["status"] == answer.status_code == CATALOGUE[document["code"]].status
    for sentence in (document["title"], document["detail"], *(error["message"] for error in document["errors"])):
        assert sentence.strip()
        assert "{" not in sentence or sentence in document["detail"]
    assert document["request_id"] == answer.headers["X-Request-Id"]
    assert answer.headers["Content-Language"] in ("ko", "en")
    return document


def _require_worth(app: Services, job_id: str) -> None:
    """What is sent is what somebody can have meant."""
    asked = app.jobs.read(job_id)["input"]
    prompt = asked["prompt"]
    assert not is_damaged(prompt), prompt
    assert prompt == unicodedata.normalize("NFC", prompt)
    assert len(prompt) <= 2000
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]", prompt)
    assert asked["preset"] in PRESETS or not is_blank(prompt)
    assert asked["prompt_sent"].endswith(prompt)


async def _asked(hub: FakeHub, sent: Sent, language: str) -> func.HttpResponse:
    headers = {**sent.headers, "accept-language": language}
    request = HttpRequest(
        sent.method, sent.url, headers=headers, params=sent.params, route_params=sent.route, body_type="bytes", body=sent.body
    )
    with_client = {
        "goods": generate.BY_KIND["goods"], "ppl": generate.BY_KIND["ppl"], "get": jobs.get_job, "result": jobs.get_job_result,
        "cancel": jobs.cancel_job, "delete": jobs.delete_job, "webhook": webhooks.replicate_webhook,
    }  # fmt: skip
    if sent.what in with_client:
        return await user(with_client[sent.what])(req=request, client=hub)
    function = {"translate": translate.BY_KIND["goods"], "options": options.get_options, "health": health.health}[sent.what]
    return await raw(function)(req=request)
