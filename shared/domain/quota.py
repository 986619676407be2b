"""What a limit says: how much of it is left, and the refusal when nothing is. Pure."""

from datetime import datetime
from typing import Final, Literal, NamedTuple

from shared.domain.days import KOREA
from shared.domain.problem import Problem, ProblemError

#: Whose limit: a caller's own, or that of all callers together.
Scope = Literal["own", "all"]
Policy = Literal["jobs-at-once", "jobs-a-day", "translations-a-day", "dollars-a-day", "dollars-a-month"]

_USED_UP: Final[dict[Policy, tuple[str, str]]] = {
    "jobs-a-day": ("오늘의 생성 한도(작업 수)", "Today's quota of jobs"),
    "translations-a-day": ("오늘의 번역 한도(요청 수)", "Today's quota of translations"),
    "dollars-a-day": ("오늘의 생성 한도(비용)", "Today's quota of dollars"),
    "dollars-a-month": ("이번 달의 생성 한도(비용)", "This month's quota of dollars"),
}
_OF_ALL_KO, _OF_ALL_EN = "전체 사용자의 ", " for all users together"


class Standing(NamedTuple):
    """How much is left of a limit, in requests like the one that was just answered."""

    policy: Policy
    scope: Scope
    quota: int
    remaining: int
    #: Neither where places come back as jobs end.
    window_seconds: int | None = None
    reset_seconds: int | None = None
    #: The limit itself, where it is one in dollars.
    usd: float | None = None

    @property
    def name(self) -> str:
        return self.policy if self.scope == "own" else f"{self.policy}-of-all"


class LimitReached(ProblemError):
    """No more is taken in: its problem says until when."""

    def __init__(self, problem: Problem, standing: Standing) -> None:
        super().__init__(problem)
        self.standing = standing


def too_many_at_once(standing: Standing) -> LimitReached:
    of_all = {"whose_en": "jobs of all users together"} if standing.scope == "all" else {}
    return LimitReached(Problem("too_many_active_jobs", params=of_all), standing)


def used_up(standing: Standing, reset_at: datetime) -> LimitReached:
    ko, en = _USED_UP[standing.policy]
    if standing.scope == "all":
        ko, en = _OF_ALL_KO + ko, en + _OF_ALL_EN
    params = {"used_ko": ko, "used_en": en, "limit": standing.name, **_from(reset_at)}
    return LimitReached(Problem("quota_exceeded", params=params), standing)


def too_many_secrets(at_most: int, until: datetime) -> Problem:
    """An owner has made so many secrets of late that one more would take away what was promised to one of them."""
    ko, en = f"하루에 비밀 값을 바꿀 수 있는 횟수({at_most}번)", f"The number of secrets that may be made in a day ({at_most})"
    return Problem("quota_exceeded", params={"used_ko": ko, "used_en": en, "limit": "secrets-a-day", **_from(until)})


def _from(reset_at: datetime) -> dict[str, str]:
    there = reset_at.astimezone(KOREA)
    return {
        "reset_at": reset_at.isoformat(timespec="seconds"), "reset_ko": f"{there.month}월 {there.day}일 {there:%H:%M}",
        "reset_en": f"{there:%Y-%m-%d %H:%M}",
    }  # fmt: skip


def policies(standings: list[Standing]) -> str:
    """The field RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11, 3). Its units are requests; the dollars behind them
    are a parameter of ours, as the draft lets servers add."""
    return ", ".join(
        f'"{s.name}";q={s.quota}'
        + (';qu="concurrent-requests"' if s.policy == "jobs-at-once" else "")
        + (f";w={s.window_seconds}" if s.window_seconds else "")
        + (f";toonconnect-usd={s.usd:.2f}" if s.usd is not None else "")
        for s in standings
    )


def remaining(standings: list[Standing]) -> str:
    """The field RateLimit (draft-ietf-httpapi-ratelimit-headers-11, 4)."""
    return ", ".join(
        f'"{s.name}";r={s.remaining}' + (f";t={s.reset_seconds}" if s.reset_seconds is not None else "") for s in standings
    )
