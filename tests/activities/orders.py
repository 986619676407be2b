"""Payloads of activities with valid defaults, a clock that is moved by hand, and a small durable client."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from shared.domain import payloads as p
from shared.domain.ledger import SendRow
from shared.domain.problem import Problem, timed_out
from shared.providers.provider import ProviderError
from tests.fakes import instance_status
from tests.orchestrators.story import stored

BUSY = Problem("provider_unavailable", params={"provider": "Fake"})
REFUSED = ProviderError(BUSY, retry_after=9)
DOWN = ProviderError(BUSY, provider_failed=True)
LOST = ProviderError(Problem("provider_unavailable", charged="unknown", params={"provider": "Fake"}), maybe_done=True)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Client:
    """A durable client: remembers the events, and tells of instances what `statuses` say."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.statuses: dict[str, Any] = {}
        self.started: list[str] = []
        self.purged: list[str] = []
        self.is_away = False

    async def raise_event(self, instance: str, event: str, data: Any = None) -> None:
        self._answer()
        self.events.append((instance, event))

    async def get_status(self, instance: str) -> Any:
        self._answer()
        return self.statuses.get(instance, instance_status("Running"))

    async def start_new(self, name: str, instance_id: str, client_input: Any = None) -> str:
        self._answer()
        self.started.append(instance_id)
        return instance_id

    async def terminate(self, instance: str, reason: str) -> None:
        self._answer()

    async def purge_instance_history(self, instance: str) -> None:
        self._answer()
        self.purged.append(instance)

    def _answer(self) -> None:
        if self.is_away:
            raise RuntimeError("hub away")


def submit_order(**changes: Any) -> p.SubmitOrder:
    order: p.SubmitOrder = {
        "job_id": "job_1", "traceparent": None, "index": 0, "generator": "fake", "attempt": 1, "call": 1, "images": ["in.png"],
        "instance": "job_1", "event": "slot-1", "timeout_seconds": 120, "has_failed": False, "may_wait_when_down": True,
        "may_be_sent": False, "is_rerun": False, "is_over": False, "over_problem": None, "find_looks_seconds": [5, 15, 40],
    }  # fmt: skip
    return cast(p.SubmitOrder, {**order, **changes})


def check_order(**changes: Any) -> p.CheckOrder:
    order: p.CheckOrder = {
        "job_id": "job_1", "traceparent": None, "index": 0, "generator": "fake", "attempt": 1,
        "handle": {"id": "p-1", "poll_url": "https://fake/p-1"}, "seed": 7, "preset": "mug", "label": "none",
        "asked_at": "2026-01-01T00:00:00+00:00", "submitted_at": "2026-01-01T00:00:00+00:00", "ran_at": None,
        "is_followed": False,
    }  # fmt: skip
    return cast(p.CheckOrder, {**order, **changes})


def sends(*states: Any, attempt: int = 1) -> list[SendRow]:
    return [{"generator": "fake", "attempt": attempt, "state": state} for state in states]


def picture_end(index: int = 0, state: str = "stored", **changes: Any) -> p.PictureEnd:
    """A picture's end; of a failed one its time was over while its prediction may still be paid for."""
    is_stored = state == "stored"
    end: p.PictureEnd = {
        "index": index, "state": cast(Any, state), "output": stored(index)["output"] if is_stored else None,
        "problem": timed_out(120, "unknown").to_payload() if state == "failed" else None,
        "sends": sends("paid" if is_stored else "accepted"), "generator": "fake", "fallback_used": False, "looks": 3,
        "submitted_at": "2026-01-01T00:00:02+00:00", "ready_at": "2026-01-01T00:00:09+00:00" if is_stored else None,
        "progress": 92, "is_watched": not is_stored,
    }  # fmt: skip
    return cast(p.PictureEnd, {**end, **changes})


def finish_order(*pictures: p.PictureEnd, **changes: Any) -> p.FinishOrder:
    order: p.FinishOrder = {
        "job_id": "job_1", "traceparent": None, "started_at": "2026-01-01T00:00:01+00:00", "problem": None,
        "pictures": list(pictures),
    }  # fmt: skip
    return cast(p.FinishOrder, {**order, **changes})


def keep_order(picture: p.PictureEnd, job_id: str = "job_1") -> p.KeepOrder:
    return {"job_id": job_id, "traceparent": None, "picture": picture}
