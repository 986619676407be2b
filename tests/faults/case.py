"""What a named failure is: how a provider misbehaves, and what must come of a job that meets it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: In a config: a server that no rule trusts, and the HTTP date so many seconds from now.
STRANGER = "@stranger"
DATE_IN = "@date+"

#: HTTP status of each code, and how its Korean sentence begins (design, section 4).
CODES: dict[str, tuple[int, str]] = {
    "content_moderated": (422, "안전성 검사 실패"),
    "provider_unavailable": (503, "{label} 모델 생성 실패"),
    "provider_auth_failed": (503, "{label} 모델 생성 실패"),
    "provider_quota_exhausted": (503, "{label} 모델 생성 실패"),
    "provider_bad_response": (502, "처리할 수 없는 결과 타입입니다"),
    "generation_timeout": (504, "이미지 생성이 "),
}
LABELS = {"replicate": "Replicate", "bfl": "BFL.ai"}


@dataclass(frozen=True)
class Case:
    """`provider` is who misbehaves: replicate is met by a PPL job, bfl by a goods job."""

    name: str
    provider: str
    #: What the simulator is told.
    config: Mapping[str, Any] = field(default_factory=dict)

    # ---- what must come of it ----
    status: str = "succeeded"
    code: str | None = None
    #: Of the error, once nothing more will come.
    charged: str | None = None
    #: Predictions that the provider made.
    submits: int = 1
    #: Create requests that reached it.
    asked: int | None = None
    possible_duplicate: bool = False
    #: Whether the same request may be worth repeating; None = not looked at.
    retryable: bool | None = None
    stage: str | None = None
    #: Least seconds between the first two creates, or the first two polls.
    create_gap: float = 0.0
    poll_gap: float = 0.0
    #: Cancels that the provider carried out.
    cancels: int = 0
    most_polls: int | None = None
    #: From the submit until its end is known: who is not told looks after ten.
    most_seconds: float | None = None
    #: What the host's log must say.
    logged: str | None = None
    #: The picture comes after the job has ended, and is kept.
    is_kept_later: bool = False
    #: The other provider: what it is told, what it made, and whether the picture is its.
    other: Mapping[str, Any] = field(default_factory=dict)
    other_submits: int = 0
    fallback_used: bool = False

    # ---- how it is played ----
    group: str = "plain"
    #: So many jobs that the provider fails first; five open its breaker.
    failures_before: int = 0
    #: Cancel when the job shows this stage, or when its create has been "sent".
    cancel_at: str | None = None
    #: The provider recovers when the job has ended.
    heals: bool = False
    #: The code with which a second POST is refused.
    next_post: str | None = None


def fault(on: str, kind: str, times: int | None = None, **fields: Any) -> dict[str, Any]:
    return {"on": on, "kind": kind, **({} if times is None else {"times": times}), **fields}


def answers(on: str, status: int, times: int | None = None, **fields: Any) -> dict[str, Any]:
    return fault(on, "status", times, status=status, **fields)
