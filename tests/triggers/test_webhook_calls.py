"""POST webhooks/replicate: a signed hint wakes the picture that it names."""

from typing import Any

import pytest

from shared.domain.problem import Problem
from shared.providers.provider import ProviderError
from shared.webhooks import Refused
from tests.triggers.calls import (
    RUNTIME,
    FakeHub,
    Status,
    body,
    request,
    user,
)
from triggers import webhooks


class Verifier:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.seen: list[bytes] = []

    def verify(self, headers: Any, body: bytes) -> None:
        self.seen.append(body)
        if self.error:
            raise self.error


async def webhook(app: Any, hub: FakeHub, error: Exception | None = None, sent: bytes = b"{}", **params: str) -> Any:
    app.__dict__["webhooks"] = Verifier(error)
    asked = request("POST", "/api/webhooks/replicate", params=params, body=sent)
    return await user(webhooks.replicate_webhook)(req=asked, client=hub)


JOB = "job_0123456789abcdefghjkmnpqrs"


async def test_a_signed_webhook_wakes_the_picture_it_names(app: Any, hub: FakeHub) -> None:
    hub.statuses = {JOB: Status(RUNTIME.Running), f"{JOB}-3": Status(RUNTIME.Running)}
    for instance in (JOB, f"{JOB}-3"):
        assert (await webhook(app, hub, instance=instance, submission="2")).status_code == 204
    assert hub.raised == [(JOB, "ended-2"), (f"{JOB}-3", "ended-2")]


@pytest.mark.parametrize(
    "params",
    [{}, {"instance": JOB}, {"instance": "x", "submission": "1"}, {"instance": JOB, "submission": "0"},
     {"instance": f"{JOB}-4", "submission": "1"}, {"instance": JOB, "submission": "1/../x"},
     {"instance": JOB, "submission": "1"}],
)  # fmt: skip
async def test_a_signed_webhook_for_nobody_is_answered_and_wakes_nobody(app: Any, hub: FakeHub, params: dict[str, str]) -> None:
    assert (await webhook(app, hub, **params)).status_code == 204
    assert hub.raised == []


async def test_a_webhook_that_is_not_signed_wakes_nobody(app: Any, hub: FakeHub) -> None:
    hub.statuses = {JOB: Status(RUNTIME.Running)}
    refused = await webhook(app, hub, Refused("wrong signature"), instance=JOB, submission="1")
    assert (refused.status_code, body(refused)["code"]) == (401, "unauthorized")
    # Without the secret nobody can tell: Replicate tries again later.
    unknown = await webhook(app, hub, ProviderError(Problem("provider_unavailable")), instance=JOB, submission="1")
    assert unknown.status_code == 503
    huge = await webhook(app, hub, sent=b"x" * (webhooks.MAX_BODY_BYTES + 1), instance=JOB, submission="1")
    assert huge.status_code == 400
    assert hub.raised == []
