"""When to look at a prediction again, and how far along it probably is. Pure: orchestrators replay it."""

from datetime import timedelta

#: Factors of the poll interval: quick while most pictures finish, then calmer.
_STEPS = ((5, 1), (15, 2), (30, 3))
_SLOWEST = 5
_TOLD = 10

RETRY_DELAYS_SECONDS = (2, 4, 8, 15, 30)


def poll_delay(polls: int, interval_seconds: float, is_told: bool = False) -> timedelta:
    """How long to wait after `polls` looks. Never under a second: queues hide a message for whole seconds only.

    `is_told`: the provider calls when the prediction has ended, so looking is only for calls that get lost.
    """
    factor = next((factor for below, factor in _STEPS if polls < below), _SLOWEST)
    return timedelta(seconds=max(1.0, interval_seconds * (_TOLD if is_told else factor)))


def leftover_delay(looks: int) -> timedelta:
    """How long to wait before the next look at a prediction that nobody waits for; its link lives for ten minutes (2.5)."""
    return timedelta(seconds=min(5 * (looks + 1), 30))


def retry_delay(retries: int, asked_seconds: float | None, jitter: float) -> timedelta:
    """How long to leave a provider alone after its `retries`-th refusal (from 0).

    A Retry-After is a floor that is honoured up to ten minutes; `jitter` in 0..1 spreads callers over a quarter more.
    """
    base = RETRY_DELAYS_SECONDS[min(retries, len(RETRY_DELAYS_SECONDS) - 1)]
    floor = min(asked_seconds, 600.0) if asked_seconds is not None else base
    return timedelta(seconds=max(1.0, floor * (1 + jitter / 4)))


def generating_progress(elapsed_seconds: float, expected_seconds: float) -> int:
    """Percent between 30 and 90: most of the way at the expected time, never there before the picture is."""
    elapsed = max(0.0, elapsed_seconds)
    return 30 + int(60 * elapsed / (elapsed + max(expected_seconds, 1.0) * 0.35))


def eta_seconds(elapsed_seconds: float, expected_seconds: float) -> int:
    return max(1, round(expected_seconds - elapsed_seconds))
